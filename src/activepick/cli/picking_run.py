"""A run of `activepick pick`: from what was typed to what is written."""

import hashlib
import os
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import activepick
from activepick.batch.clusters import cluster_connection
from activepick.batch.local import pick_locally
from activepick.batch.outcome import Outcome
from activepick.batch.output import make_output
from activepick.batch.record import RunRecord, record_folder
from activepick.batch.run import BatchRun, Summary
from activepick.batch.source import Source, find_sources
from activepick.batch.watching import watch
from activepick.cli.console import Bar, progress_bar, say
from activepick.cli.deciding import Decision, decide
from activepick.cli.interruption import end_at_once, terminable
from activepick.picking.rules import PickRules

if TYPE_CHECKING:
    from activepick.features.engine import FeatureEngine
    from activepick.learning.head import Head
    from activepick.picking.picker import Picker

__all__ = ["Cluster", "PickingRun", "Watching", "Working"]


@dataclass(frozen=True)
class Cluster:
    """Which cluster, and how many micrographs a task has."""

    scheduler: str | None
    slurm: bool
    jobs: int
    chunk: int


@dataclass(frozen=True)
class Working:
    """How the work is laid out, which changes no picks but for `sides`."""

    sides: int | None
    patience: float
    readers: int | None
    gpu_memory: float | None


@dataclass(frozen=True)
class Watching:
    """How to wait for micrographs; only where it is wanted."""

    every: float
    stop_after: float | None
    wanted: bool


class PickingRun:
    """Everything between the options and the summary; see `activepick pick` for what they mean."""

    def __init__(
        self,
        asked: Decision,
        out: Path,
        format: str | None,
        wanted: dict[str, Any],
        rules: PickRules,
        working: Working,
        cluster: Cluster | None,
    ) -> None:
        self._asked = asked
        self._rules = rules
        self._working = working
        self._bar: Bar | None = None
        self._cluster = cluster
        self._stack = ExitStack()
        self._picker: Picker | None = None
        self._connect: Callable[[], Any] | None = None
        self._record: RunRecord
        self.record_folder = record_folder(out)
        self._request = {
            "activepick": activepick.__version__,
            "out": str(out.absolute()),
            "format": format,
            **{k: None if v is None else str(v) for k, v in wanted.items()},
            **asdict(asked),
            "files": {name: _digest(name) for name in (asked.head, asked.model) if name},
            **asdict(rules),
            "sides": working.sides,
        }
        self._output = make_output(
            out, format, asked.diameter_angstrom, wanted, self.record_folder / "parts"
        )

    @property
    def working_radii(self) -> list[float]:
        """Working radii of the head that decided."""
        head = self._record.head
        return [] if head is None else list(head.spec.working_radii)

    def __call__(
        self,
        paths: list[Path],
        pixel_size: float | None,
        inverted: bool,
        fresh: bool,
        watching: Watching,
    ) -> Summary:
        """Pick, until all is done or, when watching, nothing comes any more."""
        find = partial(find_sources, paths, pixel_size, inverted, may_be_empty=watching.wanted)
        first = find()
        self._output.expect([source.name for source in first.found])
        request = {**self._request, "pixel_size": pixel_size, "inverted": inverted}
        self._record = RunRecord(self.record_folder, request, fresh=fresh)
        run = BatchRun(self._output, self._record, self._pick)
        rounds = iter([first])
        if watching.wanted:
            rounds = watch(find, every=watching.every, stop_after=watching.stop_after)
        summary = Summary()
        with self._stack, terminable():
            for sources in rounds:
                self._output.know(sources.optics)
                todo = run.todo(sources.found)
                with progress_bar(len(todo)) as bar:
                    self._bar = bar
                    summary = run.run(sources, todo, partial(_tell, bar, watching.wanted))
        if self._record.failures:
            say(f"what was left out, and why: {self.record_folder / 'failed.csv'}")
        return summary

    def _pick(self, todo: Sequence[Source]) -> Iterator[Outcome]:
        if not todo:
            return
        if self._picker is None:
            with end_at_once():
                files = [source.micrograph() for source in todo]
                engine, head = decide(self._asked, files, self._record.head)
            self._picker = self._start(engine, head)
        if self._cluster is None:
            yield from pick_locally(
                self._picker,
                todo,
                patience=self._working.patience,
                readers=self._working.readers,
                progress=self._show,
            )
            return
        where = self._cluster
        if self._connect is None:
            self._connect = cluster_connection(
                self._stack, where.scheduler, where.slurm, where.jobs
            )
        from activepick.batch.cluster import pick_on_cluster
        from activepick.batch.cluster_worker import PickJob

        job = PickJob.of(self._picker, self._asked.device, self._asked.precision)
        yield from pick_on_cluster(
            self._connect, job, todo, chunk=where.chunk, patience=self._working.patience, say=say
        )

    def _show(self, source: Source, fraction: float) -> None:
        if self._bar is not None:
            self._bar.step(source.path.name)
            self._bar.part(fraction)

    def _start(self, engine: "FeatureEngine", head: "Head") -> "Picker":
        from activepick.picking.picker import Picker

        facts = {
            "command": shlex.join(["activepick", *sys.argv[1:]]),
            "folder": os.getcwd(),
            "device": str(engine.extractor.device),
            "precision": str(engine.extractor.dtype).removeprefix("torch."),
            "working_radii_px": list(head.spec.working_radii),
        }
        self._record.start(head, facts)
        if self._working.gpu_memory is not None:
            engine.extractor.limit_memory(self._working.gpu_memory)
        if self._working.sides is not None:
            engine = replace(engine, orientations=self._working.sides)
        return Picker(engine, head, self._rules)


def _digest(name: str) -> str | None:
    """Hash a head or model that is a file, so that another one under its name is noticed."""
    try:
        return hashlib.sha256(Path(name).read_bytes()).hexdigest()
    except OSError:
        return None


def _tell(bar: Bar, each: bool, source: Source, outcome: Outcome) -> None:
    if outcome.picks is None:
        bar.say(f"left out: {outcome.failure}")
    elif each:
        say(f"{source.name}: {len(outcome.picks)} picks")
    bar.step(source.path.name)
    bar.done()

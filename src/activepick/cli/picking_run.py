"""Run `activepick pick`: from the options to the files that are written."""

import hashlib
import os
import shlex
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import activepick
from activepick.batch.cluster_connection import cluster_connection
from activepick.batch.local import pick_locally
from activepick.batch.outcome import Outcome
from activepick.batch.output import make_output
from activepick.batch.record import RunRecord, record_folder
from activepick.batch.run import BatchRun, Summary
from activepick.batch.watching import find_whole, watch
from activepick.cli.arguments import OutputPath
from activepick.cli.console import Bar, progress_bar, say
from activepick.cli.interruption import exit_at_once, terminable
from activepick.cli.loading import HeadOptions, load_engine_and_head
from activepick.errors import SettingsError, on_command_line
from activepick.files import read_whole
from activepick.micrograph import Micrograph
from activepick.micrograph.discovery import FoundMicrograph, MicrographSet, find_micrographs
from activepick.picking.rules import PickRules
from activepick.wording import counted

if TYPE_CHECKING:
    from activepick.features.engine import FeatureEngine
    from activepick.learning.head import Head
    from activepick.picking.picker import Picker

__all__ = [
    "ClusterOptions",
    "MicrographOptions",
    "PickingRun",
    "ResourceOptions",
    "WatchOptions",
]


@dataclass(frozen=True)
class MicrographOptions:
    """Options that select the micrographs."""

    paths: Sequence[Path]
    pixel_size: float | None
    inverted: bool
    recursive: bool


@dataclass(frozen=True)
class ClusterOptions:
    """Options that select a cluster, and the number of micrographs in a task."""

    scheduler: str | None
    slurm: bool
    jobs: int
    chunk: int


@dataclass(frozen=True)
class ResourceOptions:
    """Options for speed and memory; only `orientations` affects picks."""

    orientations: int | None
    patience: float
    readers: int | None
    gpu_memory: float | None


@dataclass(frozen=True)
class WatchOptions:
    """Options for micrographs that are still being written."""

    is_wanted: bool
    every: float
    stop_after: float | None


class PickingRun:
    """A run of `activepick pick`; see its help for the options.

    Parameters
    ----------
    head
        Options for head and network.
    out
        File or folder for the picks.
    format
        Name of the format; None for that of the file name.
    written
        Options of formats.
    rules
        Rules that select the picks.
    resources
        Options for speed and memory.
    cluster
        Options of a cluster; None to pick on this machine.
    overwrite
        Whether files of an earlier run are removed from the folder if this run does not write them.
    kind_thresholds
        Thresholds of kinds of particles, by the name of the kind.
    """

    def __init__(
        self,
        head: HeadOptions,
        out: OutputPath,
        format: str | None,
        written: dict[str, Any],
        rules: PickRules,
        resources: ResourceOptions,
        cluster: ClusterOptions | None,
        *,
        overwrite: bool = False,
        kind_thresholds: Mapping[str, float] = MappingProxyType({}),
    ) -> None:
        self._head = head
        self._kind_thresholds = kind_thresholds
        self._rules = rules
        self._resources = resources
        self._bar: Bar | None = None
        self._cluster = cluster
        self._stack = ExitStack()
        self._picker: Picker | None = None
        self._connect: Callable[[], Any] | None = None
        self._record: RunRecord
        self._said: set[str] = set()
        self.record_folder = record_folder(out.path)
        self._request = {
            "activepick": activepick.__version__,
            "out": str(out.path.absolute()),
            "format": format,
            **{k: None if v is None else str(v) for k, v in written.items()},
            **asdict(head),
            "files": {name: _digest(name) for name in (head.head, head.model) if name},
            # Left out if there are none, as in the records of versions without kinds.
            **{k: v for k, v in asdict(rules).items() if k != "kind_thresholds"},
            **({"kind_thresholds": dict(kind_thresholds)} if kind_thresholds else {}),
            "orientations": resources.orientations,
        }
        self._output = make_output(
            out.path,
            format,
            head.diameter_angstrom,
            written,
            self.record_folder / "parts",
            is_folder=out.is_folder,
            overwrite=overwrite,
        )

    @property
    def working_radii(self) -> list[float]:
        """Working radii of the head in working pixels."""
        head = self._record.head
        return [] if head is None else list(head.spec.working_radii)

    def __call__(self, asked: MicrographOptions, fresh: bool, watching: WatchOptions) -> Summary:
        """Pick all micrographs or, when watching, until no more are written.

        Parameters
        ----------
        asked
            The micrographs.
        fresh
            Whether to pick micrographs of an earlier run again.
        watching
            Whether to wait for new micrographs, and how long.
        """
        find = partial(
            find_micrographs,
            asked.paths,
            asked.pixel_size,
            asked.inverted,
            recursive=asked.recursive,
            may_be_empty=watching.is_wanted,
        )
        first = find_whole(find, say, every=watching.every) if watching.is_wanted else find()
        self._output.use_lists(first.relion_lists)
        self._output.expect([found.name for found in first.found])
        settings = {"pixel_size": asked.pixel_size, "inverted": asked.inverted}
        self._record = RunRecord(self.record_folder, {**self._request, **settings}, fresh=fresh)
        self._use_kinds(self._record.head)
        run = BatchRun(self._output, self._record, self._pick)
        rounds = iter([first])
        if watching.is_wanted:
            rounds = watch(find, say, every=watching.every, stop_after=watching.stop_after)
        summary = Summary()
        with self._stack, terminable():
            for micrographs in rounds:
                self._say_notices(micrographs)
                self._output.use_lists(micrographs.relion_lists)
                todo = run.todo(micrographs.found)
                with progress_bar(len(todo)) as bar:
                    self._bar = bar
                    report = partial(_report, bar, watching.is_wanted)
                    summary = run.run(micrographs, todo, report)
            run.clean_up()
        if self._record.failures:
            say(
                f"micrographs that were left out, with reasons: {self.record_folder / 'failed.csv'}"
            )
        return summary

    def _say_notices(self, micrographs: MicrographSet) -> None:
        for notice in micrographs.notices:
            if str(notice) not in self._said:
                say(f"note: {on_command_line(notice)}")
        new = [name for name in micrographs.missing if name not in self._said]
        if new:
            more = f" ({len(new) - 1} more do not exist)" if len(new) > 1 else ""
            say(f"left out: {micrographs.missing[new[0]]}{more}")
        self._said.update(map(str, micrographs.notices), new)

    def _pick(self, todo: Sequence[FoundMicrograph]) -> Generator[Outcome, None, None]:
        if not todo:
            return
        first = self._load(todo) if self._picker is None else None
        assert self._picker is not None
        if self._cluster is None:
            yield from pick_locally(
                self._picker,
                todo,
                patience=self._resources.patience,
                readers=self._resources.readers,
                progress=self._show,
                first=first,
            )
            return
        cluster = self._cluster
        if self._connect is None:
            self._connect = cluster_connection(
                self._stack, cluster.scheduler, cluster.slurm, cluster.jobs
            )
        from activepick.batch.cluster import pick_on_cluster
        from activepick.batch.cluster_worker import PickJob

        job = PickJob.of(self._picker, self._head.device, self._head.precision)
        patience = self._resources.patience
        yield from pick_on_cluster(
            self._connect, job, todo, chunk=cluster.chunk, patience=patience, say=say
        )

    def _load(self, todo: Sequence[FoundMicrograph]) -> Micrograph:
        """Load head and network, and return the first micrograph, which may have been read."""
        files = [found.micrograph() for found in todo]
        with exit_at_once():
            engine, head = load_engine_and_head(self._head, files, self._record.head)
        self._picker = self._start(engine, head)
        files[0].keep_early(head.used_radii)
        return files[0]

    def _show(self, found: FoundMicrograph, fraction: float) -> None:
        if self._bar is not None:
            self._bar.step(found.path.name)
            self._bar.part(fraction)

    def _use_kinds(self, head: "Head | None") -> None:
        if head is not None and head.kinds is not None:
            self._output.use_kinds(head.kinds.name_of)

    def _start(self, engine: "FeatureEngine", head: "Head") -> "Picker":
        from activepick.picking.picker import Picker

        self._use_kinds(head)
        rules = _with_kinds(self._rules, self._kind_thresholds, head)

        facts = {
            "command": shlex.join(["activepick", *sys.argv[1:]]),
            "folder": os.getcwd(),
            "device": str(engine.extractor.device),
            "precision": str(engine.extractor.dtype).removeprefix("torch."),
            "working_radii_px": list(head.spec.working_radii),
        }
        self._record.start(head, facts)
        if self._resources.gpu_memory is not None:
            engine.extractor.limit_memory(self._resources.gpu_memory)
        if self._resources.orientations is not None:
            engine = replace(engine, orientations=self._resources.orientations)
        return Picker(engine, head, rules)


def _with_kinds(rules: PickRules, thresholds: Mapping[str, float], head: "Head") -> PickRules:
    """Return rules with thresholds for kinds of particles of a head.

    Raises
    ------
    SettingsError
        If the head does not have a kind.
    """
    numbers = {} if head.kinds is None else {v: k for k, v in head.kinds.name_of.items()}
    for name in thresholds:
        if name not in numbers:
            known = f"the kinds {', '.join(numbers)}" if numbers else "no kinds of particles"
            raise SettingsError(f"--kind-threshold {name}: the head has {known}.")
    own = tuple((numbers[name], threshold) for name, threshold in thresholds.items())
    return replace(rules, kind_thresholds=own)


def _digest(name: str) -> str | None:
    """Return the hash of the file of a head or model, by which a changed file is detected."""
    try:
        return hashlib.sha256(read_whole(name)).hexdigest()
    except OSError:
        return None


def _report(bar: Bar, each: bool, found: FoundMicrograph, outcome: Outcome) -> None:
    if outcome.picks is None:
        say(f"left out: {outcome.failure}")
    elif each:
        say(f"{found.name}: {counted(len(outcome.picks), 'pick')}")
    bar.step(found.path.name)
    bar.done()

"""What runs on the workers of a cluster."""

import contextlib
import ctypes
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from uuid import uuid4

from distributed import WorkerPlugin, get_worker

from activepick.batch.local import pick_locally
from activepick.batch.outcome import Outcome
from activepick.batch.source import Source
from activepick.picking.rules import PickRules

if TYPE_CHECKING:
    from distributed import Worker

    from activepick.features.backbone import Backbone
    from activepick.learning.head import Head
    from activepick.micrograph import Normalisation
    from activepick.picking.picker import Picker

__all__ = ["PickJob", "PickPlugin", "pick_chunk"]

# From malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3


@dataclass(frozen=True, eq=False)
class PickJob:
    """All that decides about picks, in a form that can travel: weights, head and settings.

    Each worker chooses its own device and precision where these are "auto".
    """

    backbone: "Backbone"
    head: "Head"
    diameter_angstrom: float
    normalisation: "Normalisation"
    stride: int
    orientations: int
    memory_gib: float | None
    device: str
    precision: str
    rules: PickRules

    @classmethod
    def of(cls, picker: "Picker", device: str, precision: str) -> "PickJob":
        """Take it from a picker of this machine."""
        engine = picker.engine
        return cls(
            engine.extractor.backbone,
            # What a head learnt from is large, and picking does not need it.
            replace(picker.head, training_data=None, directions=None, mean=None),
            engine.diameter_angstrom,
            engine.normalisation,
            engine.extractor.stride,
            engine.orientations,
            engine.extractor.memory_gib,
            device,
            precision,
            picker.rules,
        )

    def picker(self) -> "Picker":
        """Put the network on this machine's device."""
        from activepick.features.engine import FeatureEngine
        from activepick.features.extractor import Extractor
        from activepick.picking.picker import Picker

        extractor = Extractor(
            self.backbone,
            stride=self.stride,
            device=self.device,
            precision=self.precision,
            memory_gib=self.memory_gib,
        )
        engine = FeatureEngine(
            extractor,
            self.diameter_angstrom,
            self.normalisation,
            None,
            self.orientations,
        )
        return Picker(engine, self.head, self.rules)


class PickPlugin(WorkerPlugin):
    """Brings a job to each worker once, also to workers that come later.

    Parameters
    ----------
    job
        What decides.
    """

    def __init__(self, job: PickJob) -> None:
        self.name = f"activepick-{uuid4().hex[:12]}"
        self._job = job

    def setup(self, worker: "Worker") -> None:
        """Prepare what cannot travel."""
        _keep_memory()
        self._lock = threading.Lock()
        self._picker: Picker | None = None

    def picker(self) -> "Picker":
        """Give the network of this worker, loaded when it is first needed."""
        with self._lock:
            if self._picker is None:
                self._picker = self._job.picker()
            return self._picker


def _keep_memory() -> None:
    """Let this process use freed memory again, as any other process does; glibc only.

    Dask starts workers with MALLOC_TRIM_THRESHOLD_, with which glibc gives each larger piece back
    to the system at once; the layers of a network ask for such pieces all the time.
    """
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL("libc.so.6").mallopt
        mallopt(_M_MMAP_THRESHOLD, 32 * 2**20)
        mallopt(_M_TRIM_THRESHOLD, 128 * 2**20)


def pick_chunk(plugin: str, items: Sequence[tuple[int, Source]], patience: float) -> list[Outcome]:
    """Pick some micrographs on a worker.

    Parameters
    ----------
    plugin
        Name of the `PickPlugin`.
    items
        The micrographs with their places among all.
    patience
        As in `read_ahead`.
    """
    brought = get_worker().plugins[plugin]
    assert isinstance(brought, PickPlugin)
    sources = [source for _, source in items]
    outcomes = pick_locally(brought.picker(), sources, patience=patience)
    return [replace(outcome, index=items[outcome.index][0]) for outcome in outcomes]

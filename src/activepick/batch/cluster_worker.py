"""Code that runs on the workers of a Dask cluster."""

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
from activepick.micrograph.discovery import FoundMicrograph
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
    """Network weights, head and settings, in a form that can be sent to workers.

    Each worker chooses its own device and precision if these are "auto".
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
        """Return the job with the network, head and settings of a picker."""
        engine = picker.engine
        return cls(
            engine.extractor.backbone,
            # The training set of a head is large, and picking does not need it.
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
        """Return a picker with the network on the device of this process."""
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
    """Dask plugin that sends a job to each worker once, including workers that join later.

    Parameters
    ----------
    job
        The job.
    """

    def __init__(self, job: PickJob) -> None:
        self.name = f"activepick-{uuid4().hex[:12]}"
        self._job = job

    def setup(self, worker: "Worker") -> None:
        """Create the objects of a worker that cannot be sent to it."""
        _keep_memory()
        self._lock = threading.Lock()
        self._picker: Picker | None = None

    def picker(self) -> "Picker":
        """Return the picker of this worker; the network is loaded on first use."""
        with self._lock:
            if self._picker is None:
                self._picker = self._job.picker()
            return self._picker


def _keep_memory() -> None:
    """Make this process reuse freed memory, as by default; has an effect with glibc only.

    Dask starts workers with MALLOC_TRIM_THRESHOLD_, with which glibc returns each large block to
    the system at once. The layers of a network allocate such blocks continually.
    """
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL("libc.so.6").mallopt
        mallopt(_M_MMAP_THRESHOLD, 32 * 2**20)
        mallopt(_M_TRIM_THRESHOLD, 128 * 2**20)


def pick_chunk(
    plugin: str, items: Sequence[tuple[int, FoundMicrograph]], patience: float
) -> list[Outcome]:
    """Pick a chunk of micrographs on a worker.

    Parameters
    ----------
    plugin
        Name of the `PickPlugin`.
    items
        Micrographs, each with its index among all micrographs of the run.
    patience
        As in `activepick.batch.read_ahead.read_ahead`.
    """
    installed = get_worker().plugins[plugin]
    assert isinstance(installed, PickPlugin)
    micrographs = [micrograph for _, micrograph in items]
    outcomes = pick_locally(installed.picker(), micrographs, patience=patience)
    return [replace(outcome, index=items[outcome.index][0]) for outcome in outcomes]

"""Pick on this computer; the next micrograph is read while the network runs on the current one."""

import math
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from activepick.batch.outcome import Outcome
from activepick.batch.read_ahead import read_ahead
from activepick.errors import ActivepickError, on_command_line
from activepick.micrograph import Micrograph
from activepick.micrograph.discovery import FoundMicrograph

if TYPE_CHECKING:  # they need PyTorch, which commands import late
    from activepick.picking.picker import Picker, ReadMicrograph

__all__ = ["failure_of", "pick_locally", "readers_for"]

# Largest number of micrographs that are read at the same time. A GPU needs hundredths of a second
# for a micrograph, and reading takes tenths. The number also limits the memory.
_MOST_READERS = 8


def readers_for(device: str) -> int:
    """Return the number of micrographs to read at the same time, to keep a device busy.

    Parameters
    ----------
    device
        Kind of device: "cpu", "cuda" or "mps".
    """
    # On a CPU, the network needs the cores.
    return 1 if device == "cpu" else max(1, min(_MOST_READERS, (os.cpu_count() or 1) - 2))


def pick_locally(
    picker: "Picker",
    micrographs: Sequence[FoundMicrograph],
    *,
    ahead: int = 1,
    patience: float = 600.0,
    readers: int | None = None,
    progress: Callable[[FoundMicrograph, float], None] | None = None,
    first: Micrograph | None = None,
) -> Iterator[Outcome]:
    """Pick micrographs in the given order.

    Parameters
    ----------
    picker
        The network, the head and the rules.
    micrographs
        The micrographs.
    ahead, patience
        As in `activepick.batch.read_ahead.read_ahead`.
    readers
        Number of micrographs that are read at the same time; by default the result of
        `readers_for`.
    progress
        Called with a micrograph and the fraction of it that is done.
    first
        The first of the micrographs, if its working images may be in memory already; see
        `Micrograph.read_early`.

    Yields
    ------
    Outcome
        One for each micrograph. A micrograph that cannot be picked has a `failure`; the run
        continues with the others.
    """
    device = picker.engine.extractor.device.type

    def read(numbered: tuple[int, FoundMicrograph]) -> "ReadMicrograph":
        index, found = numbered
        if index > 0 or first is None:
            return picker.read(found.micrograph())
        made = picker.read(first)
        first.keep_early(())
        return made

    reads = read_ahead(
        list(enumerate(micrographs)),
        read,
        ahead=ahead,
        patience=patience,
        threads=readers_for(device) if readers is None else readers,
    )

    def pick(found: "tuple[tuple[int, FoundMicrograph], ReadMicrograph | Exception]") -> Outcome:
        (index, micrograph), read = found
        if isinstance(read, Exception):
            return Outcome(index, failure=failure_of(read, micrograph))
        return _pick(picker, index, micrograph, read, progress)

    # Also closed when the run is interrupted, which ends the threads.
    with closing(reads):
        if device == "cpu":
            yield from map(pick, reads)
            return
        # While the CPU finds the peaks of one micrograph, the GPU computes the next score map.
        with closing(read_ahead(reads, pick, ahead=0, patience=math.inf, threads=2)) as outcomes:
            for _, outcome in outcomes:
                if isinstance(outcome, Exception):
                    raise outcome
                yield outcome


def _pick(
    picker: "Picker",
    index: int,
    micrograph: FoundMicrograph,
    read: "ReadMicrograph",
    progress: Callable[[FoundMicrograph, float], None] | None,
) -> Outcome:
    try:
        step = None if progress is None else partial(progress, micrograph)
        picked = picker.pick(read, step)
    except Exception as error:
        return Outcome(index, failure=failure_of(error, micrograph))
    columns = [picked.xy, picked.score, *(() if picked.kind is None else (picked.kind,))]
    picks = np.column_stack(columns).astype(np.float64, copy=False)
    return Outcome(index, picks, read.key, read.micrograph.pixel_size_angstrom)


def failure_of(error: Exception, micrograph: FoundMicrograph) -> str:
    """Return the message that explains why a micrograph cannot be picked.

    Raises
    ------
    Exception
        The error itself if it was not caused by the micrograph, which indicates a bug.
    """
    if isinstance(error, ActivepickError):
        return on_command_line(error)
    if isinstance(error, TimeoutError):
        return f"{micrograph.path}: {error}."
    # PyTorch on a CPU raises a plain RuntimeError that names its allocator, and on a GPU an error
    # of another class, which is not available if PyTorch is not loaded.
    is_memory = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
    if is_memory or "allocate memory" in str(error):
        return (
            f"{micrograph.path} needs more memory than is available: close other programs, or "
            "pass a "
            "smaller --working-radius, or --device cpu if the memory of the GPU was too small."
        )
    raise error

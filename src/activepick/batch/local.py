"""Pick on this machine: while the network looks at one micrograph, the next one is read."""

import math
import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from activepick.batch.outcome import Outcome
from activepick.batch.read_ahead import read_ahead
from activepick.batch.source import Source
from activepick.errors import ActivepickError

if TYPE_CHECKING:  # they need PyTorch, which commands import late
    from activepick.picking.picker import Picker, ReadMicrograph

__all__ = ["failure_of", "pick_locally", "readers_for"]

# A GPU looks at a micrograph in hundredths of a second, and reading takes tenths: so many are read
# at the same time, which also bounds the memory.
_MOST_READERS = 8


def readers_for(device: str) -> int:
    """Give how many micrographs are read at the same time, that a device has enough to do.

    Parameters
    ----------
    device
        The kind of device: "cpu", "cuda" or "mps".
    """
    # On a CPU the network needs the cores itself.
    return 1 if device == "cpu" else max(1, min(_MOST_READERS, (os.cpu_count() or 1) - 2))


def pick_locally(
    picker: "Picker",
    sources: Sequence[Source],
    *,
    ahead: int = 1,
    patience: float = 600.0,
    readers: int | None = None,
    progress: Callable[[Source, float], None] | None = None,
) -> Iterator[Outcome]:
    """Pick micrographs, in their order.

    Parameters
    ----------
    picker
        What decides.
    sources
        The micrographs.
    ahead, patience
        As in `read_ahead`.
    readers
        How many are read at the same time; by default as `readers_for` says.
    progress
        Called with a micrograph and the fraction of it that is done.

    Yields
    ------
    Outcome
        One for each micrograph; what cannot be used is a failure and ends nothing.
    """
    device = picker.engine.extractor.device.type
    reads = read_ahead(
        list(enumerate(sources)),
        lambda numbered: picker.read(numbered[1].micrograph()),
        ahead=ahead,
        patience=patience,
        threads=readers_for(device) if readers is None else readers,
    )

    def pick(found: "tuple[tuple[int, Source], ReadMicrograph | Exception]") -> Outcome:
        (index, source), read = found
        if isinstance(read, Exception):
            return Outcome(index, failure=failure_of(read, source))
        return _pick(picker, index, source, read, progress)

    if device == "cpu":
        yield from map(pick, reads)
        return
    # While the processor finds the peaks of one micrograph, the GPU looks at the next.
    for _, outcome in read_ahead(reads, pick, ahead=0, patience=math.inf, threads=2):
        if isinstance(outcome, Exception):
            raise outcome
        yield outcome


def _pick(
    picker: "Picker",
    index: int,
    source: Source,
    read: "ReadMicrograph",
    progress: Callable[[Source, float], None] | None,
) -> Outcome:
    try:
        step = None if progress is None else partial(progress, source)
        picked = picker.pick(read, step)
    except Exception as error:
        return Outcome(index, failure=failure_of(error, source))
    picks = np.column_stack([picked.xy, picked.score])
    return Outcome(index, picks, read.key, read.micrograph.pixel_size_angstrom)


def failure_of(error: Exception, source: Source) -> str:
    """Say what was wrong with a micrograph.

    Raises
    ------
    Exception
        The error itself, when it is a bug and not the micrograph's fault.
    """
    if isinstance(error, ActivepickError):
        return str(error)
    if isinstance(error, TimeoutError):
        return f"{source.path}: {error}."
    # PyTorch on a CPU raises a plain RuntimeError that names its allocator, and on a GPU an error
    # of its own, whose class is not here where PyTorch is not loaded.
    short = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
    if short or "allocate memory" in str(error):
        return (
            f"{source.path} needs more memory than there is: close other programs, or pass a "
            "smaller --working-radius, or --device cpu if it was the GPU's."
        )
    raise error

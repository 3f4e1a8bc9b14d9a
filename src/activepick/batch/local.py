"""Pick on this machine: while the network looks at one micrograph, the next one is read."""

from collections.abc import Iterator, Sequence

from activepick.batch.picker import Outcome, Picker, ReadMicrograph
from activepick.batch.read_ahead import read_ahead
from activepick.batch.source import Source
from activepick.errors import ActivepickError

__all__ = ["failure_of", "pick_locally"]


def pick_locally(
    picker: Picker, sources: Sequence[Source], *, ahead: int = 1, patience: float = 600.0
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

    Yields
    ------
    Outcome
        One for each micrograph; what cannot be used is a failure and ends nothing.
    """
    numbered = list(enumerate(sources))
    reads = read_ahead(numbered, lambda n: picker.read(n[1]), ahead=ahead, patience=patience)
    for (index, source), read in reads:
        if isinstance(read, Exception):
            yield Outcome(index, failure=failure_of(read, source))
            continue
        yield _pick(picker, index, source, read)


def _pick(picker: Picker, index: int, source: Source, read: ReadMicrograph) -> Outcome:
    try:
        picks = picker.pick(read)
    except Exception as error:
        return Outcome(index, failure=failure_of(error, source))
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
    # PyTorch on a CPU raises a plain RuntimeError that names its allocator.
    if isinstance(error, MemoryError) or "allocate memory" in str(error):
        return (
            f"{source.path} needs more memory than there is: close other programs, or pass a "
            "smaller --working-radius."
        )
    raise error

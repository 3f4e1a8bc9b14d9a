"""The progress of a computation."""

from collections.abc import Callable

__all__ = ["Progress", "part_between", "part_of"]

# Called with the fraction that is done; may raise an exception to cancel the computation.
Progress = Callable[[float], None]


def part_of(progress: Progress, index: int, count: int) -> Progress:
    """Convert the progress of one of several equal parts into that of the whole."""
    return lambda fraction: progress((index + fraction) / count)


def part_between(progress: Progress, start: float, end: float) -> Progress:
    """Convert the progress of a part between two fractions of the whole into that of the whole."""
    return lambda fraction: progress(start + (end - start) * fraction)

"""How far a piece of work is."""

from collections.abc import Callable

__all__ = ["Progress", "part_between", "part_of"]

# Called with the fraction done; may raise to cancel.
Progress = Callable[[float], None]


def part_of(progress: Progress, index: int, count: int) -> Progress:
    """Turn the progress of one of several equal parts into that of the whole."""
    return lambda fraction: progress((index + fraction) / count)


def part_between(progress: Progress, start: float, end: float) -> Progress:
    """Turn the progress of a part between two fractions of the whole into that of the whole."""
    return lambda fraction: progress(start + (end - start) * fraction)

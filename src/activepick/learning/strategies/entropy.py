"""Maxima of the entropy, as published by Kiewisz and Bepler (2023)."""

from activepick.learning.strategies.candidates import (
    Candidates,
    entropy_maxima,
    find_candidates,
)
from activepick.learning.strategies.context import QueryContext

__all__ = ["select"]


def select(context: QueryContext, count: int) -> Candidates:
    """Select the highest maxima of the entropy within a particle radius."""
    return find_candidates(context, entropy_maxima).highest(count)

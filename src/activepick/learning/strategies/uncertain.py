"""The most uncertain peaks."""

from activepick.learning.strategies.candidates import Candidates, find_candidates
from activepick.learning.strategies.context import QueryContext

__all__ = ["select"]


def select(context: QueryContext, count: int) -> Candidates:
    """Select the peaks with the highest entropy."""
    return find_candidates(context).highest(count)

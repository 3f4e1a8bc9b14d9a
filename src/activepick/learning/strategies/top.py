"""The peaks with the highest scores."""

from dataclasses import replace

from activepick.learning.strategies.candidates import Candidates, find_candidates
from activepick.learning.strategies.context import QueryContext

__all__ = ["select"]


def select(context: QueryContext, count: int) -> Candidates:
    """Select the peaks with the highest scores."""
    candidates = find_candidates(context)
    return replace(candidates, utility=candidates.score).highest(count)

"""The peaks of highest score."""

from dataclasses import replace

from activepick.learning.strategies.candidates import Candidates, find_candidates
from activepick.learning.strategies.context import QueryContext

__all__ = ["select"]


def select(context: QueryContext, count: int) -> Candidates:
    """Select the peaks of highest score."""
    candidates = find_candidates(context)
    return replace(candidates, utility=candidates.score).highest(count)

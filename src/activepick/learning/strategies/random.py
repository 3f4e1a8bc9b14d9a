"""Random positions on the micrographs."""

from activepick.learning.strategies.candidates import (
    Candidates,
    find_candidates,
    random_positions,
)
from activepick.learning.strategies.context import QueryContext

__all__ = ["select"]


def select(context: QueryContext, count: int) -> Candidates:
    """Select positions at random from all micrographs."""
    return find_candidates(context, random_positions).highest(count)

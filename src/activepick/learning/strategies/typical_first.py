"""Typical peaks for the first labels, then uncertain peaks."""

from activepick.learning.strategies import active, typical
from activepick.learning.strategies.candidates import Candidates
from activepick.learning.strategies.context import QueryContext

__all__ = ["select"]

# From this number of labels, uncertain positions improve the head more than typical ones.
_ENOUGH = 10


def select(context: QueryContext, count: int) -> Candidates:
    """Select typical peaks for the first labels, and then peaks of the strategy "active"."""
    if context.n_labels < _ENOUGH:
        return typical.select(context, count)
    return active.select(context, count)

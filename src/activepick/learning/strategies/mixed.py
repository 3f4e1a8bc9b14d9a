"""Uncertain and different peaks, with every fifth query from the whole range of scores."""

import numpy as np

from activepick.learning.strategies import active, score_range
from activepick.learning.strategies.candidates import Candidates
from activepick.learning.strategies.context import QueryContext

__all__ = ["select"]

# One of this number of queries is drawn from the whole range of scores.
_EVERY = 5


def select(context: QueryContext, count: int) -> Candidates:
    """Select every fifth query with the strategy "range", and the others with "active".

    Queries are counted by the number of answers, so that the selection does not depend on the size
    of a batch.
    """
    known = sum(len(context.answered(index)) for index in range(len(context.micrographs)))
    share = (known + count) // _EVERY - known // _EVERY
    drawn = score_range.select(context, share) if share else None
    chosen = active.select(context, count)
    if drawn is None:
        return chosen
    taken = {tuple(row) for row in np.column_stack([drawn.micrograph, drawn.xy])}
    rows = np.column_stack([chosen.micrograph, chosen.xy])
    fresh = np.array([tuple(row) not in taken for row in rows], bool)
    chosen = chosen.take(np.flatnonzero(fresh)[: count - len(drawn)])
    return Candidates(
        *(
            np.concatenate([getattr(chosen, name), getattr(drawn, name)])
            for name in ("micrograph", "xy", "score", "utility")
        )
    )

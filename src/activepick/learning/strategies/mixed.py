"""Uncertain peaks that differ, and every fifth query over the whole range of scores."""

import numpy as np

from activepick.learning.strategies import active, score_range
from activepick.learning.strategies.candidates import Candidates
from activepick.learning.strategies.context import QueryContext

__all__ = ["select"]

# One of this number of queries is drawn from the whole range.
_EVERY = 5


def select(context: QueryContext, count: int) -> Candidates:
    """Select as "active", and every fifth query as "range".

    Which queries are the fifth ones follows from the number of answers, so that it does not depend
    on the size of a batch.
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

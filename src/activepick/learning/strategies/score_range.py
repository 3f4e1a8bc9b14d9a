"""Random peaks over the whole range of scores, which are a representative sample."""

import numpy as np
from scipy.special import expit

from activepick.learning.strategies.candidates import Candidates, find_candidates
from activepick.learning.strategies.context import QueryContext

__all__ = ["select"]

# Peaks with a lower probability are not picks at any sensible threshold.
_LOWEST = 0.1


def select(context: QueryContext, count: int) -> Candidates:
    """Select a random peak from each of `count` strata of equal size, ranked by score.

    The precision of the picks can be estimated from answers at such positions, but not from answers
    at positions that were selected because they are uncertain (stratified sampling; Sawade et al.,
    Active risk estimation, ICML 2010).
    """
    candidates = find_candidates(context)
    likely = candidates.take(expit(candidates.score) > _LOWEST)
    if len(likely) >= count:
        candidates = likely
    order = np.argsort(-candidates.score, kind="stable")
    bounds = np.linspace(0, len(order), min(count, len(order)) + 1)
    drawn = context.rng.uniform(bounds[:-1], bounds[1:]).astype(np.intp)
    return candidates.take(order[np.unique(drawn)])

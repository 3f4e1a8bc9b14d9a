"""Peaks over the whole range of scores: a representative sample of the picks."""

import numpy as np
from scipy.special import expit

from activepick.learning.strategies.candidates import Candidates, find_candidates
from activepick.learning.strategies.context import QueryContext

__all__ = ["select"]

# Peaks of lower probability are no picks at any sensible threshold.
_LOWEST = 0.1


def select(context: QueryContext, count: int) -> Candidates:
    """Select a random peak from each of `count` strata of equal size, ranked by score.

    Answers at such positions show the share of the picks that is right; answers at positions that
    were selected for their uncertainty do not (stratified sampling; Sawade et al., Active risk
    estimation, ICML 2010).
    """
    candidates = find_candidates(context)
    likely = candidates.take(expit(candidates.score) > _LOWEST)
    if len(likely) >= count:
        candidates = likely
    order = np.argsort(-candidates.score, kind="stable")
    bounds = np.linspace(0, len(order), min(count, len(order)) + 1)
    drawn = context.rng.uniform(bounds[:-1], bounds[1:]).astype(np.intp)
    return candidates.take(order[np.unique(drawn)])

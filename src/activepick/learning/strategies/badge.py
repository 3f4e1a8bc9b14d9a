"""BADGE: peaks whose gradients are long and differ."""

import numpy as np
from scipy.special import expit

from activepick.learning.strategies.candidates import Candidates, find_candidates
from activepick.learning.strategies.context import QueryContext
from activepick.learning.strategies.kmeans_plus_plus import kmeans_plus_plus

__all__ = ["select"]

# Peaks of lower probability are left out: their gradients are too small to be drawn.
_LOWEST = 0.01


def select(context: QueryContext, count: int) -> Candidates:
    """Select peaks whose gradients differ (BADGE; Ash et al., ICLR 2020).

    The gradient of the loss at a position, for the more likely answer, is the features times the
    probability of the other answer: long where the head is uncertain. k-means++ over the gradients
    selects positions that are both uncertain and different.
    """
    candidates = find_candidates(context)
    candidates = candidates.take(expit(candidates.score) > _LOWEST)
    uncertainty = expit(-np.abs(candidates.score))
    gradients = uncertainty[:, None] * candidates.features(context)
    length = (gradients**2).sum(axis=1)
    # The longest gradient comes first; from then on only distances count.
    utility = np.where(length == length.max(initial=0), 1.0, 1 - 1e-9)
    return candidates.take(kmeans_plus_plus(gradients, utility, count, context.rng))

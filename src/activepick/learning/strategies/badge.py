"""BADGE: peaks whose gradients are long and different."""

import numpy as np
from scipy.special import expit

from activepick.learning.strategies.candidates import Candidates, find_candidates
from activepick.learning.strategies.context import QueryContext
from activepick.learning.strategies.kmeans_plus_plus import kmeans_plus_plus

__all__ = ["select"]

# Peaks with a lower probability are left out, because their gradients are very short.
_LOWEST = 0.01


def select(context: QueryContext, count: int) -> Candidates:
    """Select peaks with different gradients of the loss (BADGE; Ash et al., ICLR 2020).

    The gradient of the loss at a position, for the more likely answer, is the product of the
    features and the probability of the other answer. It is long where the head is uncertain.
    k-means++ on the gradients selects positions that are both uncertain and different.
    """
    candidates = find_candidates(context)
    candidates = candidates.take(expit(candidates.score) > _LOWEST)
    uncertainty = expit(-np.abs(candidates.score))
    gradients = uncertainty[:, None] * candidates.features(context)
    length = (gradients**2).sum(axis=1)
    # The first row is the longest gradient; the next rows depend only on the distances.
    utility = np.where(length == length.max(initial=0), 1.0, 1 - 1e-9)
    return candidates.take(kmeans_plus_plus(gradients, utility, count, context.rng))

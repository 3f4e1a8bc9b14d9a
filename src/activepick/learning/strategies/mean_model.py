"""Mean model: peaks where the head and its moving average over the refits disagree.

The method is that of Wang et al. (Deep active learning for cryo-electron tomography classification,
ICIP 2022). The mean model is an exponential moving average of the model over training steps.
Positions where the model and the mean model disagree most are queried. The disagreement is also a
term of the loss: the mean squared error of the logits. Here a step is a refit, and the term of the
loss is either this error or the cross entropy, in which the predictions of the mean model are used
as additional labels (`activepick.learning.settings.LearnerSettings.consistency`). In addition,
k-means++ selects queries with different features.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_expit

from activepick.learning.strategies.candidates import Candidates, find_candidates
from activepick.learning.strategies.context import QueryContext
from activepick.learning.strategies.kmeans_plus_plus import CANDIDATES_PER_QUERY, kmeans_plus_plus

__all__ = ["kl_divergence", "select"]

Floats = NDArray[np.float64]

# Weight of the entropy, which breaks ties if both models agree, as before the first refit.
_TIE = 1e-6


def select(context: QueryContext, count: int) -> Candidates:
    """Select peaks with different features where the head and the mean model disagree."""
    candidates = find_candidates(context)
    features = candidates.features(context)
    current = context.head.weights, context.head.bias
    # Both scores are computed from features at the peaks, as scores on the grid differ slightly.
    score, mean = (
        features @ weights.ravel() + bias
        for weights, bias in (current, context.head.mean or current)
    )
    utility = kl_divergence(score, mean) + _TIE * candidates.utility
    best = np.argsort(-utility, kind="stable")[: CANDIDATES_PER_QUERY * count]
    chosen = kmeans_plus_plus(features[best], utility[best], count, context.rng)
    return candidates.take(best[chosen])


def kl_divergence(score: Floats, mean_score: Floats) -> Floats:
    """Compute the Kullback-Leibler divergence of two predicted answers, in nats.

    Parameters
    ----------
    score, mean_score
        Logits of the model and of the mean model, both of the same shape.

    Returns
    -------
    array
        Divergences in nats, with the shape of `score`.
    """
    p = expit(score)
    particle = log_expit(score) - log_expit(mean_score)
    other = log_expit(-score) - log_expit(-mean_score)
    return np.asarray(np.maximum(p * particle + (1 - p) * other, 0.0))

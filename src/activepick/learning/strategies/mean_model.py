"""Mean model: peaks where the head and its moving average over the refits disagree.

Wang et al., Deep active learning for cryo-electron tomography classification, ICIP 2022: an
exponential moving average of the model over training steps; positions where the model and its mean
disagree most are queried, and the disagreement is also a term of the loss: the mean squared error
over logits. Here a step is a refit, and the term of the loss is either that error or the cross
entropy of the predictions with those of the mean, as if these were further labels
(`activepick.learning.settings.LearnerSettings.consistency`); queries are also spread over their
features by k-means++.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_expit

from activepick.learning.strategies.candidates import Candidates, find_candidates
from activepick.learning.strategies.context import QueryContext
from activepick.learning.strategies.kmeans_plus_plus import CANDIDATES_PER_QUERY, kmeans_plus_plus

__all__ = ["kl_divergence", "select"]

Floats = NDArray[np.float64]

# Weight of the entropy, which decides where the two agree, as before the first refit.
_TIE = 1e-6


def select(context: QueryContext, count: int) -> Candidates:
    """Select peaks where the head and its mean disagree and which differ in their features."""
    candidates = find_candidates(context)
    features = candidates.features(context)
    current = context.head.weights, context.head.bias
    # Both from the features at the peaks: scores of the map, on its grid, differ slightly.
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
        Logits of the model and of its mean, same shape.
    """
    p = expit(score)
    particle = log_expit(score) - log_expit(mean_score)
    other = log_expit(-score) - log_expit(-mean_score)
    return np.asarray(np.maximum(p * particle + (1 - p) * other, 0.0))

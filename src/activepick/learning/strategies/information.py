"""Questions whose answers tell most about the head itself."""

import numpy as np
from numpy.typing import NDArray

from activepick.learning.learner import Learner
from activepick.learning.posterior import moderated
from activepick.learning.strategies.candidates import Pool, entropy, pool_of
from activepick.learning.strategies.spread import POOL, plus_plus

__all__ = ["informative", "mutual_information"]

Floats = NDArray[np.float64]

# Variance of a normal curve that has the height and the area of a probit's entropy.
_WIDTH = np.pi * np.log(2) / 2


def mutual_information(score: Floats, variance: Floats) -> Floats:
    """Information that an answer gives about the head, in nats (BALD; Houlsby et al., 2011).

    The entropy of the expected answer less the expected entropy of the answer: high where the
    posterior is wide, not where the particle itself is doubtful.

    Parameters
    ----------
    score, variance
        Mean and variance of the score, shape (n,).
    """
    # A logistic is nearly a probit of a score times sqrt(pi / 8).
    m, v = score * np.sqrt(np.pi / 8), variance * np.pi / 8
    expected = np.log(2) * np.sqrt(_WIDTH / (v + _WIDTH)) * np.exp(-(m**2) / (2 * (v + _WIDTH)))
    return np.asarray(np.maximum(entropy(moderated(score, variance)) - expected, 0.0))


def informative(learner: Learner, count: int, rng: np.random.Generator) -> Pool:
    """Take peaks of much mutual information that differ in their features."""
    pool = pool_of(learner, rng)
    rows = pool.rows(learner)
    worth = mutual_information(pool.score, learner.posterior().variance(rows))
    best = np.argsort(-worth, kind="stable")[: POOL * count]
    return pool.take(best[plus_plus(rows[best], worth[best], count, rng)])

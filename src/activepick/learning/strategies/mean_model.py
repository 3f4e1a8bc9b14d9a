"""The mean model: a head that follows the fitted one slowly, and what their difference tells.

Wang et al., Deep active learning for cryo-electron tomography classification, ICIP 2022: an
exponential moving average of the model over training; where the model and its mean disagree most
is asked next, and the disagreement is also a term of the loss. Here a step is a refit. As the
target of the term is the mean and only the model is fitted, the term is the cross entropy towards
the mean's answers: the same as further labels, with probabilities instead of answers.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_expit

from activepick.learning.learner import Learner
from activepick.learning.strategies.candidates import Pool, pool_of
from activepick.learning.strategies.spread import POOL, plus_plus

__all__ = ["disagreeing", "kl"]

Floats = NDArray[np.float64]

# Decides where the two agree, as before the first refit.
_TIE = 1e-6


def kl(score: Floats, mean_score: Floats) -> Floats:
    """Kullback-Leibler divergence of the model's answer from its mean's, in nats.

    Parameters
    ----------
    score, mean_score
        Logits of the model and of its mean, same shape.
    """
    p = expit(score)
    yes = log_expit(score) - log_expit(mean_score)
    no = log_expit(-score) - log_expit(-mean_score)
    return np.asarray(np.maximum(p * yes + (1 - p) * no, 0.0))


def disagreeing(learner: Learner, count: int, rng: np.random.Generator) -> Pool:
    """Take peaks where the head and its mean over the refits disagree, spread over features."""
    pool = pool_of(learner, rng)
    rows = pool.rows(learner)
    current = learner.head.weights, learner.head.bias
    # Both from the same features: the map's scores lie on its grid, and differ by a hair.
    score, mean = (rows @ w.ravel() + b for w, b in (current, learner.head.mean or current))
    worth = kl(score, mean) + _TIE * pool.worth
    best = np.argsort(-worth, kind="stable")[: POOL * count]
    return pool.take(best[plus_plus(rows[best], worth[best], count, rng)])

"""Calibrated probabilities: from scores to shares of particles.

The sigmoid of a head's score is about right for uncertain positions, which are the ones that are
queried. For the best picks it is too high: some of them are not accepted by the person who answers,
however certain the head is. The calibration has a ceiling, ``p(z) = ceiling / (1 + exp(-z))``,
which is fitted to the score that each label would have under a head fitted without it
(`activepick.learning.posterior`). A slope (Platt 1999) is no better: answers at uncertain positions
do not determine it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar
from scipy.special import expit

__all__ = [
    "Calibration",
    "calibrate",
    "expected_particles",
    "expected_precision",
]

Floats = NDArray[np.float64]

# Prior of the ceiling, as numbers of right and wrong answers at picks of high score.
_RIGHT, _WRONG = 4.0, 1.0


@dataclass(frozen=True)
class Calibration:
    """A curve from scores to probabilities; by default the sigmoid.

    Attributes
    ----------
    ceiling
        Probability of the best picks.
    """

    ceiling: float = 1.0

    def probability(self, score: ArrayLike) -> Floats:
        """Compute the probability of a particle for scores (logits), same shape."""
        return np.asarray(self.ceiling * expit(np.asarray(score, np.float64)))


def calibrate(left_out: Floats, targets: Floats) -> Calibration:
    """Fit the calibration to labels.

    Parameters
    ----------
    left_out
        Score of each label under a head that was fitted without it, shape (n,).
    targets
        1 particle, 0 not a particle, shape (n,).
    """

    def loss(ceiling: float) -> float:
        p = np.clip(ceiling * expit(left_out), 1e-12, 1 - 1e-12)
        likelihood = (targets * np.log(p) + (1 - targets) * np.log1p(-p)).sum()
        return float(-likelihood - _RIGHT * np.log(ceiling) - _WRONG * np.log1p(-ceiling))

    return Calibration(float(minimize_scalar(loss, bounds=(0, 1), method="bounded").x))


def expected_precision(probability: Floats, threshold: float) -> float:
    """Predict the precision of the picks at a threshold.

    Parameters
    ----------
    probability
        Probability of each peak, shape (n,).
    threshold
        Lowest probability of a pick.

    Returns
    -------
    float
        NaN where there is no pick.
    """
    taken = probability[probability >= threshold]
    return float(taken.mean()) if len(taken) else float("nan")


def expected_particles(probability: Floats) -> float:
    """Predict the number of particles among peaks of given probabilities (n,)."""
    return float(probability.sum())

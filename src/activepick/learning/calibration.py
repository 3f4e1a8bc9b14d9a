"""Probabilities that mean what they say: from scores to shares of particles.

The sigmoid of a head's score is about right for doubtful places, which is where the questions are
asked. For the best picks it is too high: some of them are not accepted by whoever answers, however
sure the head is. A ceiling says so, ``p(z) = ceiling / (1 + exp(-z))``. It is fitted to what each
label would have scored had it not been learnt from (`activepick.learning.posterior`). A curve with
a slope of its own (Platt 1999) is no better: answers at doubtful places do not tell it.
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
    "reliability_error",
]

Floats = NDArray[np.float64]

# The ceiling before any label, as right and wrong answers among sure picks: a few labels decide.
_RIGHT, _WRONG = 4.0, 1.0


@dataclass(frozen=True)
class Calibration:
    """A curve from scores to probabilities; as it is made, it changes nothing.

    Attributes
    ----------
    ceiling
        Probability of the best picks.
    """

    ceiling: float = 1.0

    def probability(self, score: ArrayLike) -> Floats:
        """Give the probability of a particle for scores (logits), same shape."""
        return np.asarray(self.ceiling * expit(np.asarray(score, np.float64)))


def calibrate(left_out: Floats, targets: Floats) -> Calibration:
    """Fit the curve to labels.

    Parameters
    ----------
    left_out
        Score of each label from a head that did not learn from it, shape (n,).
    targets
        1 particle, 0 not, shape (n,).
    """

    def loss(ceiling: float) -> float:
        p = np.clip(ceiling * expit(left_out), 1e-12, 1 - 1e-12)
        evidence = (targets * np.log(p) + (1 - targets) * np.log1p(-p)).sum()
        return float(-evidence - _RIGHT * np.log(ceiling) - _WRONG * np.log1p(-ceiling))

    return Calibration(float(minimize_scalar(loss, bounds=(0, 1), method="bounded").x))


def expected_precision(probability: Floats, threshold: float) -> float:
    """Predict the share of particles among the peaks of at least a probability; NaN for none."""
    taken = probability[probability >= threshold]
    return float(taken.mean()) if len(taken) else float("nan")


def expected_particles(probability: Floats) -> float:
    """Predict the number of particles among peaks."""
    return float(probability.sum())


def reliability_error(probability: Floats, particle: NDArray[np.bool_], bins: int = 10) -> float:
    """Give the expected calibration error (Naeini, Cooper and Hauskrecht, AAAI 2015).

    The mean distance of probability and share of particles over bins of equal width, each weighted
    with its number of peaks.

    Parameters
    ----------
    probability
        Of each peak, shape (n,).
    particle
        Whether it is one, shape (n,).
    bins
        Number of bins.
    """
    index = np.minimum((probability * bins).astype(int), bins - 1)
    gaps = np.bincount(index, probability - particle, minlength=bins)
    return float(np.abs(gaps).sum() / max(len(probability), 1))

"""Probabilities that mean what they say: from scores to shares of particles.

A head is fitted to places that were asked about because they were doubtful, and to an expected
share of pixels; its sigmoid ranks well and says little about how many picks are right. Here a
curve of three parameters is fitted to what each label would have scored had it not been learnt
from (`activepick.learning.posterior.left_out_scores`):
``p(z) = ceiling / (1 + exp(-(slope z + intercept)))``, Platt's curve (1999) with a ceiling, since
even the best picks are not all accepted by whoever answers.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from scipy.special import expit

__all__ = [
    "Calibration",
    "calibrate",
    "expected_particles",
    "expected_precision",
    "reliability_error",
]

Floats = NDArray[np.float64]

# Spread of the prior of log slope and of the intercept: a few labels move them, two or three not.
_LOG_SLOPE = 0.5
_INTERCEPT = 3.0
# The ceiling before any label, as right and wrong answers among sure picks.
_CEILING = (8.0, 2.0)


@dataclass(frozen=True)
class Calibration:
    """A curve from scores to probabilities; as it is made, it changes nothing.

    Attributes
    ----------
    slope, intercept
        Of the calibrated logit.
    ceiling
        Probability of the best picks.
    """

    slope: float = 1.0
    intercept: float = 0.0
    ceiling: float = 1.0

    def probability(self, score: ArrayLike) -> Floats:
        """Give the probability of a particle for scores (logits), same shape."""
        logits = self.slope * np.asarray(score, np.float64) + self.intercept
        return np.asarray(self.ceiling * expit(logits))


def calibrate(left_out: Floats, targets: Floats) -> Calibration:
    """Fit the curve to labels; with few of them it stays close to the sigmoid.

    Parameters
    ----------
    left_out
        Score of each label from a head that did not learn from it, shape (n,).
    targets
        1 particle, 0 not, shape (n,).
    """
    right, wrong = _CEILING

    def loss(parameters: Floats) -> float:
        log_slope, intercept, raised = parameters
        ceiling = expit(raised)
        p = ceiling * expit(np.exp(log_slope) * left_out + intercept)
        p = np.clip(p, 1e-12, 1 - 1e-12)
        evidence = (targets * np.log(p) + (1 - targets) * np.log1p(-p)).sum()
        prior = (log_slope / _LOG_SLOPE) ** 2 / 2 + (intercept / _INTERCEPT) ** 2 / 2
        prior -= right * np.log(ceiling) + wrong * np.log1p(-ceiling)
        return float(prior - evidence)

    best = minimize(loss, [0.0, 0.0, np.log(right / wrong)], method="Nelder-Mead").x
    return Calibration(float(np.exp(best[0])), float(best[1]), float(expit(best[2])))


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

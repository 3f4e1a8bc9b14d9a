"""Calibration: compute probabilities from the linear scores of a head.

The score of a pick is the logit of the probability that it is a particle. It is the linear score of
the head times a slope (temperature scaling; Guo et al., ICML 2017). The slope changes neither the
order of the picks nor the position of probability 0.5; it changes how far the probabilities are
from 0.5. The threshold, the counts, the predicted precision and the score columns of files use the
score. Only training and the choice of questions use the linear score.

The slope was determined with simulated proteins (`activepick.learning.simulated_calibration`). It
is not fitted to the labels: they are at positions that were uncertain when the question was asked,
and positions next to a particle are skipped. Labels therefore contain little information about the
picks with high probabilities (measured by ``benchmarks/calibration_limits.py``).
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from activepick.scoremap import ScoreMap

__all__ = [
    "Calibration",
    "expected_particles",
    "expected_precision",
]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Calibration:
    """Conversion of linear scores to scores, which are logits of calibrated probabilities.

    Attributes
    ----------
    slope
        Factor from the linear score to the score; above 0. By default 1, so that they are equal.
    """

    slope: float = 1.0

    def logit(self, linear: ArrayLike) -> Floats:
        """Compute the logits of the probabilities for linear scores; the shape is kept."""
        return np.asarray(self.slope * np.asarray(linear, np.float64))

    def probability(self, linear: ArrayLike) -> Floats:
        """Compute the probabilities of a particle for linear scores; the shape is kept."""
        return np.asarray(expit(self.logit(linear)))

    def score_map(self, linear: ScoreMap) -> ScoreMap:
        """Convert a map of linear scores to a map of scores."""
        if self.slope == 1:
            return linear
        values, kinds = linear.values * np.float32(self.slope), linear.kinds
        if kinds is not None:
            # The same change of all kinds keeps the probability of each kind given a particle.
            kinds = replace(kinds, values=kinds.values + (values - linear.values))
        return replace(linear, values=values, kinds=kinds)


def expected_precision(probability: ArrayLike, threshold: float = 0.0) -> float:
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
        Expected precision, between 0 and 1; NaN if there are no picks.
    """
    known = np.asarray(probability, np.float64)
    taken = known[known >= threshold]
    return float(taken.mean()) if len(taken) else float("nan")


def expected_particles(probability: ArrayLike) -> float:
    """Predict the number of particles among peaks from their probabilities, shape (n,)."""
    return float(np.sum(probability))

"""Calibrated probabilities: from linear scores to shares of particles.

The score of a pick is the logit of the probability that it is a particle. It is the linear score of
the head times a slope (temperature scaling; Guo et al., ICML 2017), which changes neither the order
of the picks nor those at probability 0.5, but says how sure they are. Threshold, counts, predicted
precision and the score columns of files all use it; only learning and the choice of questions use
the linear score.

The slope is that of simulated proteins (`activepick.learning.simulated_calibration`), and not
fitted to the labels: these lie at positions that were doubtful when they were asked for, and
positions beside a particle are skipped, so that labels say little about the picks that are sure.
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
    """From linear scores to scores, the logits of probabilities; by default they are the same.

    Attributes
    ----------
    slope
        Score for a linear score of 1; above 0.
    """

    slope: float = 1.0

    def logit(self, linear: ArrayLike) -> Floats:
        """Compute the logit of the probability for linear scores, same shape."""
        return np.asarray(self.slope * np.asarray(linear, np.float64))

    def probability(self, linear: ArrayLike) -> Floats:
        """Compute the probability of a particle for linear scores, same shape."""
        return np.asarray(expit(self.logit(linear)))

    def score_map(self, linear: ScoreMap) -> ScoreMap:
        """Return the score map that belongs to a map of linear scores."""
        if self.slope == 1:
            return linear
        return replace(linear, values=linear.values * np.float32(self.slope))


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
        NaN where there is no pick.
    """
    known = np.asarray(probability, np.float64)
    taken = known[known >= threshold]
    return float(taken.mean()) if len(taken) else float("nan")


def expected_particles(probability: ArrayLike) -> float:
    """Predict the number of particles among peaks of given probabilities (n,)."""
    return float(np.sum(probability))

"""Uncertainty of answers, computed from the scores of a head and their variances."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

__all__ = ["entropy", "moderated", "mutual_information"]

Floats = NDArray[np.float64]

# Above this absolute score the entropy is 0 in any precision; infinite scores are clipped to it.
_CERTAIN = 1000.0
# Variance of a Gaussian with the same height and area as the entropy of a probit.
_WIDTH = np.pi * np.log(2) / 2


def entropy(score: NDArray[np.floating]) -> NDArray[np.floating]:
    """Compute the entropy of the predicted answer, in nats (Kiewisz and Bepler, Eq. 5).

    ``H(z) = -s(z) log s(z) - s(-z) log s(-z)``, between 0 and log 2; 0 for infinite scores.

    Parameters
    ----------
    score
        Logits, of any shape.

    Returns
    -------
    array
        Entropies in nats, with the shape of `score`.
    """
    size = np.minimum(np.abs(score), _CERTAIN)
    return np.asarray(np.logaddexp(0, -size) + size * expit(-size))


def moderated(score: Floats, variance: Floats) -> Floats:
    """Compute the score whose sigmoid is the expected probability for a normally distributed score.

    ``z / sqrt(1 + pi v / 8)`` (MacKay 1992, Eq. 10). The probability is closer to 0.5 where the
    variance is high, which is at positions that differ from all labels.

    Parameters
    ----------
    score, variance
        Mean and variance of the score (logit), shape (n,).

    Returns
    -------
    array, shape (n,)
    """
    return np.asarray(score / np.sqrt(1 + np.pi / 8 * variance))


def mutual_information(score: Floats, variance: Floats) -> Floats:
    """Compute the mutual information between an answer and the head, in nats.

    This is the entropy of the expected answer minus the expected entropy of the answer (BALD;
    Houlsby et al., 2011). It is high where the posterior is wide, but not where the answer is
    uncertain although the posterior is narrow.

    Parameters
    ----------
    score, variance
        Mean and variance of the score (logit), shape (n,).

    Returns
    -------
    array, shape (n,)
    """
    # The logistic sigmoid is approximately a probit of the score times sqrt(pi / 8).
    m, v = score * np.sqrt(np.pi / 8), variance * np.pi / 8
    expected = np.log(2) * np.sqrt(_WIDTH / (v + _WIDTH)) * np.exp(-(m**2) / (2 * (v + _WIDTH)))
    return np.asarray(np.maximum(entropy(moderated(score, variance)) - expected, 0.0))

"""Uncertainty of an answer, from the score of a head and its variance."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

__all__ = ["entropy", "moderated", "mutual_information"]

Floats = NDArray[np.float64]

# Beyond this score the entropy is 0 in any precision; infinite scores are taken for it.
_CERTAIN = 1000.0
# Variance of a normal curve with the height and the area of the entropy of a probit.
_WIDTH = np.pi * np.log(2) / 2


def entropy(score: NDArray[np.floating]) -> NDArray[np.floating]:
    """Compute the entropy of the predicted answer, in nats (Kiewisz and Bepler, Eq. 5).

    ``H(z) = -s(z) log s(z) - s(-z) log s(-z)``, between 0 and log 2; 0 for infinite scores.

    Parameters
    ----------
    score
        Logits, of any shape.
    """
    size = np.minimum(np.abs(score), _CERTAIN)
    return np.asarray(np.logaddexp(0, -size) + size * expit(-size))


def moderated(score: Floats, variance: Floats) -> Floats:
    """Compute the score whose sigmoid is the expected probability under a normal score.

    ``z / sqrt(1 + pi v / 8)`` (MacKay 1992, Eq. 10): the probability at a position that is unlike
    all labels is closer to 0.5.

    Parameters
    ----------
    score, variance
        Mean and variance of the score, shape (n,).
    """
    return np.asarray(score / np.sqrt(1 + np.pi / 8 * variance))


def mutual_information(score: Floats, variance: Floats) -> Floats:
    """Compute the information that an answer gives about the head, in nats.

    The entropy of the expected answer less the expected entropy of the answer (BALD; Houlsby et
    al., 2011): high where the posterior is wide, not where the particle itself is doubtful.

    Parameters
    ----------
    score, variance
        Mean and variance of the score, shape (n,).
    """
    # A logistic sigmoid is nearly a probit of the score times sqrt(pi / 8).
    m, v = score * np.sqrt(np.pi / 8), variance * np.pi / 8
    expected = np.log(2) * np.sqrt(_WIDTH / (v + _WIDTH)) * np.exp(-(m**2) / (2 * (v + _WIDTH)))
    return np.asarray(np.maximum(entropy(moderated(score, variance)) - expected, 0.0))

"""Axis of scores (logits) whose ticks are probabilities."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from activepick.formats.scores import score_threshold

__all__ = [
    "DECIMALS",
    "FURTHEST",
    "lowest_score",
    "probability_of",
    "rounded_probability",
    "score_of",
    "score_range",
    "score_ticks",
]

# Scores beyond this are drawn at the end of the axis; its probability is 0.999994.
FURTHEST = 12.0
PROBABILITIES = (0.00001, 0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 0.99999)
# Largest number of decimals of a probability.
DECIMALS = 6
# Number of significant digits of the smaller of p and 1 - p.
_DIGITS = 2


def score_range(scores: NDArray[np.floating]) -> tuple[float, float]:
    """Return the range of an axis for scores (n,); it contains the scores of 0.05 and 0.95."""
    low, high = (float(scores.min()), float(scores.max())) if scores.size else (0.0, 0.0)
    return max(min(low, -3.0), -FURTHEST) - 0.2, min(max(high, 3.0), FURTHEST) + 0.2


def score_ticks() -> list[list[tuple[float, str]]]:
    """Return the ticks of an axis of scores, in the format of `pyqtgraph`."""
    return [[(float(logit(p)), np.format_float_positional(p)) for p in PROBABILITIES]]


def score_of(probability: float, shown: tuple[float, float]) -> float:
    """Return the score of a probability, clipped to the range of an axis."""
    return float(np.clip(logit(probability), *shown))


def probability_of(score: float, shown: tuple[float, float]) -> float:
    """Return the probability of a score; 0 and 1 at the ends of the axis."""
    low, high = shown
    if score <= low:
        return 0.0
    return 1.0 if score >= high else float(expit(score))


def lowest_score(probability: float) -> np.float32:
    """Return the lowest score of a pick, in the precision in which scores are compared."""
    return np.float32(score_threshold(probability))


def rounded_probability(probability: float) -> float:
    """Return a probability with enough decimals to differ from 0 and 1."""
    rest = min(probability, 1 - probability)
    if rest <= 0:
        return probability
    decimals = int(np.ceil(-np.log10(rest))) + _DIGITS - 1
    return round(probability, int(np.clip(decimals, _DIGITS, DECIMALS)))

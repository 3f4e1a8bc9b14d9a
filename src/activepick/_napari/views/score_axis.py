"""Axis of scores (logits) whose ticks are probabilities."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

__all__ = ["FURTHEST", "probability_of", "score_of", "score_range", "score_ticks"]

# Scores beyond this are drawn at the end of the axis; its probability is 0.9999.
FURTHEST = 9.5
PROBABILITIES = (0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999)


def score_range(scores: NDArray[np.floating]) -> tuple[float, float]:
    """Return the range of an axis for scores (n,); it contains the scores of 0.05 and 0.95."""
    low, high = (scores.min(), scores.max()) if scores.size else (0.0, 0.0)
    return max(min(low, -3.0), -FURTHEST) - 0.2, min(max(high, 3.0), FURTHEST) + 0.2


def score_ticks() -> list[list[tuple[float, str]]]:
    """Return the ticks of an axis of scores, in the format of `pyqtgraph`."""
    return [[(float(logit(p)), f"{p:g}") for p in PROBABILITIES]]


def score_of(probability: float, shown: tuple[float, float]) -> float:
    """Return the score of a probability, clipped to the range of an axis."""
    return float(np.clip(logit(probability), *shown))


def probability_of(score: float, shown: tuple[float, float]) -> float:
    """Return the probability of a score; 0 and 1 at the ends of the axis."""
    low, high = shown
    if score <= low:
        return 0.0
    return 1.0 if score >= high else float(expit(score))

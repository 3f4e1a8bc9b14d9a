"""The peaks of a score map, in pixels of the micrograph."""

import numpy as np
from numpy.typing import NDArray

from activepick.scoremap.score_map import ScoreMap

__all__ = ["MIN_DISTANCE", "score_peaks"]

# Smallest distance of two peaks in particle radii: neighbours in crowded ice may overlap a little.
MIN_DISTANCE = 0.8


def score_peaks(
    scores: ScoreMap, min_distance: float = MIN_DISTANCE
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Find the peaks of a score map, the highest first; see `activepick.picking.find_peaks`.

    Parameters
    ----------
    scores
        The score map.
    min_distance
        Smallest distance between two peaks, in particle radii.

    Returns
    -------
    positions : ndarray, (n, 2)
        x, y in original pixels.
    values : ndarray, (n,)
        Scores, descending.
    """
    peaks, values = scores.maxima
    kept = scores.maxima_apart(min_distance)
    return scores.to_original(peaks[kept]), values[kept]

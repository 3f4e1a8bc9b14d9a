"""The score of a head at every position of a micrograph."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import map_coordinates

from activepick.scoremap.interpolation import resample

__all__ = ["ScoreMap", "merge_scales"]

# Samples per particle radius: enough to locate a peak, with a parabola, within a small part of it.
SAMPLES_PER_RADIUS = 7.0


@dataclass(frozen=True, eq=False)
class ScoreMap:
    """Scores (logits) on a regular grid; sample (0, 0) is on pixel (0, 0) of the micrograph.

    Attributes
    ----------
    values
        Scores, float32, shape (rows, columns).
    spacing_px
        Distance between two samples, in pixels of the micrograph.
    radius_px
        Particle radius, in pixels of the micrograph.
    shape
        Height and width of the micrograph in pixels.
    border
        Columns and rows of the micrograph without an image: left, top, right, bottom.
    """

    values: NDArray[np.float32]
    spacing_px: float
    radius_px: float
    shape: tuple[int, int]
    border: tuple[int, int, int, int] = (0, 0, 0, 0)

    def to_original(self, xy: ArrayLike) -> NDArray[np.float64]:
        """Convert positions (n, 2) from samples of the map to pixels of the micrograph."""
        return np.asarray(xy, np.float64).reshape(-1, 2) * self.spacing_px

    def at(self, xy: ArrayLike) -> NDArray[np.float64]:
        """Interpolate the score (n,) at positions (n, 2) in pixels of the micrograph."""
        columns, rows = np.asarray(xy, np.float64).reshape(-1, 2).T / self.spacing_px
        scores: NDArray[np.float64] = map_coordinates(
            self.values, [rows, columns], np.float64, order=1, mode="nearest"
        )
        return scores


def merge_scales(
    parts: Sequence[tuple[NDArray[np.float32], tuple[float, float]]],
    bias: float,
    shape: tuple[int, int],
    radius_px: float,
    border: tuple[int, int, int, int] = (0, 0, 0, 0),
) -> ScoreMap:
    """Add the scores of several scales on a common grid.

    Parameters
    ----------
    parts
        For each scale its scores without the bias, shape (h, w), and the distance between two
        samples in pixels of the micrograph, as (x, y).
    bias
        Bias of the head, added once.
    shape
        Height and width of the micrograph in pixels.
    radius_px
        Particle radius, in pixels of the micrograph.
    border
        Columns and rows without an image, as in `ScoreMap`.

    Returns
    -------
    ScoreMap
    """
    spacing = radius_px / SAMPLES_PER_RADIUS
    y, x = (np.arange(0, side - 1 + 1e-9, spacing) for side in shape)
    total = np.full((len(y), len(x)), bias, np.float32)
    for scores, (dx, dy) in parts:
        total += resample(scores, y / dy, x / dx)
    return ScoreMap(total, spacing, radius_px, shape, border)

"""The score of a head at every place of a micrograph."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import map_coordinates

from activepick.scoremap.interpolation import resample
from activepick.scoremap.maxima import find_peaks, keep_distance

__all__ = ["ScoreMap", "merge"]

# Samples per particle radius: enough for a parabola to find a peak to a small part of the radius.
SAMPLES_PER_RADIUS = 7.0


@dataclass(frozen=True, eq=False)
class ScoreMap:
    """Logits on a regular grid over the micrograph; sample (0, 0) lies on pixel (0, 0).

    Attributes
    ----------
    values
        Logits, float32, shape (rows, columns).
    spacing_px
        Original pixels between two samples.
    radius_px
        Particle radius in original pixels.
    """

    values: NDArray[np.float32]
    spacing_px: float
    radius_px: float

    @cached_property
    def maxima(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """All local maxima, the highest first: positions (n, 2) in samples, and values (n,)."""
        return find_peaks(self.values, 0.0)

    def maxima_apart(self, min_distance: float) -> NDArray[np.intp]:
        """Give the indices of the `maxima` that no higher one is closer to than a distance.

        Parameters
        ----------
        min_distance
            In particle radii.
        """
        if min_distance not in self._apart:
            px = min_distance * self.radius_px / self.spacing_px
            self._apart[min_distance] = keep_distance(self.maxima[0], px)
        return self._apart[min_distance]

    @cached_property
    def _apart(self) -> dict[float, NDArray[np.intp]]:
        return {}

    def to_original(self, xy: ArrayLike) -> NDArray[np.float64]:
        """Convert positions (n, 2) from samples of the map to original pixels."""
        return np.asarray(xy, np.float64).reshape(-1, 2) * self.spacing_px

    def at(self, xy: ArrayLike) -> NDArray[np.float64]:
        """Interpolate the score (n,) at positions (n, 2) in original pixels."""
        columns, rows = np.asarray(xy, np.float64).reshape(-1, 2).T / self.spacing_px
        scores: NDArray[np.float64] = map_coordinates(
            self.values, [rows, columns], np.float64, order=1, mode="nearest"
        )
        return scores


def merge(
    parts: list[tuple[NDArray[np.float32], tuple[float, float]]],
    bias: float,
    shape: tuple[int, int],
    radius_px: float,
) -> ScoreMap:
    """Add the score maps of several scales on the common grid.

    Parameters
    ----------
    parts
        Scores without bias (h, w) and their spacing in original pixels as (x, y), one a scale.
    bias
        Added once.
    shape
        Height and width of the micrograph.
    radius_px
        Particle radius in original pixels.
    """
    y, x, spacing = _grid(shape, radius_px)
    total = np.full((len(y), len(x)), bias, np.float32)
    for scores, (dx, dy) in parts:
        total += resample(scores, y / dy, x / dx)
    return ScoreMap(total, spacing, radius_px)


def _grid(
    shape: tuple[int, int], radius_px: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Give the rows and columns of a score map in original pixels, and its spacing."""
    spacing = radius_px / SAMPLES_PER_RADIUS
    y, x = (np.arange(0, side - 1 + 1e-9, spacing) for side in shape)
    return y, x, spacing

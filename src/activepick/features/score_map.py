"""The score of a head at every place of a micrograph."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["ScoreMap", "grid"]

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

    def to_original(self, xy: ArrayLike) -> NDArray[np.float64]:
        """Convert positions (n, 2) from samples of the map to original pixels."""
        return np.asarray(xy, np.float64).reshape(-1, 2) * self.spacing_px


def grid(
    shape: tuple[int, int], radius_px: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Give the rows and columns of a score map in original pixels, and its spacing.

    Parameters
    ----------
    shape
        Height and width of the micrograph.
    radius_px
        Particle radius in original pixels.
    """
    spacing = radius_px / SAMPLES_PER_RADIUS
    y, x = (np.arange(0, side - 1 + 1e-9, spacing) for side in shape)
    return y, x, spacing

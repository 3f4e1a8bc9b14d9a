"""The working image, and conversion between original and working pixels."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["WorkingImage"]


@dataclass(frozen=True, eq=False)
class WorkingImage:
    """A micrograph at a scale at which its particles have a given radius.

    Attributes
    ----------
    pixels
        Image (h, w), float32, with dark particles; the background has mean 0 and standard deviation
        1.
    original_shape
        Height and width of the micrograph in its own pixels.
    working_radius_px
        Particle radius in pixels of this image.
    """

    pixels: NDArray[np.float32]
    original_shape: tuple[int, int]
    working_radius_px: float

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in working pixels."""
        height, width = self.pixels.shape
        return height, width

    def to_original(self, xy: ArrayLike) -> NDArray[np.float64]:
        """Convert positions from working pixels to pixels of the micrograph.

        Parameters
        ----------
        xy
            Positions (n, 2), x and y, 0-based; integers are pixel centres.

        Returns
        -------
        ndarray
            Positions (n, 2), float64.
        """
        return np.asarray(xy, np.float64).reshape(-1, 2) * self._pixels_per_working_pixel

    def to_working(self, xy: ArrayLike) -> NDArray[np.float64]:
        """Convert positions from pixels of the micrograph to working pixels.

        Parameters
        ----------
        xy
            Positions (n, 2), x and y, 0-based; integers are pixel centres.

        Returns
        -------
        ndarray
            Positions (n, 2), float64.
        """
        return np.asarray(xy, np.float64).reshape(-1, 2) / self._pixels_per_working_pixel

    @property
    def _pixels_per_working_pixel(self) -> NDArray[np.float64]:
        """Return N / n for x and y; Fourier cropping keeps sample 0 in place."""
        (height, width), (h, w) = self.original_shape, self.pixels.shape
        return np.array([width / w, height / h])

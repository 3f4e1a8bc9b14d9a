"""Compute exact projections of Gaussian densities along the beam."""

import numpy as np
from numpy.typing import NDArray

from activepick.simulate.densities import Density

__all__ = ["add_blobs", "add_projection", "project"]

# A blob is cut off at this many standard deviations (1e-4 of its peak).
CUTOFF_SIGMAS = 4.3


def add_blobs(
    image: NDArray[np.float32],
    x_px: NDArray[np.float64],
    y_px: NDArray[np.float64],
    sigmas_px: NDArray[np.float64],
    weights: NDArray[np.float64],
) -> None:
    """Add two-dimensional Gaussians to an image in place.

    Parameters
    ----------
    image
        Array to which the Gaussians are added, (H, W). Parts outside the array are ignored.
    x_px, y_px
        Centres in pixels, (n,), 0-based; integers are pixel centres.
    sigmas_px
        Standard deviations in pixels, (n,).
    weights
        Integrals over the plane, (n,), in the unit of the image times the area of a pixel.
    """
    height, width = image.shape
    reach = CUTOFF_SIGMAS * sigmas_px
    left = max(0, int(np.floor((x_px - reach).min())))
    right = min(width, int(np.ceil((x_px + reach).max())) + 1)
    top = max(0, int(np.floor((y_px - reach).min())))
    bottom = min(height, int(np.ceil((y_px + reach).max())) + 1)
    if left >= right or top >= bottom:
        return
    # A round Gaussian is the product of its two profiles, so that a matrix product sums all blobs.
    spread = 2 * sigmas_px[:, None] ** 2
    across = np.exp(-((np.arange(left, right) - x_px[:, None]) ** 2) / spread)
    down = np.exp(-((np.arange(top, bottom) - y_px[:, None]) ** 2) / spread)
    peak = weights / (2 * np.pi * sigmas_px**2)
    image[top:bottom, left:right] += ((down * peak[:, None]).T @ across).astype(np.float32)


def add_projection(
    image: NDArray[np.float32],
    density: Density,
    x_px: float,
    y_px: float,
    pixel_size_angstrom: float,
) -> None:
    """Add the projection of a density along z to an image in place.

    Parameters
    ----------
    image
        Projected potential in V Å, (H, W).
    density
        The density, in the orientation of the particle.
    x_px, y_px
        Position of the origin of the density in pixels.
    pixel_size_angstrom
        Pixel size of the image in Å.
    """
    add_blobs(
        image,
        density.centres_angstrom[:, 0] / pixel_size_angstrom + x_px,
        density.centres_angstrom[:, 1] / pixel_size_angstrom + y_px,
        density.sigmas_angstrom / pixel_size_angstrom,
        density.weights / pixel_size_angstrom**2,
    )


def project(density: Density, size: int, pixel_size_angstrom: float) -> NDArray[np.float32]:
    """Project a density along z.

    Parameters
    ----------
    density
        The density.
    size
        Side of the image in pixels.
    pixel_size_angstrom
        Pixel size of the image in Å.

    Returns
    -------
    ndarray
        Projected potential in V Å, float32, (size, size); the origin is at ``(size - 1) / 2``.
    """
    image = np.zeros((size, size), np.float32)
    middle = (size - 1) / 2
    add_projection(image, density, middle, middle, pixel_size_angstrom)
    return image

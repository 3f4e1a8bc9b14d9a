"""Normalise grey values to the scale on which the feature extractor was trained."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from activepick.micrograph.mixture import Histogram, background_mixture

__all__ = ["Normalisation", "grey_scale", "normalise"]

Normalisation = Literal["affine", "gmm"]


def normalise(pixels: NDArray[np.float32], method: Normalisation) -> NDArray[np.float32]:
    """Shift and scale an image so that its background has mean 0 and standard deviation 1.

    Parameters
    ----------
    pixels
        Image (height, width), not constant.
    method
        "affine" uses the mean and standard deviation of all pixels, "gmm" those of the brighter
        component of a Gaussian mixture.

    Returns
    -------
    ndarray
        Image (height, width), float32.

    Raises
    ------
    ValueError
        If `method` is unknown, or the image is constant.
    """
    mean, deviation = grey_scale(pixels, method)
    return (pixels - np.float32(mean)) / np.float32(deviation)


def grey_scale(pixels: NDArray[np.float32], method: Normalisation) -> tuple[float, float]:
    """Return the mean and standard deviation of the background.

    Parameters
    ----------
    pixels
        Image (height, width), not constant.
    method
        "affine" or "gmm", as for `normalise`.

    Raises
    ------
    ValueError
        If `method` is unknown, or the image is constant.
    """
    mean = float(pixels.mean(dtype=np.float64))
    deviation = float(pixels.std(dtype=np.float64))
    if not np.float32(deviation) > 0:
        raise ValueError("a constant image cannot be normalised")
    if method == "affine":
        return mean, deviation
    if method == "gmm":
        return background_mixture(Histogram.of(pixels))
    raise ValueError(f"unknown normalisation {method!r}")

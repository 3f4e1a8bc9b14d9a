"""Micrographs as napari layers: their scale, unit and contrast."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["LayerData", "contrast_limits", "in_angstrom"]

LayerData = tuple[NDArray[Any], dict[str, Any], str]

# Enough pixels for percentiles that nobody can tell from those of all pixels.
SAMPLE_PIXELS = 1_000_000


def in_angstrom(pixel_size_angstrom: float | None) -> dict[str, Any]:
    """Give the scale and unit of a layer whose data are in pixels.

    Parameters
    ----------
    pixel_size_angstrom
        Å per pixel; None when it is not known, and then a layer stays in pixels.
    """
    if pixel_size_angstrom is None:
        return {"scale": (1.0, 1.0), "units": ("pixel", "pixel")}
    return {
        "scale": (pixel_size_angstrom, pixel_size_angstrom),
        "units": ("angstrom", "angstrom"),
    }


def contrast_limits(pixels: NDArray[np.float32]) -> tuple[float, float]:
    """Give the grey values that are shown black and white.

    Parameters
    ----------
    pixels
        (H, W), not constant.

    Returns
    -------
    tuple of float
        The 1st and 99th percentile, so that a few hot pixels or an ice crystal do not turn the
        rest grey; the least and largest value where these are the same.
    """
    step = max(1, int(np.sqrt(pixels.size / SAMPLE_PIXELS)))
    low, high = np.percentile(pixels[::step, ::step], (1, 99))
    if not low < high:
        low, high = pixels.min(), pixels.max()
    return float(low), float(high)

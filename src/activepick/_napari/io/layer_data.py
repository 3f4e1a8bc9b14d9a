"""Scale, unit and contrast of micrographs as napari layers."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["LayerData", "contrast_limits", "in_angstrom"]

LayerData = tuple[NDArray[Any], dict[str, Any], str]

# Percentiles of this many pixels are practically those of all pixels.
SAMPLE_PIXELS = 1_000_000


def in_angstrom(pixel_size_angstrom: float | None) -> dict[str, Any]:
    """Return the scale and units of a layer whose data are in pixels.

    Parameters
    ----------
    pixel_size_angstrom
        Å per pixel; None if unknown, for a layer in pixels.
    """
    if pixel_size_angstrom is None:
        return {"scale": (1.0, 1.0), "units": ("pixel", "pixel")}
    return {
        "scale": (pixel_size_angstrom, pixel_size_angstrom),
        "units": ("angstrom", "angstrom"),
    }


def contrast_limits(pixels: NDArray[np.float32]) -> tuple[float, float]:
    """Return the grey values that are shown as black and white.

    Parameters
    ----------
    pixels
        Grey values (H, W), not constant.

    Returns
    -------
    tuple of float
        The 1st and 99th percentile, so that hot pixels or ice crystals do not reduce the contrast;
        the minimum and maximum if the percentiles are equal.
    """
    step = max(1, int(np.sqrt(pixels.size / SAMPLE_PIXELS)))
    low, high = np.percentile(pixels[::step, ::step], (1, 99))
    if not low < high:
        low, high = pixels.min(), pixels.max()
    return float(low), float(high)

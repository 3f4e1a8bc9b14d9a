"""Crops as pictures that Qt draws."""

import numpy as np
from numpy.typing import NDArray
from qtpy.QtGui import QImage

__all__ = ["grey_image"]


def grey_image(pixels: NDArray[np.uint8]) -> QImage:
    """Make a picture of (h, w) grey values; it has its own copy of them."""
    height, width = pixels.shape
    data = np.ascontiguousarray(pixels, np.uint8).tobytes()
    return QImage(data, width, height, width, QImage.Format.Format_Grayscale8).copy()

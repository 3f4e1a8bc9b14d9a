"""Conversion of grey values to Qt images."""

import numpy as np
from numpy.typing import NDArray
from qtpy.QtGui import QImage

__all__ = ["grey_image"]


def grey_image(pixels: NDArray[np.uint8]) -> QImage:
    """Return grey values (h, w) as an image with its own copy of the data."""
    height, width = pixels.shape
    data = np.ascontiguousarray(pixels, np.uint8).tobytes()
    return QImage(data, width, height, width, QImage.Format.Format_Grayscale8).copy()

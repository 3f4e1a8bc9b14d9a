"""Features of a working image under flips and rotations, on the grid of the image as it is.

A particle looks the same from every side of the micrograph, the network sees it differently: the
mean over the symmetries of the square is steadier (test-time augmentation; for picking DeepEM, Zhu
et al., BMC Bioinformatics 18, 348, 2017, and crYOLO, Wagner et al., Communications Biology 2, 218,
2019, use flips and rotations in training).
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["ORIENTATIONS", "Orientation", "oriented"]

Image = NDArray[np.float32]


class Orientation(NamedTuple):
    """One of the eight symmetries of the square: a transposition, then flips of the axes."""

    transposed: bool
    flipped_y: bool
    flipped_x: bool


# The first two are a half turn apart, the first four are the quarter turns, the rest mirror images.
ORIENTATIONS = (
    Orientation(False, False, False),
    Orientation(False, True, True),
    Orientation(True, True, False),
    Orientation(True, False, True),
    Orientation(False, True, False),
    Orientation(False, False, True),
    Orientation(True, False, False),
    Orientation(True, True, True),
)


def oriented(
    run: Callable[[Image], NDArray[Any]],
    image: Image,
    stride: int,
    orientation: Orientation,
) -> NDArray[Any]:
    """Run a strided network on a turned image, and turn the result back.

    Parameters
    ----------
    run
        Gives for an image (h, w) samples (ceil(h / stride), ceil(w / stride), ...), of which
        (i, j) is centred on the pixel (stride i, stride j); beyond the image there are zeros.
    image
        Shape (h, w).
    stride
        See above.
    orientation
        How the image is turned.

    Returns
    -------
    array
        Samples at the same places as those of ``run(image)``.
    """
    turned = image.T if orientation.transposed else image
    rows, turned = _flip(turned, 0, stride, orientation.flipped_y)
    columns, turned = _flip(turned, 1, stride, orientation.flipped_x)
    out = run(np.ascontiguousarray(turned))[rows][:, columns]
    return out.swapaxes(0, 1) if orientation.transposed else out


def _flip(image: Image, axis: int, stride: int, wanted: bool) -> tuple[NDArray[np.intp], Image]:
    """Flip an axis and tell which samples of the result lie where those of the image would.

    Zeros in front make the pixels that carried samples carry them again.
    """
    size = image.shape[axis]
    samples = -(-size // stride)
    if not wanted:
        return np.arange(samples), image
    front = -(size - 1) % stride
    padding = [(0, 0), (0, 0)]
    padding[axis] = (front, 0)
    last = (size - 1 + front) // stride
    return last - np.arange(samples), np.pad(np.flip(image, axis), padding)

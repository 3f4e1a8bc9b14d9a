"""Features averaged over flips and rotations of the working image (test-time augmentation).

A particle has no preferred orientation in a micrograph, but the features of the network depend on
the orientation of the image. Their mean over symmetries of the square has less variance, and over
two orientations half a turn apart no shift. DeepEM (Zhu et al., BMC Bioinformatics 18, 348, 2017)
and crYOLO (Wagner et al., Communications Biology 2, 218, 2019) augment their training likewise.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from activepick.errors import SettingsError
from activepick.features.extractor import Extractor
from activepick.progress import Progress, part_of

__all__ = [
    "COUNTS",
    "DEFAULT_ORIENTATIONS",
    "ORIENTATIONS",
    "Orientation",
    "mean_features",
    "oriented",
]

Image = NDArray[np.float32]

# Over how many orientations features are averaged, wherever the program computes some: half a turn
# apart, which removes the shift of the features from one orientation
# (`benchmarks/orientations.py`).
DEFAULT_ORIENTATIONS = 2
# The numbers of orientations that are possible.
COUNTS = (1, 2, 4, 8)
# Rows of features that are averaged at a time, which bounds the memory in single precision.
_ROWS = 64


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


def mean_features(
    extractor: Extractor, image: Image, orientations: int, progress: Progress | None = None
) -> NDArray[np.float16]:
    """Compute the features of a working image, averaged over orientations of the image.

    Parameters
    ----------
    extractor
        Runs once for each orientation.
    image
        Normalised pixels, shape (h, w).
    orientations
        How many: 1, 2 (half a turn apart), 4 (quarter turns) or 8 (with mirror images).
    progress
        Called with the fraction done; may raise to cancel.

    Returns
    -------
    array of float16
        Shape (ceil(h / stride), ceil(w / stride), C), as `Extractor.extract` returns it.

    Raises
    ------
    SettingsError
        For another number of orientations.
    """
    if orientations not in COUNTS:
        raise SettingsError(f"{orientations} orientations are not possible: use 1, 2, 4 or 8.")
    if orientations == 1:
        return extractor.extract(image, progress)
    total: NDArray[Any] | None = None
    for index, orientation in enumerate(ORIENTATIONS[:orientations]):
        step = None if progress is None else part_of(progress, index, orientations)

        def run(turned: Image, step: Progress | None = step) -> NDArray[np.float16]:
            return extractor.extract(turned, step)

        part = oriented(run, image, extractor.stride, orientation)
        if total is None:
            # Half precision holds a sum of two values exactly enough; more need single precision.
            total = part if orientations <= 2 else part.astype(np.float32)
            continue
        for start in range(0, len(total), _ROWS):
            rows = slice(start, start + _ROWS)
            mean = total[rows].astype(np.float32) + part[rows]
            total[rows] = mean / np.float32(2) if orientations == 2 else mean
    assert total is not None
    if orientations > 2:
        total /= np.float32(orientations)
    return np.ascontiguousarray(total, np.float16)


def oriented(
    run: Callable[[Image], NDArray[Any]],
    image: Image,
    stride: int,
    orientation: Orientation,
) -> NDArray[Any]:
    """Run a strided network on a turned image and turn the result back.

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
    """Flip an axis, and return which samples of the result lie at those of the image.

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

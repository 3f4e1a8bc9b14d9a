"""Features averaged over flips and rotations of the working image (test-time augmentation).

A particle has no preferred orientation in a micrograph, but the features of the network depend on
the orientation of the image. Their mean over symmetries of the square has less variance, and their
mean over two orientations half a turn apart has no shift. DeepEM (Zhu et al., BMC Bioinformatics
18, 348, 2017) and crYOLO (Wagner et al., Communications Biology 2, 218, 2019) augment their
training data in the same way.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from activepick.errors import SettingsError

__all__ = ["COUNTS", "DEFAULT_ORIENTATIONS", "ORIENTATIONS", "Orientation", "orientations_of"]

# Default number of orientations over which features are averaged: two, half a turn apart, which
# removes the shift of the features from one orientation (`benchmarks/orientations.py`).
DEFAULT_ORIENTATIONS = 2
# Supported numbers of orientations.
COUNTS = (1, 2, 4, 8)

Window = tuple[slice, slice]


class Orientation(NamedTuple):
    """One of the eight symmetries of the square: a transposition, then flips of the axes."""

    transposed: bool
    flipped_y: bool
    flipped_x: bool

    def apply(self, image: Tensor) -> Tensor:
        """Return an image (h, w), or several (n, h, w), in this orientation."""
        turned = image.transpose(-2, -1) if self.transposed else image
        return torch.flip(turned, [axis - 2 for axis in self._axes]) if self._axes else turned

    def apply_to_window(self, window: Window, shape: tuple[int, int]) -> Window:
        """Return the position of rows and columns of an image (h, w) after `apply`."""
        if self.transposed:
            window, shape = (window[1], window[0]), (shape[1], shape[0])
        rows, columns = (
            slice(size - part.stop, size - part.start) if flipped else part
            for part, size, flipped in zip(window, shape, self[1:], strict=True)
        )
        return rows, columns

    def undo(self, samples: Tensor) -> Tensor:
        """Return samples (h, w, ...) in this orientation turned back to that of the image."""
        straight = torch.flip(samples, self._axes) if self._axes else samples
        return straight.transpose(0, 1) if self.transposed else straight

    @property
    def _axes(self) -> list[int]:
        return [axis for axis, flipped in enumerate(self[1:]) if flipped]


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


def orientations_of(count: int) -> tuple[Orientation, ...]:
    """Return the orientations over which features are averaged.

    Parameters
    ----------
    count
        Number of orientations: 1, 2 (half a turn apart), 4 (quarter turns) or 8 (with mirror
        images).

    Raises
    ------
    SettingsError
        If the number is not one of these.
    """
    if count not in COUNTS:
        raise SettingsError(f"{count} orientations are not possible: use 1, 2, 4 or 8.")
    return ORIENTATIONS[:count]

"""Find the border without an image that motion correction leaves around a micrograph.

Frames that were shifted against each other overlap only in part. Elsewhere, some programs repeat
the outermost row or column of the image, and others fill in a constant. Neighbouring lines are then
equal, or nearly so after lossy compression. A filter with periodic boundaries spreads the opposite
side of the image over the outermost lines of such a border.
"""

from collections.abc import Iterable, Iterator
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["NO_BORDER", "Border", "BorderFinder"]

# Rows and columns without an image: left, top, right, bottom.
Border: TypeAlias = tuple[int, int, int, int]

NO_BORDER: Border = (0, 0, 0, 0)
# A border that takes a larger share of a side is an empty part of the micrograph.
_MOST = 0.25
# Two neighbouring lines hold no image if their mean absolute difference is at most this share of
# the median of all lines. Within an image, the share follows the local variance of the noise.
_SIMILAR = 0.2
# Of the lines from a side to the end of its border, at least this share holds no image.
_LEAST_SHARE = 0.5
# Rows that are compared with themselves, one column on, and columns that are compared, one row on,
# if there are as many: the standard error of a mean absolute difference of so many is below 4 %.
_COMPARED = 512
# Neighbouring columns that are compared: reading single ones takes as long as reading the rows.
_STRIP = 64


class BorderFinder:
    """Find the border of an image while its pixels are read.

    Parameters
    ----------
    shape
        Height and width of the image.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        self._height, self._width = shape
        # An odd step: the blocks of JPEG have an even size.
        self._row_step = max(self._height // _COMPARED - 1, 0) | 1
        count = max(_COMPARED // _STRIP, 1)
        starts = np.linspace(0, max(self._width - _STRIP, 0), count).astype(np.intp)
        self._compared = np.unique(np.add.outer(starts, np.arange(min(_STRIP, self._width))))
        self._columns = np.zeros(max(self._width - 1, 0))
        self._rows: list[NDArray[np.float64]] = []
        # Compared pixels of the last row of the block before.
        self._last: NDArray[np.float32] | None = None
        self._seen = 0

    def watch(self, blocks: Iterable[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
        """Yield blocks of rows unchanged, and examine them.

        Parameters
        ----------
        blocks
            The image from row 0 on, as blocks (rows, width).
        """
        for block in blocks:
            self._look(block)
            yield block

    @property
    def border(self) -> Border | None:
        """The border; None until the whole image has been seen."""
        if self._seen < self._height:
            return None
        rows = np.concatenate([np.empty(0), *self._rows])
        (top, bottom), (left, right) = _ends(rows), _ends(self._columns)
        return left, top, right, bottom

    def _look(self, block: NDArray[np.float32]) -> None:
        first = -self._seen % self._row_step
        self._columns += _steps(block[first :: self._row_step], axis=1).sum(axis=0, dtype=float)
        part = np.take(block, self._compared, axis=1)
        rows = part if self._last is None else np.concatenate([self._last, part])
        self._rows.append(_steps(rows, axis=0).sum(axis=1, dtype=float))
        self._last = part[-1:]
        self._seen += len(block)


def _steps(pixels: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
    """Return the absolute differences of neighbouring pixels along an axis."""
    with np.errstate(over="ignore", invalid="ignore"):  # files may hold the largest numbers
        steps = np.diff(pixels, axis=axis)
    return np.abs(steps, out=steps)


def _ends(differences: NDArray[np.float64]) -> tuple[int, int]:
    """Return the number of lines of the border at the first and at the last line.

    Parameters
    ----------
    differences
        Absolute differences (n - 1,) of each of n lines to the next one, up to a factor.
    """
    if not len(differences):
        return 0, 0
    empty = differences <= _SIMILAR * np.median(differences)
    most = int((len(differences) + 1) * _MOST)
    return _end(empty[:most], most), _end(empty[::-1][:most], most)


def _end(empty: NDArray[np.bool_], most: int) -> int:
    """Return the number of lines of the border, from flags of each line and the next one."""
    share = np.cumsum(empty) / np.arange(1, len(empty) + 1)
    ends = np.flatnonzero(empty & (share >= _LEAST_SHARE))
    # The innermost of equal lines may belong to the image or to the padding: it is left out too.
    return min(int(ends[-1]) + 2, most) if len(ends) else 0

"""Find the border without an image that motion correction leaves around a micrograph.

Frames that were shifted against each other overlap only in part. Elsewhere, some programs repeat
the outermost row or column of the image, and others fill in a constant. Both give rows or columns
that are equal to the next one, which never happens in noise.
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


class BorderFinder:
    """Find the border of an image while its pixels are read.

    Parameters
    ----------
    shape
        Height and width of the image.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        self._height, self._width = shape
        # Pairs of equal columns at either side, and of equal rows at the top.
        self._left = self._right = max(int(self._width * _MOST), 1)
        self._top = 0
        self._bottom = 0
        self._is_top = True
        self._row: NDArray[np.float32] | None = None
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
        most_rows, most_columns = int(self._height * _MOST), int(self._width * _MOST)

        def side(pairs: int, most: int) -> int:
            # The innermost of equal rows may belong to the image or to the padding: it is left
            # out as well.
            return min(pairs + 1, most) if pairs else 0

        return (
            side(self._left, most_columns),
            side(self._top, most_rows),
            side(self._right, most_columns),
            side(self._bottom, most_rows),
        )

    def _look(self, block: NDArray[np.float32]) -> None:
        self._seen += len(block)
        if self._left:
            part = block[:, : self._left + 1]
            self._left = _leading((part[:, 1:] == part[:, :-1]).all(axis=0))
        if self._right:
            part = block[:, -self._right - 1 :]
            self._right = _leading((part[:, 1:] == part[:, :-1]).all(axis=0)[::-1])
        before = self._row
        rows = block if before is None else np.concatenate([before[None], block])
        # Comparing the first pixels is enough for most rows.
        equal = (rows[1:, :2] == rows[:-1, :2]).all(axis=1)
        for k in np.flatnonzero(equal):
            equal[k] = bool((rows[k] == rows[k + 1]).all())
        if self._is_top:
            leading = _leading(equal)
            self._top += leading
            self._is_top = leading == len(equal)
        trailing = _leading(equal[::-1])
        self._bottom = trailing + (self._bottom if trailing == len(equal) else 0)
        self._row = block[-1].copy()


def _leading(flags: NDArray[np.bool_]) -> int:
    """Return the number of flags that are set before the first one that is not."""
    return int(len(flags) if flags.all() else np.argmin(flags))

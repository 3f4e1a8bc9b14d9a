"""The result of a reader: the shape, the pixel size, and the pixels in blocks of rows."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from activepick.errors import MicrographError
from activepick.files import open_to_read
from activepick.micrograph.guard import guarded

__all__ = ["MicrographFile", "blocks_of_array", "checked_blocks", "open_plain", "raw_blocks"]

BLOCK_BYTES = 4 * 2**20
# Sums over a whole micrograph and squares of them have to be finite in float32.
MAX_ABS_VALUE = 1e15

AnyArray = NDArray[Any]


@dataclass(frozen=True)
class MicrographFile:
    """A micrograph file whose header, but not its pixels, was read and checked.

    Attributes
    ----------
    path
        The file.
    shape
        Height and width in pixels.
    pixel_size_angstrom
        Å per pixel in the header; None if the header has no valid value.
    blocks
        Function that returns an iterator over the pixels from row 0, as blocks (rows, width) of the
        type of the file.
    """

    path: Path
    shape: tuple[int, int]
    pixel_size_angstrom: float | None
    blocks: Callable[[], Iterator[AnyArray]]


def open_plain(path: Path) -> BufferedIOBase:
    """Open an uncompressed file for reading."""
    return open_to_read(path)


def raw_blocks(
    path: Path,
    opener: Callable[[Path], BufferedIOBase],
    offset: int,
    shape: tuple[int, int],
    dtype: np.dtype[Any],
) -> Iterator[AnyArray]:
    """Read uncompressed pixels in blocks, from a file or a decompressing stream.

    Reads are used instead of a memory map: only one block is in memory, large sequential reads suit
    network file systems, and a file that is truncated meanwhile causes an error instead of SIGBUS.

    Yields
    ------
    ndarray
        Rows (rows, width) of type `dtype`.

    Raises
    ------
    MicrographError
        If the stream ends too early or is damaged.
    """
    height, width = shape
    rows = max(1, BLOCK_BYTES // (width * dtype.itemsize))
    with guarded(path), opener(path) as stream:
        stream.seek(offset)
        for start in range(0, height, rows):
            block = np.empty((min(rows, height - start), width), dtype)
            unread = block.reshape(-1).view(np.uint8).data
            while unread:
                count = stream.readinto(unread)
                if not count:
                    raise EOFError
                unread = unread[count:]
            yield block


def blocks_of_array(pixels: AnyArray) -> Iterator[AnyArray]:
    """Yield an image (height, width) in memory as blocks of rows, without copying.

    Yields
    ------
    ndarray
        Rows (rows, width).
    """
    rows = max(1, BLOCK_BYTES // max(1, pixels[:1].nbytes))
    for start in range(0, pixels.shape[0], rows):
        yield pixels[start : start + rows]


def checked_blocks(file: MicrographFile) -> Iterator[NDArray[np.float32]]:
    """Read the pixels as float32, and check that they can be used.

    Yields
    ------
    ndarray
        Rows (rows, width), float32.

    Raises
    ------
    MicrographError
        If the file is damaged, a value is NaN, infinite or implausible, or all values are equal
        (which is known only after the last block).
    """
    lowest, highest = np.inf, -np.inf
    for native in file.blocks():
        with np.errstate(over="ignore"):
            block = native.astype(np.float32, copy=False)
        low, high = float(block.min()), float(block.max())
        # One comparison for all cases: it is false for NaN, which min and max propagate.
        if not (low >= -MAX_ABS_VALUE and high <= MAX_ABS_VALUE):
            what = (
                "NaN (not-a-number) values"
                if np.isnan(low)
                else "infinite values"
                if np.isinf(low) or np.isinf(high)
                else f"values up to {max(-low, high):.0e}"
            )
            raise MicrographError(
                f"{file.path} contains {what}: it is damaged, or motion correction failed. "
                "Create it again or leave it out."
            )
        lowest, highest = min(lowest, low), max(highest, high)
        yield block
    if lowest == highest:
        raise MicrographError(
            f"{file.path} is constant: every pixel is {lowest:g}. "
            "It contains no image; create it again or leave it out."
        )

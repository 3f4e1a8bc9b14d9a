"""MRC files, plain or compressed.

The layout is that of https://www.ccpem.ac.uk/mrc_format/mrc2014.php; the header's fields and types
are mrcfile's. Reading is permissive: a wrong map ID or machine stamp, and bytes after the image,
are accepted as long as the header is valid in one of the two byte orders.

Bytes (mode 0) are signed by this standard, but older programs wrote unsigned bytes, and few of
them set the flag by which IMOD distinguishes the two.
"""

import bz2
import gzip
import math
from collections.abc import Callable
from functools import partial
from io import BufferedIOBase
from pathlib import Path
from typing import Any

import numpy as np
from mrcfile.dtypes import HEADER_DTYPE
from mrcfile.utils import byte_order_from_machine_stamp, dtype_from_mode
from numpy.typing import NDArray

from activepick.errors import MicrographError
from activepick.files import check_readable
from activepick.micrograph.byte_type import byte_type
from activepick.micrograph.guard import MAX_SIDE_PX, check_size, guarded
from activepick.micrograph.pixel_size import header_pixel_size
from activepick.micrograph.source import MicrographFile, open_plain, raw_blocks

__all__ = ["open_mrc"]

HEADER_BYTES = HEADER_DTYPE.itemsize
REAL_MODES = (0, 1, 2, 6, 12)
REFUSED_MODES = {
    3: "complex numbers, the Fourier transform of an image",
    4: "complex numbers, the Fourier transform of an image",
    16: "colours",
    101: "4-bit numbers, as movies do",
}
# Number of bytes that are read, in pieces from the whole image, to detect whether they are signed.
SAMPLE_BYTES, SAMPLE_PIECES = 2**20, 64


def open_gzip(path: Path) -> BufferedIOBase:
    """Open a gzip file for reading its decompressed content."""
    check_readable(path)
    return gzip.open(path, "rb")


def open_bzip2(path: Path) -> BufferedIOBase:
    """Open a bzip2 file for reading its decompressed content."""
    check_readable(path)
    return bz2.open(path, "rb")


OPENERS = {".gz": open_gzip, ".bz2": open_bzip2}


def open_mrc(path: Path) -> MicrographFile:
    """Read and check the header of an MRC file.

    Parameters
    ----------
    path
        `.mrc` or `.mrcs`, or either followed by `.gz` or `.bz2`; modes 0, 1, 2, 6 and 12, one
        slice. Whether bytes (mode 0) are signed is derived from IMOD's flag, the minimum and
        maximum in the header, and the values, with a `MicrographWarning` if it is not clear.

    Returns
    -------
    MicrographFile
        Shape, pixel size and a function that reads the pixels.

    Raises
    ------
    MicrographError
        If the file is not an MRC file, is truncated, or is a stack, a movie or a transform.
    """
    opener = OPENERS.get(path.suffix.lower(), open_plain)
    with guarded(path), opener(path) as stream:
        raw = stream.read(HEADER_BYTES)
    if len(raw) < HEADER_BYTES:
        raise MicrographError(
            f"{path} is truncated: an MRC header needs {HEADER_BYTES} bytes, and it has "
            f"{len(raw)}. Copy it again."
        )
    header = _header(path, raw)
    if int(header["nz"]) > 1:
        raise MicrographError(
            f"{path} is a stack of {header['nz']} images: run motion correction first if it is a "
            "movie, or write its slices as single micrographs."
        )
    dtype: np.dtype[Any] = dtype_from_mode(int(header["mode"]))
    dtype = dtype.newbyteorder(header.dtype["mode"].byteorder)
    shape = (int(header["ny"]), int(header["nx"]))
    offset = HEADER_BYTES + int(header["nsymbt"])
    compressed = opener is not open_plain
    check_size(path, shape, offset + shape[0] * shape[1] * dtype.itemsize, compressed)
    if dtype == np.int8:
        values = partial(_sample, path, opener, offset, shape[0] * shape[1])
        dtype = byte_type(path, header, values)
    return MicrographFile(
        path,
        shape,
        header_pixel_size(_sampling(header, "x"), _sampling(header, "y")),
        partial(raw_blocks, path, opener, offset, shape, dtype),
    )


def _header(path: Path, raw: bytes) -> np.void:
    """Parse the header in the byte order in which it is valid."""
    header: np.void = np.frombuffer(raw, HEADER_DTYPE)[0]
    try:
        stamped = byte_order_from_machine_stamp(header["machst"])
    except ValueError:
        stamped = "<"
    refused = None
    for order in (stamped, ">" if stamped == "<" else "<"):
        header = np.frombuffer(raw, HEADER_DTYPE.newbyteorder(order))[0]
        if not (
            all(1 <= int(header[axis]) <= MAX_SIDE_PX for axis in ("nx", "ny"))
            and int(header["nz"]) >= 0
            and int(header["nsymbt"]) >= 0
        ):
            continue
        mode = int(header["mode"])
        if mode in REAL_MODES:
            return header
        refused = refused or REFUSED_MODES.get(mode)
    if refused:
        raise MicrographError(
            f"{path} stores {refused}: an MRC micrograph has mode 0, 1, 2, 6 or 12. "
            "Run motion correction first if it is a movie, or convert it."
        )
    raise MicrographError(
        f"{path} is not an MRC file, or its header is damaged: its size or mode is not valid. "
        "Check where it comes from, or copy it again."
    )


def _sampling(header: np.void, axis: str) -> float:
    """Return the cell length divided by the number of intervals: the pixel size in Å."""
    intervals = int(header["m" + axis])
    return float(header["cella"][axis]) / intervals if intervals > 0 else math.nan


def _sample(
    path: Path, opener: Callable[[Path], BufferedIOBase], offset: int, count: int
) -> NDArray[np.uint8]:
    """Return some of the bytes of an image of `count` bytes."""
    pieces = SAMPLE_PIECES if opener is open_plain else 1  # no seeking in a compressed file
    length = min(count, SAMPLE_BYTES) // pieces
    with guarded(path), opener(path) as stream:
        found = []
        for k in range(pieces):
            stream.seek(offset + k * ((count - length) // max(1, pieces - 1)))
            found.append(stream.read(length))
    return np.frombuffer(b"".join(found), np.uint8)

"""TIFF files, read with tifffile.

Row 0 is the first row of the file. RELION and IMOD flip TIFF files vertically when they read them,
so that coordinates for these programs have to be flipped in y; nothing is flipped here.
"""

import math
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from activepick.errors import MicrographError
from activepick.micrograph.guard import check_size, guarded
from activepick.micrograph.source import MicrographFile, blocks_of_array, open_plain, raw_blocks

__all__ = ["open_tiff"]


def open_tiff(path: Path) -> MicrographFile:
    """Read and check the header of a TIFF file.

    Parameters
    ----------
    path
        `.tif` or `.tiff` with one grey image. The pixel size is never taken from the resolution
        tags, which hold dots per inch more often than anything else.

    Returns
    -------
    MicrographFile
        Shape and a function that reads the pixels.

    Raises
    ------
    MicrographError
        When the file is damaged, truncated, a stack or in colours.
    """
    with guarded(path), tifffile.TiffFile(path) as tiff:
        page = tiff.pages.first
        series = tiff.series[0]
        grey = (series.dtype.kind in "biuf") if series.dtype is not None else False
        if "S" in series.axes or not grey:
            raise MicrographError(
                f"{path} is a colour or complex image: convert it to one grey channel first."
            )
        images = len(tiff.series) if len(tiff.series) > 1 else _images(series.shape, page.shape)
        if images > 1:
            raise MicrographError(
                f"{path} is a stack of {images} images: run motion correction first if it is a "
                "movie, or write its slices as single micrographs."
            )
        shape = (int(page.imagelength), int(page.imagewidth))
        dtype = np.dtype(page.dtype).newbyteorder(tiff.byteorder)
        size = shape[0] * shape[1] * dtype.itemsize
        check_size(path, shape, size, compressed=True)
        segments = zip(page.dataoffsets, page.databytecounts, strict=False)
        end = max((start + count for start, count in segments), default=0)
        if page.is_memmappable and page.is_contiguous:
            offset = int(page.dataoffsets[0])
            check_size(path, shape, offset + size, compressed=False)
            return MicrographFile(
                path, shape, None, partial(raw_blocks, path, open_plain, offset, shape, dtype)
            )
    if end > path.stat().st_size:
        raise MicrographError(
            f"{path} is truncated: it should have {end} bytes and has {path.stat().st_size}. "
            "Copy it again."
        )
    return MicrographFile(path, shape, None, partial(_decoded_blocks, path))


def _images(series: tuple[int, ...], page: tuple[int, ...]) -> int:
    return math.prod(series) // max(1, math.prod(page))


def _decoded_blocks(path: Path) -> Iterator[NDArray[Any]]:
    with guarded(path), tifffile.TiffFile(path) as tiff:
        page = tiff.pages.first
        pixels = np.asarray(page.asarray()).reshape(page.imagelength, page.imagewidth)
    yield from blocks_of_array(pixels)

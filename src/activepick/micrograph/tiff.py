"""Read TIFF files with tifffile.

Row 0 is the first row of the file. RELION and IMOD flip TIFF files vertically when they read them,
so that coordinates for these programs have to be flipped in y; this module does not flip.
"""

import contextlib
import math
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from activepick.errors import MicrographError
from activepick.files import open_to_read
from activepick.micrograph.guard import check_size, guarded
from activepick.micrograph.jpeg import check_scans, claimed_size
from activepick.micrograph.source import MicrographFile, blocks_of_array, open_plain, raw_blocks

__all__ = ["open_tiff"]

Blocks = Callable[[], Iterator[NDArray[Any]]]

# Compressions whose decoder never returns more than the expected number of pixels: none, LZW,
# deflate, packbits, LZMA and Zstandard. Embedded pictures have sizes of their own, which are
# checked for JPEG.
_BOUNDED = {1, 5, 8, 32946, 32773, 34925, 34926, 50000}
_JPEG = 7
# Photometric interpretations: 0 is white, and numbers of colours.
_MIN_IS_WHITE, _PALETTE = 0, 3
_LARGEST_TILE_PX = 2**22
_MOST_COUNTED = 100
# TIFF variants whose description refers to other files, which would be opened as well.
_NO_OTHER_FILES: Any = dict.fromkeys(
    ("is_ome", "is_mmstack", "is_micromanager", "is_ndtiff", "is_virtual"), False
)


def open_tiff(path: Path) -> MicrographFile:
    """Read and check the header of a TIFF file.

    Parameters
    ----------
    path
        `.tif` or `.tiff` with one grey image. The pixel size is never taken from the resolution
        tags, which usually hold dots per inch.

    Returns
    -------
    MicrographFile
        Shape and a function that reads the pixels.

    Raises
    ------
    MicrographError
        If the file is damaged, truncated, a stack or a colour image.
    """
    with guarded(path), _opened(path) as tiff:
        page = tiff.pages.first
        several = _several_pages(tiff)
        if several:
            raise _stack(path, several)
        series = tiff.series[0]
        grey = (series.dtype.kind in "biuf") if series.dtype is not None else False
        if "S" in series.axes or not grey or page.photometric == _PALETTE:
            raise MicrographError(
                f"{path} is a colour or complex image: convert it to one grey channel first."
            )
        images = _images(series.shape, page.shape)
        if images > 1:
            raise _stack(path, str(images))
        shape = (int(page.imagelength), int(page.imagewidth))
        dtype = np.dtype(page.dtype).newbyteorder(tiff.byteorder)
        size = shape[0] * shape[1] * dtype.itemsize
        check_size(path, shape, size, compressed=True)
        if page.compression not in (*_BOUNDED, _JPEG):
            kind = getattr(page.compression, "name", page.compression)
            raise MicrographError(
                f"{path} has a compression for pictures or videos ({kind}): "
                "write it again with LZW, deflate, or no compression."
            )
        _check_segments(path, page, shape)
        segments = zip(page.dataoffsets, page.databytecounts, strict=False)
        end = max((start + count for start, count in segments), default=0)
        if page.compression == _JPEG and end <= path.stat().st_size:
            _check_jpeg(path, tiff, page)
        white = page.photometric == _MIN_IS_WHITE
        if page.is_memmappable and page.is_contiguous:
            offset = int(page.dataoffsets[0])
            check_size(path, shape, offset + size, compressed=False)
            blocks: Blocks = partial(raw_blocks, path, open_plain, offset, shape, dtype)
            return MicrographFile(
                path, shape, None, partial(_inverted, blocks) if white else blocks
            )
    if end > path.stat().st_size:
        raise MicrographError(
            f"{path} is truncated: it should have {end} bytes, but has {path.stat().st_size}. "
            "Copy it again."
        )
    decoded: Blocks = partial(_decoded_blocks, path)
    return MicrographFile(path, shape, None, partial(_inverted, decoded) if white else decoded)


def _inverted(blocks: Blocks) -> Iterator[NDArray[Any]]:
    """Yield blocks in which large values are bright, as in all other files."""
    for block in blocks():
        yield -block if block.dtype.kind == "f" else ~block


def _check_jpeg(path: Path, tiff: tifffile.TiffFile, page: Any) -> None:
    """Raise an error for segments that claim more pixels or passes than they may have."""
    width = page.tilewidth if page.is_tiled else page.imagewidth
    rows = page.tilelength if page.is_tiled else min(page.rowsperstrip, page.imagelength)
    for start, count in zip(page.dataoffsets, page.databytecounts, strict=False):
        tiff.filehandle.seek(start)
        data = tiff.filehandle.read(count)
        size = claimed_size(data)
        if size is not None and (size[0] > rows or size[1] > width):
            raise MicrographError(
                f"{path} contains a JPEG image of {size[1]} x {size[0]} pixels, but its header "
                f"specifies {width} x {rows}: it is damaged, copy it again."
            )
        check_scans(path, data, rows * width)


def _check_segments(path: Path, page: Any, shape: tuple[int, int]) -> None:
    """Check that tiles or strips are not larger than the image, since each is decoded whole."""
    tile = (page.tilewidth, page.tilelength * page.tiledepth)
    width, rows = tile if page.is_tiled else (page.imagewidth, min(page.rowsperstrip, shape[0]))
    if width * rows > max(_LARGEST_TILE_PX, 4 * shape[0] * shape[1]):
        raise MicrographError(
            f"{path} has tiles of {width} x {rows} pixels according to its header, in an image "
            f"of {shape[1]} x {shape[0]}: it is damaged, copy it again."
        )


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[tifffile.TiffFile]:
    with (
        open_to_read(path) as file,
        tifffile.TiffFile(file, **_NO_OTHER_FILES) as tiff,
    ):
        yield tiff


def _several_pages(tiff: tifffile.TiffFile) -> str:
    """Return a text with the number of pages, small copies not counted; empty for one.

    Counting stops early, since the chain of pages may be endless in a damaged file.
    """
    count, reduced = 1, 0
    while count <= _MOST_COUNTED:
        try:
            page = tiff.pages[count]
        except IndexError:
            break
        count += 1
        reduced += bool(getattr(page, "is_reduced", False))
    if count > _MOST_COUNTED:
        return f"more than {_MOST_COUNTED}"
    return str(count - reduced) if count - reduced > 1 else ""


def _stack(path: Path, images: str) -> MicrographError:
    return MicrographError(
        f"{path} is a stack of {images} images: run motion correction first if it is a movie, or "
        "write its slices as single micrographs."
    )


def _images(series: tuple[int, ...], page: tuple[int, ...]) -> int:
    return math.prod(series) // max(1, math.prod(page))


def _decoded_blocks(path: Path) -> Iterator[NDArray[Any]]:
    with guarded(path), _opened(path) as tiff:
        page = tiff.pages.first
        pixels = np.asarray(page.asarray()).reshape(page.imagelength, page.imagewidth)
    yield from blocks_of_array(pixels)

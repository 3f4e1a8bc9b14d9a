"""Read PNG and JPEG files with Pillow."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

from activepick.errors import MicrographError
from activepick.files import open_to_read, read_whole
from activepick.micrograph.guard import check_size, guarded
from activepick.micrograph.jpeg import check_scans
from activepick.micrograph.source import MicrographFile, blocks_of_array

__all__ = ["open_jpeg", "open_png"]

GREY_MODES = ("1", "L", "I", "F", "I;16", "I;16B", "I;16L")
COLOUR_MODES = ("LA", "P", "PA", "RGB", "RGBA", "RGBX")


def open_png(path: Path) -> MicrographFile:
    """Read and check the header of a PNG file with 1 to 16 bits per pixel.

    Returns
    -------
    MicrographFile
        Shape and a function that reads the pixels; a PNG has no pixel size in Å.

    Raises
    ------
    MicrographError
        If the file is damaged or animated, or, when its pixels are read, if it is a colour image.
    """
    return _open(path, PngImageFile)


def open_jpeg(path: Path) -> MicrographFile:
    """Read and check the header of a JPEG file.

    Returns
    -------
    MicrographFile
        Shape and a function that reads the pixels; a JPEG has no pixel size in Å.

    Raises
    ------
    MicrographError
        If the file is damaged, or, when its pixels are read, if it is a colour image.
    """
    return _open(path, JpegImageFile)


def _open(path: Path, plugin: type[ImageFile]) -> MicrographFile:
    # The plugin is used instead of PIL.Image.open, which refuses large images as a possible attack.
    with guarded(path), open_to_read(path) as file, plugin(file) as image:
        frames = int(getattr(image, "n_frames", 1))
        if frames > 1:
            raise MicrographError(
                f"{path} is a stack of {frames} images: write them as single micrographs."
            )
        if image.mode not in GREY_MODES + COLOUR_MODES:
            raise _colours(path)
        shape = (image.height, image.width)
        check_size(path, shape, shape[0] * shape[1], compressed=True)
        if plugin is JpegImageFile:
            check_scans(path, read_whole(path), shape[0] * shape[1])
    return MicrographFile(path, shape, None, partial(_decoded_blocks, path, plugin))


def _decoded_blocks(path: Path, plugin: type[ImageFile]) -> Iterator[NDArray[Any]]:
    with guarded(path), open_to_read(path) as file, plugin(file) as image:
        image.load()
        grey = image.mode in GREY_MODES
        pixels = np.asarray(image if grey else image.convert("RGB"))
    for block in blocks_of_array(pixels):
        if grey:
            yield block
            continue
        red = block[..., 0]
        if not all(np.array_equal(red, block[..., channel]) for channel in (1, 2)):
            raise _colours(path)
        yield red


def _colours(path: Path) -> MicrographError:
    return MicrographError(f"{path} is a colour image: convert it to grey first.")

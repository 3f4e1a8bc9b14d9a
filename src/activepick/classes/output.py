"""Write class averages as an MRC stack and as a picture."""

from collections.abc import Sequence
from pathlib import Path

import mrcfile
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from activepick.atomic import replacing

__all__ = ["draw_averages", "montage", "write_averages"]

# Averages in a row of the picture, their enlargement, and the height of the text below each.
_COLUMNS, _ENLARGED, _TEXT_PX = 10, 2, 14
# Grey values of black and white, in standard deviations from the mean.
_BLACK, _WHITE = -2.0, 3.5


def write_averages(averages: NDArray[np.float32], path: Path, pixel_size_angstrom: float) -> None:
    """Write averages (k, side, side) as a stack of images in MRC mode 2, with the pixel size.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    with (
        replacing(path) as temporary,
        mrcfile.new(temporary, data=np.asarray(averages, np.float32), overwrite=True) as file,
    ):
        file.set_image_stack()
        file.voxel_size = pixel_size_angstrom
        # Replaces a line with the time, so that the same averages give the same file.
        file.header.label[0] = b"Class averages of activepick"


def montage(averages: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return averages (k, side, side) as grey images, each with its own contrast."""
    mean = averages.mean(axis=(1, 2), keepdims=True)
    deviation = np.maximum(averages.std(axis=(1, 2), keepdims=True), 1e-12)
    grey = ((averages - mean) / deviation - _BLACK) / (_WHITE - _BLACK)
    return np.asarray(np.clip(255 * grey, 0, 255), np.uint8)


def draw_averages(averages: NDArray[np.float32], captions: Sequence[str], path: Path) -> None:
    """Draw averages (k, side, side) in rows with a caption below each, as a PNG.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    size = averages.shape[-1] * _ENLARGED
    columns = min(_COLUMNS, max(1, len(averages)))
    rows = -(-len(averages) // columns)
    picture = Image.new("L", (columns * (size + 2), rows * (size + _TEXT_PX + 2)), 255)
    pen = ImageDraw.Draw(picture)
    for number, (pixels, caption) in enumerate(zip(montage(averages), captions, strict=True)):
        x, y = number % columns * (size + 2), number // columns * (size + _TEXT_PX + 2)
        picture.paste(
            Image.fromarray(pixels).resize((size, size), Image.Resampling.BICUBIC), (x, y)
        )
        pen.text((x + 2, y + size), caption, fill=0)
    with replacing(path) as temporary:
        picture.save(temporary, "PNG")

"""Draw picks on their micrograph in the four flips."""

import os

import numpy as np
import numpy.typing as npt

from activepick.atomic import replacing
from activepick.errors import TableError
from activepick.formats.coordinates import FLIPS, Flip, flipped
from activepick.formats.orientation import FlipContrast, flip_contrasts

__all__ = ["FLIP_NAMES", "draw_flips"]

FLIP_NAMES: dict[Flip, str] = {
    "none": "without a flip",
    "y": "flipped in y",
    "x": "flipped in x",
    "both": "flipped in x and y",
}
_PIXELS = 900
_BEST, _OTHER = "#56b4e9", "#e69f00"


def draw_flips(
    image: npt.NDArray[np.float32],
    xy: npt.ArrayLike,
    radius_px: float,
    path: str | os.PathLike[str],
    *,
    title: str = "",
) -> FlipContrast:
    """Draw picks on the micrograph in the four flips, and mark the best one.

    Parameters
    ----------
    image
        The micrograph, (H, W).
    xy
        Picks ``(n, 2)`` as ``x, y`` in its pixels.
    radius_px
        Approximate particle radius in pixels.
    path
        The picture to write: PNG, PDF or SVG.
    title
        Title of the picture.

    Returns
    -------
    FlipContrast
        Agreement of each flip.

    Raises
    ------
    TableError
        If the picture cannot be written.
    """
    from matplotlib.collections import EllipseCollection
    from matplotlib.figure import Figure

    result = flip_contrasts(image, xy, radius_px)
    step = max(1, max(image.shape) // _PIXELS)
    rows, columns = image.shape[0] // step, image.shape[1] // step
    small = image[: rows * step, : columns * step].reshape(rows, step, columns, step).mean((1, 3))
    low, high = np.percentile(small, (1, 99))
    height = 12 * image.shape[0] / image.shape[1] + 0.8
    figure = Figure(figsize=(12, min(height, 24)), layout="constrained")
    # Row 0 is at the top, and the first binned pixel extends beyond it by half a pixel.
    extent = (-0.5, columns * step - 0.5, rows * step - 0.5, -0.5)
    for axes, flip in zip(figure.subplots(2, 2).flat, FLIPS, strict=True):
        best = flip == result.best
        axes.imshow(small, cmap="gray", vmin=low, vmax=high, extent=extent)
        place = flipped(xy, (image.shape[0], image.shape[1]), flip)
        size = np.full(len(place), 2 * radius_px)
        circles = EllipseCollection(
            size,
            size,
            np.zeros(len(place)),
            units="xy",
            offsets=place,
            offset_transform=axes.transData,
            facecolors="none",
            edgecolors=_BEST if best else _OTHER,
            linewidths=0.8,
        )
        axes.add_collection(circles)
        verdict = ", fits best" if best and result.sure else ""
        axes.set_title(f"{FLIP_NAMES[flip]}: contrast {result.contrasts[flip]:.1f}{verdict}")
        axes.set_axis_off()
    figure.suptitle(title)
    try:
        with replacing(path) as temporary:
            figure.savefig(temporary, dpi=100)
    except (OSError, ValueError) as error:
        raise TableError(f"{os.fspath(path)}: cannot be drawn ({error})") from error
    return result

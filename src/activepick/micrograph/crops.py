"""Cut crops around positions out of an image, for display."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

__all__ = ["cut_crops"]


def cut_crops(
    image: NDArray[np.float32],
    xy: ArrayLike,
    half_px: float,
    side: int = 64,
    limits: tuple[float, float] | None = None,
) -> NDArray[np.uint8]:
    """Crop squares around positions, all resampled to one size.

    Parameters
    ----------
    image
        (h, w).
    xy
        Centres (n, 2) as x, y in pixels of the image; they may lie outside.
    half_px
        Half the side of a square, in pixels of the image.
    side
        Side of a crop in pixels.
    limits
        Grey values that become black and white; None for the minimum and maximum of the image.

    Returns
    -------
    ndarray
        Crops (n, side, side), uint8, interpolated bilinearly and averaged where a square has many
        more pixels than `side`. Pixels outside of the image are mid-grey.
    """
    if not half_px > 0:
        raise ValueError(f"half_px is {half_px}, but must be positive")
    low, high = limits if limits is not None else (float(image.min()), float(image.max()))
    centres = np.asarray(xy, np.float64).reshape(-1, 2)
    # Several samples for each pixel of a reduced crop: a single one would add noise.
    fine = max(1, round(2 * half_px / side))
    samples = side * fine
    offsets = ((np.arange(samples) + 0.5) / samples * 2 - 1) * half_px
    rows = (centres[:, 1, None] + offsets)[:, :, None]
    columns = (centres[:, 0, None] + offsets)[:, None, :]
    grey = ndimage.map_coordinates(
        image,
        np.broadcast_arrays(rows, columns),
        output=np.float32,
        order=1,
        mode="constant",
        cval=(low + high) / 2,
    )
    grey = grey.reshape(-1, side, fine, side, fine).mean(axis=(2, 4))
    black_to_white = float(max(high - low, 1e-30))
    shown: NDArray[np.float64] = (grey - low) * (255 / black_to_white)
    return np.asarray(np.clip(np.rint(shown), 0, 255), np.uint8)

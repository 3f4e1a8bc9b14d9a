"""Convert between the coordinates of other programs and those of activepick.

Positions are centres in pixels of the micrograph, from 0; whole numbers are pixel centres, row 0 is
the first row of the file as ``mrcfile`` and ``tifffile`` return it.
"""

from typing import Literal

import numpy as np
import numpy.typing as npt

from activepick.errors import SettingsError

__all__ = [
    "FLIPS",
    "Flip",
    "box_centre",
    "box_corner",
    "checked_scale",
    "flipped",
    "from_fraction",
    "mirrored",
    "to_fraction",
]

Floats = npt.NDArray[np.float64]
Flip = Literal["none", "y", "x", "both"]
FLIPS: tuple[Flip, ...] = ("none", "y", "x", "both")


def box_centre(corner: npt.ArrayLike, side: npt.ArrayLike, program: str) -> Floats:
    """Compute the centre of a box from its corner with the smaller coordinate, along one axis.

    In EMAN, the centre of a box is its pixel ``side // 2``, even if the side is odd: ``e2boxer``
    extracts particles and writes ``.box`` files in this way, and RELION (``relion_preprocess``) and
    Topaz (``boxes_to_coordinates``) read them in this way. crYOLO allows boxes at any position and
    uses half of the side without rounding, in its STAR and CBOX files (``CoordsIO``) and in its box
    manager.

    Parameters
    ----------
    corner, side
        Pixels, of any one shape.
    program
        "eman" or "cryolo".
    """
    return np.asarray(corner, dtype=np.float64) + _half(side, program)


def box_corner(centre: npt.ArrayLike, side: npt.ArrayLike, program: str) -> Floats:
    """Compute the corner of a box from its centre, the reverse of `box_centre`.

    EMAN's corners are whole numbers: the centre is rounded to a pixel first.
    """
    values = np.asarray(centre, dtype=np.float64)
    return (np.rint(values) if program == "eman" else values) - _half(side, program)


def _half(side: npt.ArrayLike, program: str) -> Floats:
    half = np.asarray(side, dtype=np.float64) / 2
    return np.floor(half) if program == "eman" else half


def from_fraction(fraction: npt.ArrayLike, size: npt.ArrayLike) -> Floats:
    """Compute pixels from cryoSPARC's fractions of the width or the height.

    ``location/center_x_frac`` times the width, ``center_y_frac`` times the height, which are the
    second and the first number of ``location/micrograph_shape``, as in the documentation of
    cryosparc-tools. Nothing is flipped; whether the rows are reversed depends on the micrographs,
    see `mirrored`.
    """
    return np.asarray(fraction, dtype=np.float64) * np.asarray(size, dtype=np.float64)


def to_fraction(pixels: npt.ArrayLike, size: npt.ArrayLike) -> Floats:
    """Compute cryoSPARC's fractions from pixels, the reverse of `from_fraction`."""
    return np.asarray(pixels, dtype=np.float64) / np.asarray(size, dtype=np.float64)


def mirrored(pixels: npt.ArrayLike, size: npt.ArrayLike) -> Floats:
    """Compute coordinates along the reversed axis: pixel 0 becomes the last one.

    RELION and IMOD flip TIFF files vertically when they read them (the first row of a TIFF is the
    top of the image, that of an MRC the bottom); Topaz and ``tifffile`` do not. Some pipelines
    write cryoSPARC's micrographs upside down compared with others.
    """
    return np.asarray(size, dtype=np.float64) - 1 - np.asarray(pixels, dtype=np.float64)


def flipped(xy: npt.ArrayLike, shape: tuple[int, int], flip: Flip) -> Floats:
    """Return positions ``(n, 2)`` as ``x, y`` on the micrograph ``(H, W)``, flipped."""
    result = np.array(xy, dtype=np.float64).reshape(-1, 2)
    if flip in ("x", "both"):
        result[:, 0] = mirrored(result[:, 0], shape[1])
    if flip in ("y", "both"):
        result[:, 1] = mirrored(result[:, 1], shape[0])
    return result


def checked_scale(scale: float, name: str = "scale") -> float:
    """Check a factor on coordinates.

    Positions on micrographs that were binned by cropping in Fourier space (RELION, MotionCor2,
    ``topaz preprocess``) times the ratio of the sizes are those on the full ones: sample 0 stays.

    Raises
    ------
    SettingsError
        If it is not a number above 0.
    """
    try:
        factor = float(scale)
    except (TypeError, ValueError):
        factor = float("nan")
    if not 0 < factor < float("inf"):
        raise SettingsError(f"the {name} {scale} must be a number above 0")
    return factor

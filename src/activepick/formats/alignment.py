"""Change angles and shifts of aligned particles if their positions are mirrored or re-centred.

RELION describes an orientation by ZYZ Euler angles (``rlnAngleRot``, ``rlnAngleTilt``,
``rlnAnglePsi``) and a shift ``rlnOriginX/YAngst`` that is subtracted from the position, see
https://relion.readthedocs.io/en/latest/Reference/Conventions.html. cryoSPARC has a rotation vector
``alignments3D/pose``, an angle ``alignments2D/pose`` and shifts in pixels of the particle images.

A particle on a mirrored micrograph is the mirror image of the same particle. The mirror image of a
projection is the projection of the same map from the opposite side: with D the half turn about the
axis that stays (x for rows, y for columns), the matrix A of the orientation becomes D A. In Euler
angles that is (rot + 180, 180 - tilt, -psi) for rows and (rot + 180, 180 - tilt, 180 - psi) for
columns; both together turn the image by 180 degrees, (rot, tilt, psi + 180).
"""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.spatial.transform import Rotation

from activepick.errors import TableError
from activepick.formats.coordinates import Flip
from activepick.formats.values import to_number, to_numbers

__all__ = ["apply_origins", "largest_origin_angstrom", "mirror_alignment"]

Floats = npt.NDArray[np.float64]
# RELION writes this value if an angle is not known.
_UNKNOWN = -999.0
# Shifts along x and y, of the alignment and of its prior.
_SHIFT_X = re.compile(r"rlnOriginX(Prior)?(Angst)?|alignments[23]D/shift\[0\]")
_SHIFT_Y = re.compile(r"rlnOriginY(Prior)?(Angst)?|alignments[23]D/shift\[1\]")
_PSI = re.compile(r"rlnAnglePsi(Prior)?")
_TILT = re.compile(r"rlnAngleTilt(Prior)?")
_ROT = re.compile(r"rlnAngleRot(Prior)?")
_POSE = [f"alignments3D/pose[{axis}]" for axis in range(3)]
# Axes of astigmatism, which are the same after half a turn: in degrees and in radians.
_AXES = {"rlnDefocusAngle": 180.0, "ctf/df_angle_rad": np.pi}
# Angles in a plane, in radians.
_PLANE_RADIANS = ("alignments2D/pose", "pick_stats/angle_rad")
# Shifts in pixels of the particle images, and the columns with the size of these pixels.
_CRYOSPARC_SHIFTS = (
    ("alignments3D/shift[0]", "alignments3D/shift[1]", "alignments3D/psize_A"),
    ("alignments2D/shift[0]", "alignments2D/shift[1]", "alignments2D/psize_A"),
)


def mirror_alignment(table: pd.DataFrame, flip: Flip) -> pd.DataFrame:
    """Return particles with the angles and shifts that they have on mirrored micrographs.

    Positions are not changed; see `transform.flip_table`.

    Parameters
    ----------
    table
        Columns of RELION or cryoSPARC, of which those of alignment and astigmatism change, as do
        beam tilts in ``attrs["optics"]``.
    flip
        Along which axes the micrographs are mirrored.

    Returns
    -------
    DataFrame
        The table itself if nothing has to be changed.
    """
    if flip == "none":
        return table
    changed: dict[str, npt.NDArray[Any]] = {}
    for name in map(str, table.columns):
        values = table[name]
        if not _is_number(values):
            continue
        along = (_SHIFT_X, ("x", "both")), (_SHIFT_Y, ("y", "both"))
        if any(tag.fullmatch(name) and flip in flips for tag, flips in along):
            changed[name] = -values.to_numpy(np.float64)
        elif _PSI.fullmatch(name):
            changed[name] = _where_known(values, lambda psi: _mirrored_angle(psi, flip, 180.0))
        elif name in _PLANE_RADIANS:
            changed[name] = _mirrored_angle(values.to_numpy(np.float64), flip, np.pi)
        elif name in _AXES and flip != "both":
            changed[name] = np.mod(-values.to_numpy(np.float64), _AXES[name])
    if flip != "both":
        changed |= _opposite_side(table)
    if set(_POSE) <= set(table.columns) and all(_is_number(table[name]) for name in _POSE):
        changed |= _mirrored_poses(table, flip)
    mirrored = table.assign(**changed) if changed else table
    optics = [_mirrored_optics(group, flip) for group in table.attrs.get("optics", [])]
    if optics != table.attrs.get("optics", []):
        mirrored = mirrored.copy(deep=False)
        mirrored.attrs["optics"] = optics
    return mirrored


def _is_number(values: "pd.Series[Any]") -> bool:
    return pd.api.types.is_numeric_dtype(values)


def _mirrored_angle(angle: Floats, flip: Flip, half_turn: float) -> Floats:
    turned = angle + half_turn if flip == "both" else -angle
    return _wrapped(turned + half_turn if flip == "x" else turned, half_turn)


def _wrapped(angle: Floats, half_turn: float) -> Floats:
    """Return angles between minus half a turn (exclusive) and half a turn."""
    wrapped: Floats = half_turn - np.mod(half_turn - angle, 2 * half_turn)
    return wrapped


def _where_known(values: "pd.Series[Any]", change: Callable[[Floats], Floats]) -> Floats:
    angles = values.to_numpy(np.float64)
    return np.where(angles == _UNKNOWN, angles, change(angles))


def _opposite_side(table: pd.DataFrame) -> dict[str, Floats]:
    """Return rotations and tilts as seen from the opposite side.

    In the output of a 2D classification both are 0, which has no meaning.
    """
    numbers = [name for name in map(str, table.columns) if _is_number(table[name])]
    tilts = [name for name in numbers if _TILT.fullmatch(name)]
    if not any((table[name].isin([0, _UNKNOWN]) == 0).any() for name in tilts):
        return {}
    rots = [name for name in numbers if _ROT.fullmatch(name)]
    turned = {n: _where_known(table[n], lambda rot: _wrapped(rot + 180, 180.0)) for n in rots}
    return turned | {n: _where_known(table[n], lambda tilt: 180 - tilt) for n in tilts}


def _mirrored_poses(table: pd.DataFrame, flip: Flip) -> dict[str, Floats]:
    # The rotation vector is that of the transposed matrix: R = A^T, so D A is R D.
    turn = {"y": [np.pi, 0, 0], "x": [0, np.pi, 0], "both": [0, 0, np.pi]}[flip]
    poses = Rotation.from_rotvec(table[_POSE].to_numpy(np.float64, copy=True))
    vectors = (poses * Rotation.from_rotvec(turn)).as_rotvec()
    return dict(zip(_POSE, vectors.T, strict=True))


def _mirrored_optics(group: dict[str, Any], flip: Flip) -> dict[str, Any]:
    """Return an optics group with the beam tilt and the magnification matrix mirrored."""
    signs = {"rlnBeamTiltX": ("x", "both"), "rlnBeamTiltY": ("y", "both")}
    signs |= dict.fromkeys(("rlnMagMat01", "rlnMagMat10"), ("x", "y"))
    return {
        key: -to_number(value) if key in signs and flip in signs[key] else value
        for key, value in group.items()
    }


def largest_origin_angstrom(table: pd.DataFrame) -> float:
    """Return the largest shift of the alignment in Å; 0 without shifts, or if they are unknown.

    Parameters
    ----------
    table
        With ``rlnOriginXAngst`` and ``rlnOriginYAngst``, or with shifts in pixels of the particle
        images, whose pixel size has to be in the table.
    """
    try:
        found = _shifts_angstrom(table)
    except TableError:
        return 0.0
    if found is None or not len(table):
        return 0.0
    length = np.hypot(found[0], found[1])
    return float(np.nanmax(length)) if np.isfinite(length).any() else 0.0


def apply_origins(table: pd.DataFrame, pixel_size_angstrom: float | None = None) -> pd.DataFrame:
    """Return particles at the centres found by the alignment, with shifts of 0.

    Parameters
    ----------
    table
        With ``rlnOriginX/YAngst`` or ``rlnOriginX/Y``, or the shifts of cryoSPARC.
    pixel_size_angstrom
        Å per pixel of the micrographs; None takes it from the table.

    Raises
    ------
    TableError
        If there are no shifts, or a pixel size is not known.
    """
    found = _shifts_angstrom(table)
    if found is None:
        raise TableError("the table contains no shifts of an alignment (rlnOriginXAngst) to apply")
    pixel = _micrograph_pixels(table, pixel_size_angstrom)
    if pixel is None:
        raise TableError(
            "the pixel size of the micrographs is not known, but is needed to apply shifts to "
            "positions: give it in Å",
            option="--pixel-size",
        )
    done = {name: np.zeros(len(table)) for name in map(str, table.columns) if _is_shift(name)}
    moved = {"x": table["x"] - found[0] / pixel, "y": table["y"] - found[1] / pixel}
    return table.assign(**moved, **done)


def _is_shift(name: str) -> bool:
    tags = (_SHIFT_X, _SHIFT_Y)
    return "Prior" not in name and any(tag.fullmatch(name) is not None for tag in tags)


def _shifts_angstrom(table: pd.DataFrame) -> tuple[Floats, Floats] | None:
    """Return the shifts along x and y in Å, (n,) each; None where there are none."""
    if {"rlnOriginXAngst", "rlnOriginYAngst"} <= set(table.columns):
        return _floats(table, "rlnOriginXAngst"), _floats(table, "rlnOriginYAngst")
    if {"rlnOriginX", "rlnOriginY"} <= set(table.columns):
        pixel = _image_pixels(table)
        if pixel is None:
            raise TableError(
                "shifts are in pixels of the particle images (rlnOriginX), whose size is not known "
                "(rlnDetectorPixelSize and rlnMagnification)"
            )
        return _floats(table, "rlnOriginX") * pixel, _floats(table, "rlnOriginY") * pixel
    for x, y, size in _CRYOSPARC_SHIFTS:
        if {x, y, size} <= set(table.columns):
            pixel = _floats(table, size)
            return _floats(table, x) * pixel, _floats(table, y) * pixel
    return None


def _floats(table: pd.DataFrame, name: str) -> Floats:
    return to_numbers(table[name]).to_numpy(np.float64)


def _image_pixels(table: pd.DataFrame) -> Floats | None:
    """Return Å per pixel of the particle image of each row."""
    size = _of_group(table, "rlnImagePixelSize")
    if size is None and {"rlnDetectorPixelSize", "rlnMagnification"} <= set(table.columns):
        # Detector pixels are in micrometres.
        size = 1e4 * _floats(table, "rlnDetectorPixelSize") / _floats(table, "rlnMagnification")
    return size


def _micrograph_pixels(table: pd.DataFrame, given: float | None) -> Floats | None:
    """Return Å per pixel of the micrograph of each row."""
    if given is not None:
        return np.full(len(table), float(given))
    for name in ("rlnMicrographPixelSize", "location/micrograph_psize_A"):
        size = _of_group(table, name)
        if size is not None:
            return size
    # Before RELION 3.1 the pixels in the rows are those of the particle images where there are any.
    return None if "rlnImageName" in table else _image_pixels(table)


def _of_group(table: pd.DataFrame, name: str) -> Floats | None:
    """Return a size for each row, from its column or optics group; None if one is unknown."""
    if name in table:
        values = _floats(table, name)
    else:
        optics = table.attrs.get("optics", [])
        sizes = {g.get("rlnOpticsGroup"): to_number(g[name]) for g in optics if name in g}
        if len(optics) == 1 and sizes and "rlnOpticsGroup" not in table:
            return np.full(len(table), next(iter(sizes.values())))
        if not sizes or "rlnOpticsGroup" not in table:
            return None
        values = table["rlnOpticsGroup"].map(sizes).to_numpy(np.float64)
    return values if bool((values > 0).all()) else None

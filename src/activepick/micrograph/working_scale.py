"""Compute the size of working images."""

import math

from activepick.errors import SettingsError

__all__ = ["checked_diameter", "working_radius", "working_size"]

MIN_SIDE_PX = 32
MAX_ENLARGEMENT = 4.0
MAX_ENLARGED_PIXELS = 2**26


def checked_diameter(diameter_angstrom: float) -> float:
    """Return a particle diameter in Å that was given by a user, after checking it.

    Raises
    ------
    SettingsError
        If it is not a number above 0.
    """
    value = float(diameter_angstrom)
    if not (math.isfinite(value) and value > 0):
        raise SettingsError(
            f"A particle diameter of {value:g} Å is not possible: give a number above 0, in Å."
        )
    return value


def working_size(
    shape: tuple[int, int], radius_px: float, working_radius_px: float, name: str
) -> tuple[int, int]:
    """Return the even size at which the particle radius is closest to the requested one.

    Parameters
    ----------
    shape
        Height and width of the micrograph.
    radius_px
        Particle radius in its pixels.
    working_radius_px
        Requested particle radius in working pixels.
    name
        The micrograph's name, for messages.

    Returns
    -------
    tuple of int
        Height and width of the working image. Their ratios to `shape` may differ slightly.

    Raises
    ------
    SettingsError
        If the particle is larger than the micrograph, or the working image would be too small, or
        many times larger than the micrograph.
    """
    if not (math.isfinite(working_radius_px) and working_radius_px > 0):
        raise SettingsError(f"A working radius of {working_radius_px:g} pixels is not possible.")
    height, width = shape
    facts = (
        f"{name}: a particle is {2 * radius_px:.3g} pixels wide in a micrograph of "
        f"{width} x {height} pixels"
    )
    advice = "Check the diameter and the pixel size, both in Å."
    if 2 * radius_px > min(shape):
        raise SettingsError(f"{facts}, so it does not fit. {advice}")
    enlargement = working_radius_px / radius_px
    n_rows, n_columns = (2 * round(side * enlargement / 2) for side in shape)
    if min(n_rows, n_columns) < MIN_SIDE_PX:
        raise SettingsError(
            f"{facts}: the working image would have {n_columns} x {n_rows} pixels, which is too "
            f"small for picking. {advice}"
        )
    if enlargement > MAX_ENLARGEMENT or (
        enlargement > 1 and n_rows * n_columns > MAX_ENLARGED_PIXELS
    ):
        raise SettingsError(
            f"{facts}, which is too small: the micrograph would have to be enlarged "
            f"{enlargement:.3g} times. {advice}"
        )
    return n_rows, n_columns


def working_radius(shape: tuple[int, int], size: tuple[int, int], radius_px: float) -> float:
    """Return the particle radius in working pixels: the geometric mean over the two axes.

    Parameters
    ----------
    shape
        Height and width of the micrograph.
    size
        Height and width of the working image.
    radius_px
        Particle radius in the micrograph's pixels.
    """
    return radius_px * math.sqrt(size[0] / shape[0] * size[1] / shape[1])

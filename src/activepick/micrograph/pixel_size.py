"""Check pixel sizes of headers and of users."""

import math

from activepick.errors import SettingsError

__all__ = ["checked_pixel_size", "header_pixel_size", "same_pixel_size"]

MIN_ANGSTROM = 0.05
MAX_ANGSTROM = 100.0
# Headers are rounded; with a larger difference between the axes the header is not valid.
MAX_ANISOTROPY = 0.01
# Headers are rounded: pixel sizes with a smaller relative difference are equal.
SAME = 0.02


def header_pixel_size(x_angstrom: float, y_angstrom: float) -> float | None:
    """Return the pixel size in Å of a header, or None if it has no valid one.

    Parameters
    ----------
    x_angstrom, y_angstrom
        The sampling along the axes. 0, NaN, implausible values (outside 0.05 to 100 Å) and axes
        that differ by more than 1 % count as missing.
    """
    if not all(MIN_ANGSTROM <= value <= MAX_ANGSTROM for value in (x_angstrom, y_angstrom)):
        return None
    mean = (x_angstrom + y_angstrom) / 2
    return mean if abs(x_angstrom - y_angstrom) <= MAX_ANISOTROPY * mean else None


def same_pixel_size(one_angstrom: float, other_angstrom: float) -> bool:
    """Return whether two pixel sizes in Å are equal within the rounding of headers."""
    return abs(one_angstrom - other_angstrom) <= SAME * other_angstrom


def checked_pixel_size(pixel_size_angstrom: float) -> float:
    """Return a pixel size in Å that was given by a user, after checking it.

    Raises
    ------
    SettingsError
        If it is not a number between 0.05 and 100 Å.
    """
    value = float(pixel_size_angstrom)
    if not (math.isfinite(value) and MIN_ANGSTROM <= value <= MAX_ANGSTROM):
        raise SettingsError(
            f"A pixel size of {value:g} Å is not possible: give it in Å per pixel, "
            f"between {MIN_ANGSTROM} and {MAX_ANGSTROM:g}."
        )
    return value

"""Checks of the values in a table, with the place of the first wrong one."""

import sys
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd

from activepick.errors import TableError

__all__ = [
    "HUGE_PX",
    "Where",
    "check_range",
    "checked_labels",
    "to_number",
    "to_numbers",
    "without_endless",
]

# Returns the place of a row, for messages.
Where = Callable[[int], str]
# Larger than any detector or montage: a number beyond it is damage, not a position.
HUGE_PX = 1_000_000


def to_number(value: object) -> float:
    """Return a value as float: NaN for what is no number, infinite for what is too large."""
    return float(to_numbers(pd.Series([value], dtype=object)).iloc[0])


def to_numbers(column: pd.Series) -> pd.Series:
    """Convert a column to float: NaN for what is no number, infinite for what is too large."""
    try:
        return pd.to_numeric(column, errors="coerce").astype(float)
    except OverflowError:
        return column.astype(str).map(_number).astype(float)


def without_endless(column: pd.Series) -> pd.Series:
    """Return a column as texts if one of its whole numbers is larger than any float."""
    if column.dtype != object:  # others hold at most 64 bits
        return column
    values = (value for value in column if isinstance(value, int))
    return column.astype(str) if any(abs(v) > sys.float_info.max for v in values) else column


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def check_range(values: npt.NDArray[np.float64], name: str, where: Where) -> None:
    """Refuse coordinates that are on no micrograph.

    Parameters
    ----------
    values
        Coordinates in pixels, ``(n,)``.
    name
        "x" or "y", for messages.
    where
        Returns the place of a row.

    Raises
    ------
    TableError
        When a coordinate is NaN, negative, or larger than any micrograph.
    """
    # Pixel 0 reaches from -0.5 to 0.5, as integers are pixel centres.
    wrong = np.flatnonzero(~((values >= -0.5) & (values <= HUGE_PX)))
    if len(wrong):
        raise TableError(
            f"{where(wrong[0])}: {name} is {values[wrong[0]]:g}, which is on no micrograph; "
            "coordinates are pixels of the original micrograph, from 0"
        )


def checked_labels(column: pd.Series, where: Where) -> pd.Series:
    """Convert labels to whole numbers.

    Raises
    ------
    TableError
        When one is neither 0, 1 nor empty.
    """
    wrong = np.flatnonzero(~(column.isin([0, 1]) | column.isna()).to_numpy())
    if len(wrong):
        value = column.iloc[wrong[0]]
        raise TableError(
            f"{where(wrong[0])}: label is {value:g}; 1 is a particle, 0 is not a particle"
        )
    return column.astype("Int64" if column.isna().any() else "int64")

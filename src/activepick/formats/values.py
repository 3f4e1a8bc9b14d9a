"""Checks of the values in a table, with the place of the first wrong one."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd

from activepick.errors import TableError

__all__ = ["Where", "check_range", "checked_labels", "to_numbers"]

# Returns the place of a row, for messages.
Where = Callable[[int], str]
# Larger than any detector or montage: a number beyond it is damage, not a position.
_HUGE_PX = 1_000_000


def to_numbers(column: pd.Series) -> pd.Series:
    """Convert a column to float: NaN for what is no number, infinite for what is too large."""
    try:
        return pd.to_numeric(column, errors="coerce").astype(float)
    except OverflowError:
        return column.astype(str).map(_number).astype(float)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def check_range(
    values: npt.NDArray[np.float64], name: str, where: Where, *, negative: bool = False
) -> None:
    """Refuse coordinates that are on no micrograph.

    Parameters
    ----------
    values
        Coordinates in pixels, ``(n,)``.
    name
        "x" or "y", for messages.
    where
        Returns the place of a row.
    negative
        Whether negative coordinates are allowed, which `outside.leave_out_outside` handles.

    Raises
    ------
    TableError
        When a coordinate is NaN, larger than any micrograph, or negative where that is not allowed.
    """
    # Pixel 0 reaches from -0.5 to 0.5, as integers are pixel centres.
    lowest = -_HUGE_PX if negative else -0.5
    wrong = np.flatnonzero(~((values >= lowest) & (values <= _HUGE_PX)))
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

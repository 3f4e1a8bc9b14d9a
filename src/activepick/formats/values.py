"""Check the values of a table; messages give the place of the first wrong value."""

import sys
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd

from activepick.errors import TableError

__all__ = [
    "HUGE_PX",
    "LABEL_WEIGHT",
    "Where",
    "check_range",
    "checked_labels",
    "label_weights",
    "to_number",
    "to_numbers",
    "without_endless",
]

# Function that returns the place of a row, for messages.
Where = Callable[[int], str]
# Larger than any detector or montage: larger numbers are damaged data, not positions.
HUGE_PX = 1_000_000
# Column of the weights of labels in the training.
LABEL_WEIGHT = "label_weight"


def to_number(value: object) -> float:
    """Convert a value to float: NaN if it is not a number, infinite if it is too large."""
    return float(to_numbers(pd.Series([value], dtype=object)).iloc[0])


def to_numbers(column: pd.Series) -> pd.Series:
    """Convert a column to float: NaN for other values, infinite for numbers that are too large."""
    try:
        return pd.to_numeric(column, errors="coerce").astype(float)
    except OverflowError:
        return column.astype(str).map(_number).astype(float)


def without_endless(column: pd.Series) -> pd.Series:
    """Convert a column to strings if it contains an integer that is larger than any float."""
    if column.dtype != object:  # other types have at most 64 bits
        return column
    values = (value for value in column if isinstance(value, int))
    return column.astype(str) if any(abs(v) > sys.float_info.max for v in values) else column


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def check_range(values: npt.NDArray[np.float64], name: str, where: Where) -> None:
    """Check that coordinates can be positions on a micrograph.

    Parameters
    ----------
    values
        Coordinates in pixels, shape (n,).
    name
        "x" or "y", for messages.
    where
        Function that returns the place of a row, for messages.

    Raises
    ------
    TableError
        If a coordinate is NaN, below -0.5, or larger than any micrograph.
    """
    # Pixel 0 extends from -0.5 to 0.5, because integers are pixel centres.
    wrong = np.flatnonzero(~((values >= -0.5) & (values <= HUGE_PX)))
    if len(wrong):
        raise TableError(
            f"{where(wrong[0])}: {name} is {values[wrong[0]]:g}, which is not on any micrograph; "
            "coordinates are pixels of the original micrograph, from 0"
        )


def checked_labels(column: pd.Series, where: Where) -> pd.Series:
    """Convert labels to integers.

    Parameters
    ----------
    column
        Labels: 0, 1 or empty.
    where
        Function that returns the place of a row, for messages.

    Returns
    -------
    Series
        The labels; of the type Int64 if some are empty, else int64.

    Raises
    ------
    TableError
        If a label is neither 0, 1 nor empty.
    """
    wrong = np.flatnonzero(~(column.isin([0, 1]) | column.isna()).to_numpy())
    if len(wrong):
        value = column.iloc[wrong[0]]
        raise TableError(
            f"{where(wrong[0])}: label is {value:g}; use 1 for a particle, 0 for a non-particle"
        )
    return column.astype("Int64" if column.isna().any() else "int64")


def label_weights(table: pd.DataFrame) -> npt.NDArray[np.float64]:
    """Return the weight (n,) of each label in the training.

    It is 1 in tables without a column ``label_weight``, and where the column is empty.

    Raises
    ------
    TableError
        If a weight is not above 0 and at most 1.
    """
    if LABEL_WEIGHT not in table:
        return np.ones(len(table))
    column = table[LABEL_WEIGHT]
    weights = to_numbers(column).astype(np.float64)
    wrong = np.flatnonzero(~((weights > 0) & (weights <= 1)) & ~column.isna().to_numpy())
    if len(wrong):
        raise TableError(
            f"{LABEL_WEIGHT} is {column.iloc[wrong[0]]}; give a number above 0 and at most 1"
        )
    return np.asarray(np.where(column.isna(), 1.0, weights))

"""What values a table may hold, checked with the place of the first wrong one."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd

from activepick.errors import TableError

__all__ = ["Where", "check_range", "checked_labels", "to_numbers"]

# Names the place of a row, for messages.
Where = Callable[[int], str]
# Beyond any detector (and montage) there is, and well below where float digits run out.
_HUGE_PX = 1_000_000


def to_numbers(column: pd.Series) -> pd.Series:
    """Give a column as float, NaN for what is no number and infinite for what is beyond any."""
    try:
        return pd.to_numeric(column, errors="coerce").astype(float)
    except OverflowError:
        return column.astype(str).map(_number).astype(float)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def check_range(values: npt.NDArray[np.float64], name: str, where: Where) -> None:
    """Refuse coordinates that are on no micrograph."""
    # Pixel 0 reaches from -0.5 to 0.5, as integers are pixel centres.
    wrong = np.flatnonzero(~((values >= -0.5) & (values <= _HUGE_PX)))
    if len(wrong):
        value = values[wrong[0]]
        raise TableError(
            f"{where(wrong[0])}: {name} is {value:g}, which is on no micrograph; coordinates are "
            "pixels of the original micrograph, from 0"
        )


def checked_labels(column: pd.Series, where: Where) -> pd.Series:
    """Give labels as whole numbers; TableError when one is neither 0, 1 nor empty."""
    wrong = np.flatnonzero(~(column.isin([0, 1]) | column.isna()).to_numpy())
    if len(wrong):
        value = column.iloc[wrong[0]]
        raise TableError(f"{where(wrong[0])}: label is {value:g}; 1 is a particle, 0 is none")
    return column.astype("Int64" if column.isna().any() else "int64")

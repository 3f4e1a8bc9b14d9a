"""Box sizes of picks, in tables and as an option."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from activepick.errors import TableError
from activepick.formats.values import to_numbers

__all__ = ["BOX_COLUMNS", "box_sizes", "checked_box_size"]

# Width and height of the box of a pick, in pixels.
BOX_COLUMNS = ("box_width_px", "box_height_px")


def checked_box_size(box_size: object, path: object) -> float | None:
    """Check a size of boxes in pixels; None stays None.

    Raises
    ------
    TableError
        If it is not a number of at least 1.
    """
    if box_size is None:
        return None
    try:
        size = float(box_size)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        size = float("nan")
    if not 1 <= size <= 1_000_000:
        raise TableError(f"{path}: the box size {box_size} must be a number of at least 1 pixel")
    return size


def box_sizes(
    table: pd.DataFrame, box_size: object, path: object
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the width and height of the box of each row, in pixels.

    Parameters
    ----------
    table
        With the columns `BOX_COLUMNS` where boxes are known.
    box_size
        Side of the boxes of all rows; None takes the sizes in the table.
    path
        For messages.

    Raises
    ------
    TableError
        If there is no size, neither given nor in the table.
    """
    size = checked_box_size(box_size, path)
    if size is not None:
        return np.full(len(table), size), np.full(len(table), size)
    if not len(table):
        return np.empty(0), np.empty(0)
    sides = []
    for name in BOX_COLUMNS:
        known = to_numbers(table[name]) if name in table else None
        if known is None or not (known >= 1).all():
            raise TableError(
                f"{path}: this format needs boxes, but the picks have none: give a box size in "
                "pixels",
                option="--box-size",
            )
        sides.append(known.to_numpy(np.float64))
    return sides[0], sides[1]

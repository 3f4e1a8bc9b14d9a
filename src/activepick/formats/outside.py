"""Leave out and count rows that cannot be used.

These are rows without a position or the name of a micrograph (NaN or an empty name), rows with an
infinite score, and positions outside of their micrographs. Pixel 0 extends from -0.5 to 0.5,
because integers are pixel centres. A position is therefore inside from -0.5 to the width (or
height) minus 0.5. This module is used for all tables and folders that are read, and wherever the
size of the micrographs is known: after scaling and flipping, and before training, pruning and
evaluating.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from activepick.errors import SettingsError, TableError
from activepick.formats.table_warnings import warn_table
from activepick.formats.values import HUGE_PX
from activepick.wording import counted

__all__ = [
    "OUTSIDE",
    "Outside",
    "checked_outside",
    "forget_places",
    "inside",
    "inside_image",
    "join_places",
    "leave_out_outside",
    "note_places",
    "picked_on_smaller",
]

# Positions outside of their micrographs are left out and counted, or raise an error.
Outside = Literal["drop", "error"]
OUTSIDE: tuple[Outside, ...] = get_args(Outside)
# Keys of ``attrs`` under which a reader stores the place of the first such row in the file.
_NO_POSITION, _OUTSIDE = "unusable", "outside"
# Larger factors are not plausible for binning.
_LARGEST_FACTOR = 16
# Number of positions that are expected to cover the whole micrograph.
_ENOUGH = 30


def checked_outside(outside: str) -> Outside:
    """Check the value of the option ``--outside``, and return it.

    Raises
    ------
    SettingsError
        If it is neither "drop" nor "error".
    """
    for known in OUTSIDE:
        if outside == known:
            return known
    raise SettingsError(
        f"positions outside of their micrographs: {outside!r} is not one of {', '.join(OUTSIDE)}.",
        option="--outside",
    )


def inside(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    width: npt.ArrayLike = np.inf,
    height: npt.ArrayLike = np.inf,
) -> npt.NDArray[np.bool_]:
    """Return which positions lie on their micrographs.

    Parameters
    ----------
    x, y
        Positions in pixels, shape (n,).
    width, height
        Size of the micrographs in pixels, a number or shape (n,). Infinite (the default) or NaN if
        it is unknown, so that only positions below -0.5 are outside.

    Returns
    -------
    array of bool, shape (n,)
    """
    within = np.ones(np.shape(x), dtype=bool)
    for position, size in ((x, width), (y, height)):
        values = np.asarray(position, dtype=np.float64)
        within &= (values >= -0.5) & ~(values > np.asarray(size, dtype=np.float64) - 0.5)
    return within


def inside_image(xy: npt.ArrayLike, shape: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """Return which positions lie on one image.

    Parameters
    ----------
    xy
        Positions x, y in pixels, shape (n, 2).
    shape
        Height and width of the image in pixels.

    Returns
    -------
    array of bool, shape (n,)
    """
    positions = np.asarray(xy, dtype=np.float64).reshape(-1, 2)
    return inside(positions[:, 0], positions[:, 1], shape[1], shape[0])


def leave_out_outside(
    table: pd.DataFrame,
    shapes: Mapping[str, tuple[int, int]] | None = None,
    *,
    source: str | os.PathLike[str],
    outside: Outside = "drop",
) -> pd.DataFrame:
    """Return the rows with positions on their micrographs, and warn about the others.

    Rows without a position or the name of a micrograph and rows with an infinite score are also
    left out.

    Parameters
    ----------
    table
        Columns ``micrograph, x, y``, in pixels of the micrographs.
    shapes
        Height and width in pixels by the name of the micrograph in the table. On micrographs that
        are not in `shapes`, only positions below -0.5 are outside.
    source
        The file or folder, for messages.
    outside
        "drop" to leave rows out with a `TableWarning` that counts them; "error" to raise an
        exception.

    Returns
    -------
    DataFrame
        The table itself if all rows can be used; otherwise a table of the usable rows with a new
        index.

    Raises
    ------
    TableError
        If a row cannot be used and `outside` is "error"; if no row has a position; or if all
        positions are outside of micrographs of known size, so that the scale, the axes or the
        micrographs are probably wrong.
    """
    table = _leave_out_unusable(table, source, outside)
    place = table.attrs.pop(_OUTSIDE, None)
    width, height = _sizes(table, shapes or {})
    keep = inside(table["x"], table["y"], width, height)
    if keep.all():
        return table
    found = _sentence(table, keep, width, height, place)
    cause, option = _remedy(table, width, height)
    if outside == "error":
        options = [option, "--outside drop leaves them out"]
        raise TableError(
            f"{os.fspath(source)}: {found}{cause}", option="; ".join(filter(None, options))
        )
    if shapes and not keep.any():
        raise TableError(
            f"{os.fspath(source)}: {found}; nothing would be left{cause}", option=option
        )
    warn_table(
        f"{found}; they are left out{cause}", file=source, option=option, kind="positions outside"
    )
    return table[keep].reset_index(drop=True)


def note_places(table: pd.DataFrame, where: Callable[[int], str]) -> None:
    """Store the places of the first unusable rows in ``attrs``, for messages.

    Parameters
    ----------
    table
        Columns ``micrograph, x, y``, as read from the file.
    where
        Function that returns the place of a row in the file.
    """
    unusable = np.flatnonzero(~_usable(table))
    if len(unusable):
        row = int(unusable[0])
        table.attrs[_NO_POSITION] = f"{where(row)}: {_reason(table, row)}"
    outside = np.flatnonzero(~inside(table["x"], table["y"]) & _usable(table))
    if len(outside):
        row = int(outside[0])
        axis = "x" if table["x"].iloc[row] < -0.5 else "y"
        table.attrs[_OUTSIDE] = f"{where(row)}: {axis} is {table[axis].iloc[row]:g}"


def forget_places(table: pd.DataFrame) -> pd.DataFrame:
    """Remove the places of a table that was read from joined files, and return the same table."""
    for key in (_NO_POSITION, _OUTSIDE):
        table.attrs.pop(key, None)
    return table


def join_places(tables: Sequence[pd.DataFrame], joined: pd.DataFrame) -> None:
    """Store the first places of several tables in the table that joins them."""
    for key in (_NO_POSITION, _OUTSIDE):
        places = [table.attrs[key] for table in tables if key in table.attrs]
        if places:
            joined.attrs[key] = places[0]


def _usable(table: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Return a mask of the rows that have a micrograph, a position and no infinite score."""
    names = table["micrograph"]
    usable = np.ones(len(table), dtype=bool)
    nameless = [name for name in names.unique() if not str(name).strip()]
    if nameless:
        usable &= ~names.isin(nameless).to_numpy()
    for axis in ("x", "y"):
        usable &= np.abs(table[axis].to_numpy(np.float64)) <= HUGE_PX  # false for NaN
    if "score" in table:
        usable &= ~np.isinf(table["score"].to_numpy(np.float64))
    return usable


def _reason(table: pd.DataFrame, row: int) -> str:
    """Return the reason why a row cannot be used."""
    if not str(table["micrograph"].iloc[row]).strip():
        return "the name of the micrograph is empty"
    for axis in ("x", "y"):
        value = float(table[axis].iloc[row])
        if not abs(value) <= HUGE_PX:
            return f"{axis} is {value:g}"
    return f"the score is {table['score'].iloc[row]:g}"


def _leave_out_unusable(
    table: pd.DataFrame, source: str | os.PathLike[str], outside: Outside
) -> pd.DataFrame:
    """Return the rows that have a micrograph, a position and no infinite score."""
    usable = _usable(table)
    place = table.attrs.pop(_NO_POSITION, None)
    if usable.all():
        return table
    row = int(np.flatnonzero(~usable)[0])
    gone = int((~usable).sum())
    have = f"{counted(len(table), 'row')} {'has' if gone == 1 else 'have'}"
    example = place or f"row {row} of the table: {_reason(table, row)}"
    found = f"{gone} of {have} no position, no micrograph or an infinite score ({example})"
    if outside == "error":
        raise TableError(f"{os.fspath(source)}: {found}", option="--outside drop leaves them out")
    if not usable.any():
        raise TableError(f"{os.fspath(source)}: {found}; nothing would be left")
    left_out = "it is" if gone == 1 else "they are"
    warn_table(f"{found}; {left_out} left out", file=source, kind="rows without positions")
    return table[usable].reset_index(drop=True)


def picked_on_smaller(table: pd.DataFrame, shapes: Mapping[str, tuple[int, int]]) -> float | None:
    """Return the factor by which positions probably have to be multiplied.

    Parameters
    ----------
    table
        Columns ``micrograph, x, y``, in pixels.
    shapes
        Height and width in pixels by name of the micrograph.

    Returns
    -------
    float or None
        An integer f of at least 2, if there are many positions and all are within 1/f of the width
        and of the height: they were probably picked on binned micrographs. Otherwise None.
    """
    width, height = _sizes(table, shapes)
    known = np.isfinite(width) & np.isfinite(height)
    if known.sum() < _ENOUGH:
        return None
    reach = np.maximum(table["x"].to_numpy() / width, table["y"].to_numpy() / height)[known].max()
    factor = int(1 / reach) if reach > 0 else _LARGEST_FACTOR
    return float(factor) if 2 <= factor <= _LARGEST_FACTOR else None


def _sizes(
    table: pd.DataFrame, shapes: Mapping[str, tuple[int, int]]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the width and the height of the micrograph of each row; infinite if unknown."""
    codes, names = pd.factorize(table["micrograph"])
    unknown = (np.inf, np.inf)
    sizes = np.array([shapes.get(str(name), unknown) for name in names], dtype=np.float64)
    rows = sizes.reshape(-1, 2)[codes]
    return rows[:, 1], rows[:, 0]


def _sentence(
    table: pd.DataFrame,
    keep: npt.NDArray[np.bool_],
    width: npt.NDArray[np.float64],
    height: npt.NDArray[np.float64],
    place: str | None,
) -> str:
    """Return a text with the number of positions outside and an example."""
    out = np.flatnonzero(~keep)
    row = int(out[0])
    x, y = (float(table[name].iloc[row]) for name in ("x", "y"))
    lie = "lies outside of its micrograph" if len(out) == 1 else "lie outside of their micrographs"
    count = f"{len(out)} of {counted(len(table), 'position')} {lie}"
    example = f"x {x:g}, y {y:g} of {table['micrograph'].iloc[row]}"
    if place is not None and not inside([x], [y])[0]:
        example = f"{place} ({table['micrograph'].iloc[row]})"
    if np.isfinite([width[row], height[row]]).all():
        example += f", which has {width[row]:.0f} x {height[row]:.0f} pixels"
    return f"{count}, such as {example}"


def _remedy(
    table: pd.DataFrame, width: npt.NDArray[np.float64], height: npt.NDArray[np.float64]
) -> tuple[str, str]:
    """Return the probable cause of positions outside, and the options that correct it.

    Both are empty if the positions are only slightly outside.

    Returns
    -------
    cause : str
        Text to append to a sentence, such as ". Are x and y exchanged?".
    option : str
        As in `activepick.errors.ActivepickError`.
    """
    x, y = table["x"].to_numpy(np.float64), table["y"].to_numpy(np.float64)
    known = np.isfinite(width) & np.isfinite(height)
    if not known.any():
        return "", ""
    x, y, width, height = x[known], y[known], width[known], height[known]
    ratio = float(np.max(np.maximum(x / width, y / height)))
    if ratio < 1.02:  # cut off at the border; the scale is right
        return "", ""
    causes, options = [], []
    if inside(y, x, width, height).all():
        causes.append("are x and y exchanged")
        options.append("--swap-xy corrects them")
    if ratio < _LARGEST_FACTOR:
        factor = _likely_factor(ratio, len(x))
        causes.append(f"were they picked on micrographs {factor:g} times as large")
        options.append(f"--scale {1 / factor:.4g} corrects them")
    if not causes:
        return ". Are these the micrographs?", ""
    question = ", or ".join(causes)
    return f". {question[0].upper()}{question[1:]}?", "; ".join(options)


def _likely_factor(ratio: float, count: int) -> float:
    """Return the probable size of the micrographs of positions, relative to the given size.

    The positions extend to `ratio` times the given size.
    """
    if count < _ENOUGH:
        return float(np.ceil(ratio - 0.01))
    known = (1.5, *range(2, _LARGEST_FACTOR + 1))
    return next((f for f in known if 0.93 * f <= ratio <= 1.01 * f), round(ratio, 2))

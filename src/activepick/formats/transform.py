"""Transform tables: scale, flip and swap axes, and rename micrographs."""

import math
import os
from collections.abc import Callable, Iterable, Mapping
from typing import Literal

import numpy as np
import pandas as pd

from activepick.errors import TableError
from activepick.formats.alignment import mirror_alignment
from activepick.formats.boxes import BOX_COLUMNS
from activepick.formats.coordinates import Flip, checked_scale, mirrored
from activepick.formats.cryosparc_cs import shapes_in
from activepick.formats.exposures import Exposures
from activepick.formats.names import NameMatch, match_names, without_uid
from activepick.formats.outside import Outside, leave_out_outside
from activepick.formats.values import to_number, to_numbers
from activepick.wording import counted

__all__ = [
    "Unmatched",
    "flip_table",
    "rename_micrographs",
    "scale_table",
    "swap_axes",
    "with_uids",
    "without_uids",
]

# Columns with the height and the width of the micrograph in cryoSPARC tables.
_SHAPE = ("location/micrograph_shape[0]", "location/micrograph_shape[1]")
# Columns with the pixel size of the micrographs in Å, or with that of the detector in µm, which is
# to be divided by the magnification.
_DETECTOR = "rlnDetectorPixelSize"
_PIXEL_SIZES = (
    "rlnMicrographPixelSize",
    "rlnMicrographOriginalPixelSize",
    "location/micrograph_psize_A",
    _DETECTOR,
)
# Treatment of rows whose micrograph is not found: raise an error, keep the name, or drop them.
Unmatched = Literal["error", "keep", "drop"]


def scale_table(table: pd.DataFrame, scale: float) -> pd.DataFrame:
    """Scale positions and boxes to micrographs of another size.

    Parameters
    ----------
    table
        Columns ``x, y`` in pixels, and optionally boxes and pixel sizes, which are in columns or in
        the optics groups in ``attrs``.
    scale
        Factor, such as 4 after picking on micrographs that were binned by 4. Position 0 is not
        changed, as in binning by Fourier cropping.

    Returns
    -------
    DataFrame
        A new table; positions and boxes are multiplied by `scale`, and pixel sizes are divided.

    Raises
    ------
    SettingsError
        If the scale is not a number above 0.
    """
    factor = checked_scale(scale)
    sides = ["x", "y", *(name for name in BOX_COLUMNS if name in table)]
    scaled = table.assign(**{name: table[name] * factor for name in sides})
    for name in _SHAPE:
        if name in scaled:
            shape = _where_finite(table[name], lambda side: (side * factor).round())
            scaled[name] = shape if shape.dtype == object else shape.astype(int)
    # RELION 3.0 uses the same columns for the pixel size of particle images, which is not scaled.
    of_images = "rlnImageName" in table
    sizes = [tag for tag in _PIXEL_SIZES if tag in table and not (of_images and tag == _DETECTOR)]
    for tag in sizes:
        scaled[tag] = _where_finite(table[tag], lambda size: size / factor)
    groups = [dict(group) for group in table.attrs.get("optics", [])]
    for group in groups:
        for tag in _PIXEL_SIZES:
            if tag in group and math.isfinite(size := to_number(group[tag])):
                group[tag] = size / factor
    if groups:
        scaled.attrs["optics"] = groups
    return scaled


def _where_finite(column: pd.Series, change: Callable[[pd.Series], pd.Series]) -> pd.Series:
    """Apply a function to the finite numbers of a column; other values are not changed."""
    values = to_numbers(column)
    known = np.isfinite(values)
    return change(values) if known.all() else column.astype(object).mask(known, change(values))


def swap_axes(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table in which x and y of positions and boxes are exchanged."""
    pairs = [("x", "y"), BOX_COLUMNS]
    swapped = {
        one: table[other]
        for pair in pairs
        for one, other in (pair, pair[::-1])
        if set(pair) <= set(table.columns)
    }
    return table.assign(**swapped)


def flip_table(
    table: pd.DataFrame,
    shapes: Mapping[str, tuple[int, int]],
    flip: Flip,
    *,
    source: str | os.PathLike[str] = "the table",
    outside: Outside = "drop",
) -> pd.DataFrame:
    """Mirror particles with their micrographs; see `coordinates.mirrored`.

    The angles and shifts of aligned particles are changed accordingly; see
    `alignment.mirror_alignment`.

    Parameters
    ----------
    table
        Columns ``micrograph, x, y``, with positions in pixels.
    shapes
        Height and width in pixels by the name of the micrograph. It may be empty for cryoSPARC
        tables, which have columns with the sizes.
    flip
        The coordinates to mirror: "x", "y" or "both".
    source
        The file or folder of the table, for messages.
    outside
        As in `outside.leave_out_outside`.

    Returns
    -------
    DataFrame
        A new table, without rows outside of their micrographs.

    Raises
    ------
    TableError
        If the size of a micrograph is not known, or if `outside.leave_out_outside` raises it.
    """
    known = shapes or shapes_in(table)
    names = [str(name) for name in table["micrograph"].unique()]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise TableError(
            f"the size of {_some(unknown)} is not known, so that the table cannot be flipped: "
            "give the micrographs or their size",
            option="--micrographs or --size",
        )
    table = leave_out_outside(table, known, source=source, outside=outside)
    own = table["micrograph"].astype(str)
    height = own.map({name: known[name][0] for name in names}).to_numpy(float)
    width = own.map({name: known[name][1] for name in names}).to_numpy(float)
    x = mirrored(table["x"], width) if flip in ("x", "both") else table["x"]
    y = mirrored(table["y"], height) if flip in ("y", "both") else table["y"]
    return mirror_alignment(table.assign(x=x, y=y), flip)


def rename_micrographs(
    table: pd.DataFrame, names: Iterable[str], unmatched: Unmatched = "error"
) -> tuple[pd.DataFrame, NameMatch]:
    """Rename micrographs to the names that another program uses.

    Parameters
    ----------
    table
        A table with the column ``micrograph``.
    names
        The names that the other program uses. They are matched by `activepick.formats.match_names`.
    unmatched
        Treatment of rows whose name is not found or is ambiguous: "error" raises an exception,
        "keep" keeps their name, and "drop" drops them.

    Returns
    -------
    table : DataFrame
        The renamed rows.
    matched : NameMatch
        The names that were matched and those that were not.

    Raises
    ------
    TableError
        If `unmatched` is "error" and a name is not found or is ambiguous.
    """
    matched = match_names([str(name) for name in table["micrograph"].unique()], names)
    if unmatched == "error" and (matched.unmatched or matched.ambiguous):
        raise TableError(
            _complaint(matched), option="--unmatched keep or drop continues nevertheless"
        )
    own = table["micrograph"].astype(str)
    renamed = table.assign(micrograph=own.map(matched).fillna(own).astype(str))
    if unmatched == "drop":
        renamed = renamed[own.isin(list(matched))].reset_index(drop=True)
    return renamed, matched


def _complaint(matched: NameMatch) -> str:
    parts = []
    if matched.unmatched:
        parts.append(
            counted(len(matched.unmatched), "micrograph is", "micrographs are")
            + f" not found: {_some(matched.unmatched)}"
        )
    for name, found in list(matched.ambiguous.items())[:3]:
        parts.append(
            f"{name} could be {_some(found)}"
            if len(found) > 1
            else f"{name} is one of several names that match {found[0]}"
        )
    if len(matched.ambiguous) > 3:
        parts.append(f"and {len(matched.ambiguous) - 3} more are ambiguous")
    return "; ".join(parts)


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return ", ".join(names[:10]) + more


def without_uids(table: pd.DataFrame) -> pd.DataFrame:
    """Remove folders and the numeric prefix of cryoSPARC from the names of micrographs."""
    names = {name: without_uid(str(name)) for name in table["micrograph"].unique()}
    return table.assign(micrograph=table["micrograph"].map(names).astype(str))


def with_uids(
    table: pd.DataFrame, exposures: Exposures, unmatched: Unmatched = "error"
) -> tuple[pd.DataFrame, NameMatch]:
    """Rename micrographs to their file names in a cryoSPARC project.

    Parameters
    ----------
    table
        A table with the column ``micrograph``.
    exposures
        The exposures of the cryoSPARC project.
    unmatched
        As in `rename_micrographs`.

    Returns
    -------
    table, matched
        As in `rename_micrographs`.

    Raises
    ------
    TableError
        As in `rename_micrographs`.
    """
    renamed, matched = rename_micrographs(table, exposures.names, unmatched)
    files = {name: name.rpartition("/")[2] for name in exposures.names}
    own = renamed["micrograph"]
    return renamed.assign(micrograph=own.map(files).fillna(own).astype(str)), matched

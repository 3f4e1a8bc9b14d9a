"""Micrographs and tables that the commands are given."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from activepick.cli.console import say
from activepick.errors import SettingsError, TableError
from activepick.formats import match_names
from activepick.micrograph.discovery import FoundMicrograph, find_micrographs

__all__ = ["group_by_micrograph", "named_micrographs"]

Outside = Literal["drop", "error"]


def named_micrographs(
    paths: Sequence[Path],
    pixel_size_angstrom: float | None = None,
    inverted: bool = False,
    *,
    recursive: bool = False,
) -> list[FoundMicrograph]:
    """Find the micrographs that were typed, and print what was left out.

    Parameters
    ----------
    paths, pixel_size_angstrom, inverted, recursive
        As in `activepick.micrograph.discovery.find_micrographs`.

    Raises
    ------
    ActivepickError
        When there is no micrograph, or a list cannot be read.
    """
    micrographs = find_micrographs(paths, pixel_size_angstrom, inverted, recursive=recursive)
    for notice in micrographs.notices:
        say(f"note: {notice}")
    missing = list(micrographs.missing.values())
    if not micrographs.found:
        raise SettingsError(missing[0] if missing else "No micrograph was given.")
    if missing:
        say(f"warning: {len(missing)} micrographs are left out: {missing[0]}")
    return micrographs.found


def group_by_micrograph(
    table: pd.DataFrame,
    micrographs: Sequence[FoundMicrograph],
    source: Path,
    outside: str = "drop",
) -> list[pd.DataFrame]:
    """Return the rows of a table that belong to each micrograph.

    Parameters
    ----------
    table
        Columns ``micrograph``, ``x`` and ``y``, in pixels of the micrographs.
    micrographs
        The micrographs.
    source
        The file of the table, for messages.
    outside
        "drop" leaves out positions outside of their micrograph and prints how many, "error"
        refuses them.

    Returns
    -------
    list of DataFrame
        One for each micrograph, empty if the table has no row of it.

    Raises
    ------
    TableError
        When a name in the table could mean several micrographs, no name means any, or all
        positions lie outside.
    """
    if outside not in get_args(Outside):
        raise SettingsError(f"--outside {outside}: use {' or '.join(get_args(Outside))}.")
    names = [found.name for found in micrographs]
    matched = match_names([str(name) for name in table["micrograph"].unique()], names)
    if matched.ambiguous:
        name, several = next(iter(matched.ambiguous.items()))
        raise TableError(
            f"{source}: the name {name} could mean {' or '.join(several[:3])}. Use names that tell "
            "them apart."
        )
    if not matched:
        raise TableError(
            f"{source}: none of its micrograph names (such as {table['micrograph'].iloc[0]}) is "
            f"among the given micrographs (such as {names[0]})."
            if len(table)
            else f"{source}: the table is empty."
        )
    if matched.unmatched:
        count = int(table["micrograph"].isin(matched.unmatched).sum())
        some = ", ".join(matched.unmatched[:3])
        say(f"warning: {source}: {count} rows of other micrographs are left out ({some})")
    own = table["micrograph"].map(matched)
    groups = [table[own == name] for name in names]
    return _inside(groups, micrographs, source, outside)


def _inside(
    groups: Sequence[pd.DataFrame],
    micrographs: Sequence[FoundMicrograph],
    source: Path,
    outside: str,
) -> list[pd.DataFrame]:
    """Return the rows whose positions lie on their micrograph."""
    kept, first, count = [], "", 0
    for rows, found in zip(groups, micrographs, strict=True):
        if not len(rows):
            kept.append(rows)
            continue
        height, width = found.micrograph().shape
        is_inside = _is_inside(rows, height, width)
        kept.append(rows[is_inside])
        if not is_inside.all():
            first = first or f"{found.path}, which has {width} x {height} pixels"
            count += int((~is_inside).sum())
    if not count:
        return kept
    total = sum(map(len, groups))
    said = (
        f"{source}: {count} of {total} positions lie outside of their micrograph, such as {first}"
    )
    advice = (
        "Positions have to be in pixels of these files: activepick convert --scale brings them "
        "there"
    )
    if outside == "error" or count == total:
        raise TableError(f"{said}. {advice}.")
    say(f"warning: {said}; they are left out. {advice if 2 * count > total else ''}".strip())
    return kept


def _is_inside(rows: pd.DataFrame, height: int, width: int) -> NDArray[np.bool_]:
    x, y = rows["x"].to_numpy(float), rows["y"].to_numpy(float)
    return (x >= -0.5) & (y >= -0.5) & (x <= width - 0.5) & (y <= height - 0.5)

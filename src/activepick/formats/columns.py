"""The columns that every table has in this program, from those of a file."""

import contextlib
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from activepick.errors import TableError
from activepick.formats.values import Where, check_range, checked_labels, to_numbers

__all__ = ["ALIASES", "rename_tags", "standard_names", "standard_table"]

# Gives the line of the file on which each row stands, (n,); asked for where a row is wrong.
Lines = Callable[[], npt.NDArray[np.int64]]

# Names that other programs use, compared without case and punctuation, the preferred ones first.
ALIASES: dict[str, tuple[str, ...]] = {
    "micrograph": (
        "micrograph",
        "rlnmicrographname",
        "micrographname",
        "imagename",
        "image",
        "filename",
        "file",
    ),
    "x": ("x", "rlncoordinatex", "xcoord", "xcoordinate", "coordinatex", "coordx", "centerx"),
    "y": ("y", "rlncoordinatey", "ycoord", "ycoordinate", "coordinatey", "coordy", "centery"),
    "score": ("score", "rlnautopickfigureofmerit", "autopickfigureofmerit", "figureofmerit", "fom"),
    "label": ("label",),
}


def standard_names(columns: Sequence[str]) -> dict[str, str]:
    """Map the columns that mean a standard one to its name; the others are not in the dict."""
    plain = {re.sub(r"[^a-z0-9]", "", column.lower()): column for column in reversed(columns)}
    found = {}
    for standard, aliases in ALIASES.items():
        for alias in aliases:
            if alias in plain:
                found[plain[alias]] = standard
                break
    return found


def rename_tags(raw: pd.DataFrame, tags: Mapping[str, str]) -> pd.DataFrame:
    """Give columns the standard names; others that are called so already get a 2 behind theirs.

    Parameters
    ----------
    raw
        The columns as read.
    tags
        Standard name by the name in the file.
    """
    meant = {tags[name] for name in raw.columns if name in tags}
    taken = {name: f"{name}_2" for name in raw.columns if name in meant and f"{name}_2" not in raw}
    clash = [name for name in raw.columns if name in meant and name not in taken]
    return raw.drop(columns=clash).rename(columns={**taken, **tags})


def standard_table(
    raw: pd.DataFrame,
    path: Path,
    lines: Lines,
    *,
    decimal_comma: bool = False,
    unit: str = "line",
) -> pd.DataFrame:
    """Turn the columns of a file into the standard columns, first, followed by all the others.

    Parameters
    ----------
    raw
        The columns as read, already with standard names; texts or numbers.
    path
        For messages.
    lines
        Gives the line of the file from which each row comes, ``(n,)``, for messages.
    decimal_comma
        Whether numbers may be written ``1,5``.
    unit
        What `lines` counts, for messages.

    Raises
    ------
    TableError
        For missing columns, and for values that are no number, negative, huge, or no label, with
        the line.
    """
    missing = [name for name in ("micrograph", "x", "y") if name not in raw]
    if missing:
        have = ", ".join(map(str, raw.columns[:12])) + (", ..." if len(raw.columns) > 12 else "")
        raise TableError(
            f"{path}: no column for {' and '.join(missing)} (found: {have[:300] or 'none'}); "
            "needed are the micrograph's name and x and y in pixels"
        )

    def where(row: int) -> str:
        return f"{path}, {unit} {lines()[row]}"

    table = pd.DataFrame({"micrograph": raw["micrograph"].astype(str)})
    bad = np.flatnonzero((table["micrograph"].str.strip() == "").to_numpy())
    if len(bad):
        raise TableError(f"{where(bad[0])}: the name of the micrograph is empty")
    for name in ("x", "y", "score", "label"):
        if name in raw:
            may_be_empty = name in ("score", "label")
            table[name] = _numbers(raw[name], name, where, decimal_comma, may_be_empty)
    for name in ("x", "y"):
        check_range(table[name].to_numpy(), name, where)
    if "label" in table:
        table["label"] = checked_labels(table["label"], where)
    others = raw.drop(columns=[name for name in ALIASES if name in raw])
    for name in others.columns:
        column = others[name]
        if not pd.api.types.is_numeric_dtype(column):
            with contextlib.suppress(ValueError, TypeError, OverflowError):
                column = pd.to_numeric(column) if len(column) else column
        others[name] = column
    return pd.concat([table, others], axis=1)


def _numbers(
    column: pd.Series, name: str, where: Where, decimal_comma: bool, may_be_empty: bool
) -> pd.Series:
    if pd.api.types.is_numeric_dtype(column):
        values = column.astype(float)
        empty = values.isna()
    else:
        text = column.astype(str).str.strip()
        if decimal_comma:
            text = text.str.replace(",", ".", regex=False)
        empty = text.str.lower().isin(["", "nan", "<na>", "na", "none", "null"])
        values = to_numbers(text.mask(empty))
    wrong = ~np.isfinite(values.to_numpy()) & ~(empty.to_numpy() & may_be_empty)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        shown = str(column.iloc[row])
        shown = shown if len(shown) <= 40 else shown[:40] + "..."
        raise TableError(f"{where(row)}: {name} is {shown!r}, which is not a number")
    return values

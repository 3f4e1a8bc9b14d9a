"""The columns that every table has in this program, checked."""

import contextlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from activepick.errors import TableError

__all__ = ["ALIASES", "check_table", "standard_names", "standard_table"]

# Beyond any detector (and montage) there is, and well below where float digits run out.
_HUGE_PX = 1_000_000
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029\ud800-\udfff]")

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


def standard_table(
    raw: pd.DataFrame, path: Path, lines: npt.NDArray[np.int64], *, decimal_comma: bool = False
) -> pd.DataFrame:
    """Turn the columns of a file into the standard columns, first, followed by all the others.

    Parameters
    ----------
    raw
        The columns as read, already with standard names; texts or numbers.
    path
        For messages.
    lines
        Line of the file from which each row comes, ``(n,)``, for messages.
    decimal_comma
        Whether numbers may be written ``1,5``.

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
    table = pd.DataFrame({"micrograph": raw["micrograph"].astype(str)})
    bad = np.flatnonzero((table["micrograph"].str.strip() == "").to_numpy())
    if len(bad):
        raise TableError(f"{path}, line {lines[bad[0]]}: the name of the micrograph is empty")
    for name in ("x", "y", "score", "label"):
        if name in raw:
            where = (path, lines, name, decimal_comma)
            table[name] = _numbers(raw[name], where, may_be_empty=name in ("score", "label"))
    for name in ("x", "y"):
        _check_range(table[name].to_numpy(), name, lambda row: f"{path}, line {lines[row]}")
    if "label" in table:
        table["label"] = _labels(table["label"], lambda row: f"{path}, line {lines[row]}")
    others = raw.drop(columns=[name for name in ALIASES if name in raw])
    for name in others.columns:
        column = others[name]
        if not pd.api.types.is_numeric_dtype(column):
            with contextlib.suppress(ValueError, TypeError):
                column = pd.to_numeric(column) if len(column) else column
        others[name] = column
    return pd.concat([table, others], axis=1)


def check_table(table: pd.DataFrame, target: str) -> pd.DataFrame:
    """Check a table before it is written, and give a clean copy with standard types.

    Raises
    ------
    TableError
        When a column is missing or holds what no file should: the message names the row (from 0).
    """
    missing = [name for name in ("micrograph", "x", "y") if name not in table]
    if missing:
        raise TableError(f"{target}: the table to write has no column {' and '.join(missing)}")
    clean = table.reset_index(drop=True).copy()
    clean["micrograph"] = clean["micrograph"].astype(str)
    for row, name in enumerate(clean["micrograph"].unique()):
        if not name.strip() or _UNPRINTABLE.search(name):
            raise TableError(
                f"{target}: the micrograph name {name!r} (distinct name {row}) is empty or holds "
                "characters that no file name should; rename the micrograph"
            )
    for name in ("x", "y", "score", "label"):
        if name in clean:
            try:
                clean[name] = pd.to_numeric(clean[name]).astype(float)
            except (ValueError, TypeError) as error:
                raise TableError(
                    f"{target}: the column {name} holds no numbers ({error})"
                ) from None

    def where(row: int) -> str:
        return f"{target}, row {row} of the table"

    for name in ("x", "y"):
        _check_range(clean[name].to_numpy(), name, where)
    if "score" in clean:
        bad = np.flatnonzero(np.isinf(clean["score"].to_numpy()))
        if len(bad):
            raise TableError(f"{where(bad[0])}: the score is infinite")
    if "label" in clean:
        clean["label"] = _labels(clean["label"], where)
    return clean


def _numbers(
    column: pd.Series, where: tuple[Path, npt.NDArray[np.int64], str, bool], may_be_empty: bool
) -> pd.Series:
    path, lines, name, decimal_comma = where
    if pd.api.types.is_numeric_dtype(column):
        values = column.astype(float)
        empty = values.isna()
    else:
        text = column.astype(str).str.strip()
        if decimal_comma:
            text = text.str.replace(",", ".", regex=False)
        empty = text.str.lower().isin(["", "nan", "<na>", "na", "none", "null"])
        values = pd.to_numeric(text.mask(empty), errors="coerce").astype(float)
    wrong = ~np.isfinite(values.to_numpy()) & ~(empty.to_numpy() & may_be_empty)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        shown = str(column.iloc[row])
        shown = shown if len(shown) <= 40 else shown[:40] + "..."
        raise TableError(f"{path}, line {lines[row]}: {name} is {shown!r}, which is not a number")
    return values


def _check_range(values: npt.NDArray[np.float64], name: str, where: Any) -> None:
    # Pixel 0 reaches from -0.5 to 0.5, as integers are pixel centres.
    wrong = np.flatnonzero(~((values >= -0.5) & (values <= _HUGE_PX)))
    if len(wrong):
        value = values[wrong[0]]
        raise TableError(
            f"{where(wrong[0])}: {name} is {value:g}, which is on no micrograph; coordinates are "
            "pixels of the original micrograph, from 0"
        )


def _labels(column: pd.Series, where: Any) -> pd.Series:
    wrong = np.flatnonzero(~(column.isin([0, 1]) | column.isna()).to_numpy())
    if len(wrong):
        value = column.iloc[wrong[0]]
        raise TableError(f"{where(wrong[0])}: label is {value:g}; 1 is a particle, 0 is none")
    return column.astype("Int64" if column.isna().any() else "int64")

"""Check a table before it is written, and warn about columns that a format cannot contain."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from activepick.errors import TableError
from activepick.formats.optics import optics_in_words
from activepick.formats.table_warnings import warn_table
from activepick.formats.values import check_range, checked_labels

__all__ = ["check_table", "warn_dropped"]

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029\ud800-\udfff]")
# Values that RELION writes if nothing is known, so that no information is lost with them.
_EMPTY_PHRASES: dict[str, tuple[float, ...]] = {
    "rlnClassNumber": (0, -999),
    "rlnAnglePsi": (0, -999),
    "rlnOpticsGroup": (1,),
}


def check_table(table: pd.DataFrame, target: str) -> pd.DataFrame:
    """Return a copy of a table with standard types, after checking its values.

    Raises
    ------
    TableError
        If a column is missing or contains invalid values. The message gives the row (from 0).
    """
    missing = [name for name in ("micrograph", "x", "y") if name not in table]
    if missing:
        raise TableError(f"{target}: the table to write has no column {' and '.join(missing)}")
    clean = table.reset_index(drop=True).copy()
    clean["micrograph"] = clean["micrograph"].astype(str)
    for row, name in enumerate(clean["micrograph"].unique()):
        if not name.strip() or _UNPRINTABLE.search(name):
            raise TableError(
                f"{target}: the micrograph name {name!r} (distinct name {row}) is empty or "
                "contains "
                "characters that are not allowed; rename the micrograph"
            )
    for name in ("x", "y", "score", "label"):
        if name in clean:
            try:
                clean[name] = pd.to_numeric(clean[name]).astype(float)
            except (ValueError, TypeError, OverflowError) as error:
                raise TableError(
                    f"{target}: the column {name} does not contain numbers ({error})"
                ) from None

    def where(row: int) -> str:
        return f"{target}, row {row} of the table"

    for name in ("x", "y"):
        check_range(clean[name].to_numpy(), name, where)
    if "score" in clean:
        bad = np.flatnonzero(np.isinf(clean["score"].to_numpy()))
        if len(bad):
            raise TableError(f"{where(bad[0])}: the score is infinite")
    if "label" in clean:
        clean["label"] = checked_labels(clean["label"], where)
    return clean


def warn_dropped(
    table: pd.DataFrame, names: Sequence[str], path: Path, program: str, *, optics: bool = True
) -> None:
    """Warn about columns that a format cannot contain, unless they have no information.

    Parameters
    ----------
    table
        The table that is written.
    names
        Its columns that are left out.
    path, program
        The file and the format, for messages.
    optics
        Whether optics groups are left out as well.
    """
    told = [
        name
        for name in names
        if name not in _EMPTY_PHRASES or not table[name].isin(_EMPTY_PHRASES[name]).all()
    ]
    if told:
        some = ", ".join(told[:20]) + (f" and {len(told) - 20} more" if len(told) > 20 else "")
        it = "it" if len(told) == 1 else "them"
        warn_table(f"{program} has no column for {some[:500]}; use CSV to keep {it}", file=path)
    if optics and (said := optics_in_words(table)):
        warn_table(f"{program} cannot store {said}; use STAR to keep them", file=path)

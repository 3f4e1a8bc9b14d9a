"""``.coords`` and plain ``x y`` text: centres of one micrograph, a row a line.

RELION takes such files at extraction (Ximdisp's ``.coords`` with a heading, and plain text without
one), ASPIRE and crYOLO's box manager read them too, so do the imports of Scipion's plugins. RELION
and Ximdisp know whole pixels only: RELION cuts decimals off, so none are written.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from activepick.formats.columns import standard_table
from activepick.formats.names import micrograph_stem
from activepick.formats.number_rows import first_words, read_numbers
from activepick.formats.table_check import warn_dropped

__all__ = ["read_coords", "render_coords", "sniff"]

_WHAT = "a line of coordinates is x and y, and perhaps a third number"


def sniff(head: bytes) -> bool:
    """Tell whether the first line is two or three numbers, or a heading over such lines."""
    if b"," in head[:200]:
        return False
    words = first_words(head)
    try:
        return len(words) in (2, 3) and all(float(word) >= -1e6 for word in words)
    except ValueError:
        return [word.lower() for word in words[:2]] == ["x", "y"]


def read_coords(path: Path) -> pd.DataFrame:
    """Read the picks of one micrograph; see `activepick.formats.read_table`.

    The micrograph is named by the file, and ``attrs["micrograph_from_file_name"]`` is True. A
    third number, such as Ximdisp's density, is in ``coords_3``.

    Raises
    ------
    TableError
        For lines that are no coordinates, with the line.
    """
    numbers, lines = read_numbers(path, range(2, 4), _WHAT, header=True)
    raw = pd.DataFrame({"micrograph": [micrograph_stem(path.name)] * len(numbers)}, dtype=str)
    raw["x"], raw["y"] = numbers[:, 0], numbers[:, 1]
    if numbers.shape[1] == 3:
        raw["coords_3"] = numbers[:, 2]
    table = standard_table(raw, path, lambda: lines)
    table.attrs["micrograph_from_file_name"] = True
    return table


def render_coords(table: pd.DataFrame, path: Path) -> Iterable[str]:
    """Give the text of a file with the picks of one micrograph, in whole pixels.

    Parameters
    ----------
    table
        Checked table of one micrograph in original pixels.
    path
        The file, which should be called as the micrograph.
    """
    known = {"micrograph", "x", "y", "coords_3"}
    warn_dropped(table, [name for name in table.columns if name not in known], path, ".coords")
    rows = np.rint(table[["x", "y"]].to_numpy()).astype(np.int64).tolist()
    if "coords_3" in table:
        rows = [[*row, value] for row, value in zip(rows, table["coords_3"].tolist(), strict=True)]
    return (" ".join(map(str, row)) + "\n" for row in rows)

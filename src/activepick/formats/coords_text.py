"""Read and write ``.coords`` and plain ``x y`` text: centres in one micrograph, one per line.

RELION reads such files at extraction (Ximdisp's ``.coords`` with a heading, and plain text without
one); ASPIRE, crYOLO's box manager and the imports of Scipion's plugins read them as well. RELION
and Ximdisp use whole pixels only: RELION truncates decimals, so none are written.
"""

from collections.abc import Iterable
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from activepick.formats.columns import Lines, name_by_file, standard_table
from activepick.formats.many_files import NamedFiles, read_together
from activepick.formats.number_rows import (
    NumberFile,
    first_words,
    parse_joined,
    read_numbers,
    rows_of_numbers,
)
from activepick.formats.table_check import warn_dropped

__all__ = ["read_coords", "read_coords_files", "render_coords", "sniff"]

_FILE = NumberFile(
    range(2, 4), "a line of coordinates is x and y, and optionally a third number", header=True
)


def sniff(head: bytes) -> bool:
    """Return whether the first line is two or three numbers, or a heading over such lines."""
    words = first_words(head)
    if any("," in word for word in words[:4]):
        return False
    try:
        return len(words) in (2, 3) and all(float(word) >= -1e6 for word in words)
    except ValueError:
        return [word.lower() for word in words[:2]] == ["x", "y"]


def read_coords(path: Path) -> pd.DataFrame:
    """Read the picks of one micrograph; see `activepick.formats.read_table`.

    The micrograph is named by the file, and ``attrs["micrograph_from_file_name"]`` is True. A
    third number, such as Ximdisp's density, is in ``coords_3``; it is not used as a score.

    Raises
    ------
    TableError
        For lines that are not coordinates, with the line number.
    """
    numbers, lines = read_numbers(path, _FILE)
    table = _table(numbers, path.name, path, lines)
    table.attrs["micrograph_from_file_name"] = True
    return table


def read_coords_files(files: NamedFiles) -> pd.DataFrame:
    """Read the picks of several micrographs; see `activepick.formats.many_files`."""
    return read_together(files, partial(rows_of_numbers, file=_FILE), _parse, read_coords)


def _parse(_: int, data: bytes, names: npt.NDArray[np.object_], path: Path) -> pd.DataFrame:
    numbers = parse_joined(data, len(names), path, _FILE)
    return _table(numbers, names, path, lambda: np.arange(1, len(numbers) + 1))


def _table(
    numbers: npt.NDArray[np.float64],
    names: str | npt.NDArray[np.object_],
    path: Path,
    lines: Lines,
) -> pd.DataFrame:
    columns = pd.DataFrame({"x": numbers[:, 0], "y": numbers[:, 1]})
    if numbers.shape[1] == 3:
        columns["coords_3"] = numbers[:, 2]
    return standard_table(name_by_file(columns, names), path, lines)


def render_coords(table: pd.DataFrame, path: Path) -> Iterable[str]:
    """Return the text of a file with the picks of one micrograph, in whole pixels.

    Parameters
    ----------
    table
        Checked table of one micrograph in original pixels.
    path
        The file, which should have the name of the micrograph.
    """
    known = {"micrograph", "x", "y", "coords_3"}
    warn_dropped(table, [name for name in table.columns if name not in known], path, ".coords")
    rows = np.rint(table[["x", "y"]].to_numpy()).astype(np.int64).tolist()
    if "coords_3" in table:
        rows = [[*row, value] for row, value in zip(rows, table["coords_3"].tolist(), strict=True)]
    return (" ".join(map(str, row)) + "\n" for row in rows)

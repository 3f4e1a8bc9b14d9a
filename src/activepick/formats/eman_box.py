"""EMAN's ``.box``: corner x, corner y, width, height of a micrograph's boxes, without a header.

Whole numbers separated by tabs, as ``e2boxer`` writes them and RELION reads them (it cuts decimals
off). crYOLO writes the same columns to ``EMAN/NAME.box``, with decimals. Corners are those with the
smaller coordinates, in rows as in the file. https://blake.bcm.edu/emanwiki/EMAN2/Programs/e2boxer
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from activepick.errors import TableError
from activepick.formats.boxes import BOX_COLUMNS, box_sizes
from activepick.formats.columns import standard_table
from activepick.formats.coordinates import box_centre, box_corner
from activepick.formats.names import micrograph_stem
from activepick.formats.number_rows import first_words, read_numbers
from activepick.formats.table_check import warn_dropped

__all__ = ["read_box", "render_box", "sniff"]

_WHAT = "a line of EMAN's .box is x, y, width and height"
# The fifth number of EMAN 1: -3 is nothing, -1 and -2 are the ends of a filament.
_PLAIN, _ENDS = -3, (-1, -2)


def sniff(head: bytes) -> bool:
    """Tell whether the first line is four or five numbers."""
    words = first_words(head)
    try:
        return len(words) in (4, 5) and all(float(word) > -1e6 for word in words)
    except ValueError:
        return False


def read_box(path: Path) -> pd.DataFrame:
    """Read the boxes of one micrograph; see `activepick.formats.read_table`.

    The micrograph is named by the file, and ``attrs["micrograph_from_file_name"]`` is True. Sizes
    are in ``box_width_px`` and ``box_height_px``; a fifth number is in ``box_5``.

    Raises
    ------
    TableError
        For lines that are no boxes and for ends of filaments, with the line.
    """
    numbers, lines = read_numbers(path, range(4, 6), _WHAT)
    sides = numbers[:, 2:4]
    bad = np.flatnonzero(~((sides >= 1) & (sides <= 1_000_000)).all(axis=1))
    if len(bad):
        shown = " x ".join(f"{side:g}" for side in sides[bad[0]])
        raise TableError(f"{path}, line {lines[bad[0]]}: a box of {shown} pixels; {_WHAT}")
    raw = pd.DataFrame({"micrograph": [micrograph_stem(path.name)] * len(numbers)}, dtype=str)
    raw["x"] = box_centre(numbers[:, 0], sides[:, 0], "eman")
    raw["y"] = box_centre(numbers[:, 1], sides[:, 1], "eman")
    raw[list(BOX_COLUMNS)] = sides
    if numbers.shape[1] == 5:
        ends = np.flatnonzero(np.isin(numbers[:, 4], _ENDS))
        if len(ends):
            raise TableError(
                f"{path}, line {lines[ends[0]]}: these are ends of filaments, not particles, and "
                "filaments are not supported"
            )
        if (numbers[:, 4] != _PLAIN).any():
            raw["box_5"] = numbers[:, 4]
    table = standard_table(raw, path, lambda: lines)
    table.attrs["micrograph_from_file_name"] = True
    return table


def render_box(table: pd.DataFrame, path: Path, *, box_size: float | None = None) -> Iterable[str]:
    """Give the text of a file with the boxes of one micrograph, in whole pixels.

    Parameters
    ----------
    table
        Checked table of one micrograph in original pixels.
    path
        The file, which should be called as the micrograph.
    box_size
        Side of the boxes in pixels; without it that of the table's ``box_width_px`` and
        ``box_height_px``.

    Raises
    ------
    TableError
        When there is no box size.
    """
    width, height = (np.rint(side) for side in box_sizes(table, box_size, path))
    known = {"micrograph", "x", "y", *BOX_COLUMNS}
    warn_dropped(table, [name for name in table.columns if name not in known], path, "EMAN's .box")
    columns = (
        box_corner(table["x"].to_numpy(), width, "eman"),
        box_corner(table["y"].to_numpy(), height, "eman"),
        width,
        height,
    )
    rows = np.stack(columns, axis=1).astype(np.int64).tolist()
    return ("{}\t{}\t{}\t{}\n".format(*row) for row in rows)

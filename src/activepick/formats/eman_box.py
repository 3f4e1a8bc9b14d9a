"""Read and write EMAN's ``.box``: corner x, corner y, width and height, without a header.

Whole numbers separated by tabs, as ``e2boxer`` writes them and RELION reads them (it truncates
decimals). crYOLO writes the same columns to ``EMAN/NAME.box``, with decimals. Corners are those
with the smaller coordinates, in rows as in the file; a box of 0 x 0 pixels has no size, and its
corner is the centre. The fifth number is a score where REPIC, Gautomatch or scipion-sphire wrote
the file; EMAN 1 has -3 there, and -1 and -2 for the two ends of a filament. A sixth whole number is
a class. https://blake.bcm.edu/emanwiki/EMAN2/Programs/e2boxer
"""

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from activepick.errors import TableError
from activepick.formats.boxes import BOX_COLUMNS, box_sizes
from activepick.formats.columns import Lines, name_by_file, standard_table
from activepick.formats.coordinates import box_centre, box_corner
from activepick.formats.many_files import NamedFiles, read_together
from activepick.formats.number_rows import (
    NumberFile,
    first_words,
    parse_joined,
    read_numbers,
    rows_of_numbers,
)
from activepick.formats.refusals import refuse_filament
from activepick.formats.scores import with_meaning
from activepick.formats.table_check import warn_dropped

__all__ = ["read_box", "read_boxes", "render_box", "sniff"]

Floats = npt.NDArray[np.float64]
_WIDEST = 32
_FILE = NumberFile(
    range(4, _WIDEST + 1),
    "a line of EMAN's .box is x, y, width and height, and optionally a score and a class",
)
# The fifth number in files of EMAN 1: no score, and the ends of a filament.
_PLAIN, _START, _END = -3, -1, -2
_ENDS = (_START, _END)


def sniff(head: bytes) -> bool:
    """Return whether the first line contains at least four numbers."""
    words = first_words(head)
    try:
        return 4 <= len(words) <= _WIDEST and all(float(word) > -1e6 for word in words)
    except ValueError:
        return False


def read_box(path: Path) -> pd.DataFrame:
    """Read the boxes of one micrograph; see `activepick.formats.read_table`.

    The micrograph is named by the file, and ``attrs["micrograph_from_file_name"]`` is True. Sizes
    are in ``box_width_px`` and ``box_height_px``, a fifth number in ``score`` unless it is EMAN's
    mark, a sixth one in ``rlnClassNumber`` where it is whole, and others in ``box_6`` and so on.

    Raises
    ------
    TableError
        For lines that are not boxes and for ends of filaments, with the line number.
    """
    numbers, lines = read_numbers(path, _FILE)
    table = _table(numbers, path.name, path, lines)
    table.attrs["micrograph_from_file_name"] = True
    return table


def read_boxes(files: NamedFiles) -> pd.DataFrame:
    """Read the boxes of several micrographs; see `activepick.formats.many_files`."""
    return read_together(files, partial(rows_of_numbers, file=_FILE), _parse, read_box)


def _parse(kind: int, data: bytes, names: npt.NDArray[np.object_], path: Path) -> pd.DataFrame:
    numbers = parse_joined(data, len(names), path, _FILE)
    if kind > 4 and np.isin(numbers[:, 4], _ENDS).any():
        raise TableError(f"{path}: these may be ends of filaments, which the whole file shows")
    return _table(numbers, names, path, lambda: np.arange(1, len(numbers) + 1))


def _table(
    numbers: Floats, names: str | npt.NDArray[np.object_], path: Path, lines: Lines
) -> pd.DataFrame:
    sides = numbers[:, 2:4]
    unsized = (sides == 0).all(axis=1)
    # A box without numbers has no position, and is left out as such.
    nothing = ~np.isfinite(sides).all(axis=1)
    fine = ((sides >= 1) & (sides <= 1_000_000)).all(axis=1)
    bad = np.flatnonzero(~(fine | unsized | nothing))
    if len(bad):
        shown = " x ".join(f"{side:g}" for side in sides[bad[0]])
        raise TableError(f"{path}, line {lines()[bad[0]]}: a box of {shown} pixels; {_FILE.what}")
    columns: dict[str, Any] = {
        "x": box_centre(numbers[:, 0], np.where(unsized, 0, sides[:, 0]), "eman"),
        "y": box_centre(numbers[:, 1], np.where(unsized, 0, sides[:, 1]), "eman"),
    }
    if not len(numbers) or not unsized.all():
        for name, side in zip(BOX_COLUMNS, sides.T, strict=True):
            columns[name] = np.where(unsized, np.nan, side)
    score = _scores(numbers, path, lines)
    if score is not None:
        columns["score"] = score
    for place in range(5, numbers.shape[1]):
        values = numbers[:, place]
        whole = place == 5 and bool((values == np.rint(values)).all())
        columns["rlnClassNumber" if whole else f"box_{place + 1}"] = (
            values.astype(np.int64) if whole else values
        )
    table = standard_table(name_by_file(pd.DataFrame(columns), names), path, lines)
    return with_meaning(table, "number")


def _scores(numbers: Floats, path: Path, lines: Lines) -> Floats | None:
    """Return the fifth numbers as scores; None if they are marks of EMAN 1."""
    if numbers.shape[1] < 5 or not len(numbers):
        return None
    fifth = numbers[:, 4]
    marks = np.isin(fifth, (_PLAIN, *_ENDS))
    # -1 and -2 may be scores; a filament is one end directly followed by the other.
    pairs = np.append((fifth[:-1] == _START) & (fifth[1:] == _END), False)
    # Points between the ends may have 0.
    is_marked = bool((marks | (fifth == 0)).all()) and set(_ENDS) <= set(fifth)
    ends = np.flatnonzero(np.isin(fifth, _ENDS) if marks.all() or is_marked else pairs)
    if len(ends):
        refuse_filament(path, "ends of filaments (-1 and -2)", int(lines()[ends[0]]))
    return None if marks.all() else np.where(fifth == _PLAIN, np.nan, fifth)


def render_box(table: pd.DataFrame, path: Path, *, box_size: float | None = None) -> Iterable[str]:
    """Return the text of a file with the boxes of one micrograph, in whole pixels.

    Parameters
    ----------
    table
        Checked table of one micrograph in original pixels.
    path
        The file, which should have the name of the micrograph.
    box_size
        Side of the boxes in pixels; without it that of the table's ``box_width_px`` and
        ``box_height_px``.

    Raises
    ------
    TableError
        If there is no box size.
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

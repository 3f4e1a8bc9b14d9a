"""Xmipp files ``NAME.pos``, in which Scipion stores the picks of a micrograph, and ``.xmd``.

These are STAR files that begin with ``# XMIPP_STAR_1 *``. The block ``data_header`` contains the
state of the picking. The block ``data_particles`` (``data_particles_auto`` for automatic picks)
contains ``_xcoor`` and ``_ycoor``, the centres in whole pixels, and optionally ``_cost`` (the
score) and ``_enabled`` (-1 for disabled picks). The format is that of scipion-em-relion
(``writeSetOfCoordinatesXmipp``). Metadata of particles (``.xmd``) have the same columns, with the
micrograph in ``_micrograph``. If a file has one block for each micrograph, the block has the name
of the micrograph.
"""

import re
from collections.abc import Iterable
from itertools import chain
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from activepick.errors import TableError
from activepick.formats.columns import (
    Lines,
    name_by_file,
    name_by_images,
    rename_tags,
    standard_table,
)
from activepick.formats.many_files import NamedFiles, Rows, join_tables, read_together
from activepick.formats.scores import LOG_ODDS_MARK, has_mark, score_meaning, with_meaning
from activepick.formats.star.grammar import Block, read_blocks
from activepick.formats.star.rows import parse_rows
from activepick.formats.star.writer import star_block
from activepick.formats.table_check import warn_dropped
from activepick.formats.table_warnings import warn_table
from activepick.formats.text import read_utf8
from activepick.wording import counted

__all__ = ["read_pos", "read_pos_files", "render_pos", "sniff"]

_MAGIC = "# XMIPP_STAR_1 *\n"
_TAGS = {"xcoor": "x", "ycoor": "y", "cost": "score", "micrograph": "micrograph"}
_OWN = ("itemId", "enabled", "micrographId")
# Names of blocks that are not names of micrographs.
_PLAIN_BLOCK = re.compile(r"(particles.*|noname|header|)", re.IGNORECASE)


def sniff(head: bytes) -> bool:
    """Return whether a file begins with the first line of Xmipp and contains positions."""
    return head.lstrip().startswith(b"# XMIPP_STAR_1") and b"_xcoor" in head


def read_pos(path: Path) -> pd.DataFrame:
    """Read the picks of one or more micrographs; see `activepick.formats.read_table`.

    Disabled picks are left out, with a warning. If the file contains no names of
    micrographs, the name follows from the file name, and ``attrs["micrograph_from_file_name"]`` is
    True.

    Raises
    ------
    TableError
        If the columns or a value are wrong; the message gives the line.
    """
    data = read_utf8(path)
    found = _blocks(data, path)
    by_block = len(found) > 1 and not any(_PLAIN_BLOCK.fullmatch(block.name) for block in found)
    tables = []
    from_file = True
    for block in found:
        raw = rename_tags(block.frame(path), _TAGS)
        if "micrograph" not in raw and not by_block:
            raw = name_by_images(raw, path)
        if "micrograph" not in raw:
            raw = name_by_file(raw, block.name if by_block else path.name)
            from_file &= not by_block
        else:
            from_file = False
        tables.append(_table(raw, path, block.line_numbers, marked=has_mark(data)))
    table = join_tables(tables) if len(tables) > 1 else tables[0]
    if from_file:
        table.attrs["micrograph_from_file_name"] = True
    return table


def read_pos_files(files: NamedFiles) -> pd.DataFrame:
    """Read files of several micrographs together; see `activepick.formats.many_files`."""
    return read_together(files, _split, _parse, read_pos)


def _split(path: Path) -> Rows | None:
    data = read_utf8(path)
    found = _blocks(data, path)
    if len(found) > 1 or {"micrograph", "image"} & set(found[0].columns):
        return None
    kind = (has_mark(data), *found[0].columns)
    return Rows(kind, b"\n".join(run for run, _ in found[0].runs))


def _parse(
    kind: tuple[bool | str, ...], data: bytes, names: npt.NDArray[np.object_], path: Path
) -> pd.DataFrame:
    def lines() -> npt.NDArray[np.int64]:
        return np.arange(1, len(names) + 1)

    raw = parse_rows(data, [str(name) for name in kind[1:]], path, lines)
    raw = name_by_file(rename_tags(raw, _TAGS), names)
    return _table(raw, path, lines, marked=kind[0] is True)


def _blocks(data: bytes, path: Path) -> list[Block]:
    """Return the blocks that contain positions."""
    blocks = read_blocks(data, path)
    found = [block for block in blocks if {"xcoor", "ycoor"} <= set(block.columns)]
    if not found:
        columns = {name for block in blocks for name in block.columns}
        kind = "images without positions" if "image" in columns else "no picks"
        kind = "micrographs, not picks" if "micrograph" in columns else kind
        raise TableError(
            f"{path}: no table with _xcoor and _ycoor, so these are {kind}; give the .pos files of "
            "the picking, or the .xmd of particles with their positions"
        )
    return found


def _table(raw: pd.DataFrame, path: Path, lines: Lines, *, marked: bool) -> pd.DataFrame:
    table = standard_table(raw, path, lines)
    if "enabled" in table:
        back = (table["enabled"] == -1).to_numpy()
        if back.any():
            warn_table(
                counted(
                    int(back.sum()),
                    "disabled pick is left out",
                    "disabled picks are left out",
                ),
                file=path,
                kind="disabled picks",
            )
        table = table[~back].reset_index(drop=True)
    table = table.drop(columns=[name for name in _OWN if name in table])
    return with_meaning(table, "log-odds" if marked else "number")


def render_pos(table: pd.DataFrame, path: Path) -> Iterable[str]:
    """Render a table as a file with the picks of one micrograph, in whole pixels.

    Parameters
    ----------
    table
        A checked table of one micrograph with positions in original pixels.
    path
        Path of the file, which should have the name of the micrograph.

    Returns
    -------
    iterable of str
        The text of the file, in pieces.
    """
    dropped = [name for name in table.columns if name not in ("micrograph", "x", "y", "score")]
    warn_dropped(table, dropped, path, "Xmipp's .pos")
    frame = pd.DataFrame(
        {
            "itemId": np.arange(1, len(table) + 1),
            "enabled": 1,
            "xcoor": np.rint(table["x"]).astype(np.int64),
            "ycoor": np.rint(table["y"]).astype(np.int64),
        },
        index=table.index,
    )
    if "score" in table:
        frame["cost"] = table["score"]
    frame["micrographId"] = 1
    header = pd.DataFrame({"pickingMicrographState": ["Auto"]})
    mark = LOG_ODDS_MARK if score_meaning(table) == "log-odds" else "#"
    return chain(
        (f"{_MAGIC}{mark}",),
        star_block("header", header, path),
        star_block("particles", frame, path),
    )

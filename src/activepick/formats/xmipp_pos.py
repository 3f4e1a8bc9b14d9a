"""Xmipp's ``NAME.pos``, in which Scipion exchanges the picks of a micrograph.

A STAR file that begins ``# XMIPP_STAR_1 *``: ``data_header`` with the state of the picking, and
``data_particles`` (``data_particles_auto`` for automatic picks) with ``_xcoor`` and ``_ycoor``,
centres in whole pixels, and where they are known ``_cost`` (the score) and ``_enabled`` (-1 for
picks that were taken back). As scipion-em-relion writes it (``writeSetOfCoordinatesXmipp``).
"""

import warnings
from collections.abc import Iterable
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd

from activepick.errors import TableError
from activepick.formats.columns import rename_tags, standard_table
from activepick.formats.names import micrograph_stem
from activepick.formats.star.grammar import read_blocks
from activepick.formats.star.writer import star_block
from activepick.formats.table_check import warn_dropped
from activepick.formats.text import TableWarning, read_utf8

__all__ = ["read_pos", "render_pos", "sniff"]

_MAGIC = "# XMIPP_STAR_1 *\n#"
_TAGS = {"xcoor": "x", "ycoor": "y", "cost": "score"}
_OWN = ("itemId", "enabled", "micrographId")


def sniff(head: bytes) -> bool:
    """Tell whether the first line is Xmipp's."""
    return head.lstrip().startswith(b"# XMIPP_STAR_1") and b"_xcoor" in head


def read_pos(path: Path) -> pd.DataFrame:
    """Read the picks of one micrograph; see `activepick.formats.read_table`.

    Picks that were taken back are left out, with a warning. The micrograph is named by the file,
    and ``attrs["micrograph_from_file_name"]`` is True.

    Raises
    ------
    TableError
        For wrong columns and values that are not right, with the line.
    """
    blocks = read_blocks(read_utf8(path), path)
    found = [block for block in blocks if {"xcoor", "ycoor"} <= set(block.columns)]
    if not found:
        raise TableError(f"{path}: no table with _xcoor and _ycoor, so this is no .pos of Xmipp")
    frames = []
    for block in found:
        raw = rename_tags(block.frame(path), _TAGS)
        raw["micrograph"] = micrograph_stem(path.name)
        frames.append(standard_table(raw, path, block.line_numbers))
    table = pd.concat(frames, ignore_index=True) if len(frames) > 1 else frames[0]
    if "enabled" in table:
        back = (table["enabled"] == -1).to_numpy()
        if back.any():
            message = f"{path}: {int(back.sum())} picks that were taken back are left out"
            warnings.warn(TableWarning(message), stacklevel=3)
        table = table[~back].reset_index(drop=True)
    table = table.drop(columns=[name for name in _OWN if name in table])
    table.attrs["micrograph_from_file_name"] = True
    return table


def render_pos(table: pd.DataFrame, path: Path) -> Iterable[str]:
    """Give the text of a file with the picks of one micrograph, in whole pixels.

    Parameters
    ----------
    table
        Checked table of one micrograph in original pixels.
    path
        The file, which should be called as the micrograph.
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
    return chain(
        (_MAGIC,),
        star_block("header", header, path),
        star_block("particles", frame, path),
    )

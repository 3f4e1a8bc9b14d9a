"""Many STAR files of one micrograph each, read as one table."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from activepick.errors import TableError
from activepick.formats.columns import rename_tags, standard_table
from activepick.formats.relion_star import RELION_TAGS, read_star, without_missing_scores
from activepick.formats.star.grammar import Block, read_blocks
from activepick.formats.star.rows import parse_rows
from activepick.formats.text import read_utf8

__all__ = ["read_star_files"]


def read_star_files(files: Sequence[tuple[str, Path]], *, keep_names: bool = False) -> pd.DataFrame:
    """Read the files of several micrographs, in this order.

    Ten thousand small files are parsed in one go where they have the same columns, which is some
    twenty times faster than one by one.

    Parameters
    ----------
    files
        Name of the micrograph and its file.
    keep_names
        Whether names that stand in a file are right, and not the ones given.

    Raises
    ------
    TableError
        As `activepick.formats.relion_star.read_star` of the first file that is not right.
    """
    blocks: list[Block] = []
    for _, path in files:
        found = read_blocks(read_utf8(path), path)
        if len(found) != 1 or "rlnMicrographName" in found[0].columns:
            return _one_by_one(files, keep_names)
        blocks += found
        if found[0].columns != blocks[0].columns:
            return _one_by_one(files, keep_names)
    if not blocks or not {"rlnCoordinateX", "rlnCoordinateY"} <= set(blocks[0].columns):
        return _one_by_one(files, keep_names)
    path = files[0][1]
    data = b"\n".join(run for block in blocks for run, _ in block.runs)
    try:
        raw = parse_rows(data, blocks[0].columns, path, lambda: np.arange(len(data)))
        raw = rename_tags(raw, RELION_TAGS)
        if "micrograph" in raw:
            return _one_by_one(files, keep_names)
        names = np.array([name for name, _ in files], dtype=object)
        raw.insert(0, "micrograph", names.repeat([len(block) for block in blocks]))
        return without_missing_scores(standard_table(raw, path, lambda: np.arange(len(raw))))
    except TableError:
        # One of them is not right: alone it says where.
        return _one_by_one(files, keep_names)


def _one_by_one(files: Sequence[tuple[str, Path]], keep_names: bool) -> pd.DataFrame:
    tables = []
    for name, path in files:
        table = read_star(path)
        if not keep_names or table.attrs.get("micrograph_from_file_name"):
            table = table.assign(micrograph=name)
        table.attrs = {}
        tables.append(table)
    filled = [table for table in tables if len(table)] or tables[:1]
    if filled:
        return pd.concat(filled, ignore_index=True)
    empty = pd.DataFrame({"micrograph": pd.Series(dtype=str), "x": pd.Series(dtype=float)})
    return empty.assign(y=empty["x"])

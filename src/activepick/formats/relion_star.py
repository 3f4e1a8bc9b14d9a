"""Reading STAR files of RELION 3.0 and later, and what other programs write like them.

3.0 has one block; 3.1 and later have ``data_optics`` beside ``data_particles`` (or
``data_micrographs``). Files of one micrograph (``NAME_autopick.star``, crYOLO's ``STAR/NAME.star``)
hold no micrograph name. Coordinates are particle centres in pixels of the micrograph, from 0.
https://relion.readthedocs.io/en/latest/Reference/Conventions.html
"""

import re
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from activepick.errors import TableError
from activepick.formats.columns import rename_tags, standard_table
from activepick.formats.names import micrograph_stem
from activepick.formats.star.grammar import Block, read_blocks
from activepick.formats.star.rows import parse_rows
from activepick.formats.text import TableWarning, read_utf8

__all__ = ["NO_SCORE", "RELION_TAGS", "read_star", "read_star_files", "sniff", "star_table"]

RELION_TAGS = {
    "rlnMicrographName": "micrograph",
    "rlnCoordinateX": "x",
    "rlnCoordinateY": "y",
    "rlnAutopickFigureOfMerit": "score",
}
# RELION's manual picks and crYOLO's STAR files have it where there is no figure of merit.
NO_SCORE = -999.0
_KNOWN_BLOCKS = {"optics", "general", "job", "joboptions_values"}


def sniff(head: bytes) -> bool:
    """Tell whether there is a data block and a column of RELION."""
    return bool(re.search(rb"^\s*data_", head, re.MULTILINE)) and b"_rln" in head


def read_star(path: Path) -> pd.DataFrame:
    """Read picks or particles; see `activepick.formats.read_table` for what comes out.

    ``attrs["optics"]`` is the optics block as a list with a dict for each group, where there is
    one. Without a column of micrograph names the name comes from the file name
    (``NAME_autopick.star`` is ``NAME``) and ``attrs["micrograph_from_file_name"]`` is True. RELION
    has no labels: without a ``label`` column every row is a particle.

    Raises
    ------
    TableError
        With the line where there is one.
    """
    return star_table(read_blocks(read_utf8(path), path), path)


def star_table(blocks: list[Block], path: Path) -> pd.DataFrame:
    """Make the table of picks from the blocks of a STAR file; see `read_star`."""
    with_coordinates = [b for b in blocks if {"rlnCoordinateX", "rlnCoordinateY"} <= set(b.columns)]
    if not with_coordinates:
        found = ", ".join(f"data_{b.name}" for b in blocks)[:200]
        raise TableError(
            f"{path}: no table with rlnCoordinateX and rlnCoordinateY (blocks: {found}); is this a "
            "list of micrographs, or a file that was cut off?"
        )
    block = max(with_coordinates, key=lambda b: b.name == "particles")
    raw = rename_tags(block.frame(path), RELION_TAGS)
    nameless = "micrograph" not in raw
    if nameless:
        raw.insert(0, "micrograph", micrograph_stem(path.name))
    table = standard_table(raw, path, block.line_numbers)
    table = _without_missing_scores(table)
    if nameless:
        table.attrs["micrograph_from_file_name"] = True
    left_out = []
    for other in blocks:
        if other.name == "optics" and other.runs:
            table.attrs["optics"] = other.frame(path).to_dict("records")
        elif other is not block and other.runs and other.name not in _KNOWN_BLOCKS:
            left_out.append(f"data_{other.name}")
    if left_out:
        message = f"{path}: left out, as it is no table of picks: {', '.join(left_out)[:200]}"
        warnings.warn(TableWarning(message), stacklevel=3)
    return table


def _without_missing_scores(table: pd.DataFrame) -> pd.DataFrame:
    """Turn the figure of merit that stands for none into an empty score."""
    if "score" not in table:
        return table
    score = table["score"].mask(table["score"] == NO_SCORE)
    if len(table) and bool(np.isnan(score.to_numpy()).all()):
        return table.drop(columns="score")
    return table.assign(score=score)


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
        return _without_missing_scores(standard_table(raw, path, lambda: np.arange(len(raw))))
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

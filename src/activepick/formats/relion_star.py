"""Reading STAR files of RELION 3.0, 3.1 and later.

3.0 has one block; 3.1 has ``data_optics`` beside ``data_particles`` (or ``data_micrographs``).
Files of one micrograph (``NAME_autopick.star``) hold no micrograph name. From 4.0 on
``autopick.star`` lists such files in ``data_coordinate_files``.
https://relion.readthedocs.io/en/latest/Reference/Conventions.html
"""

import re
from pathlib import Path

import pandas as pd

from activepick.errors import TableError
from activepick.formats.columns import standard_table
from activepick.formats.names import micrograph_stem
from activepick.formats.star_text import Block, read_blocks
from activepick.formats.text import read_text

__all__ = ["RELION_TAGS", "read_micrograph_names", "read_star", "sniff"]

RELION_TAGS = {
    "rlnMicrographName": "micrograph",
    "rlnCoordinateX": "x",
    "rlnCoordinateY": "y",
    "rlnAutopickFigureOfMerit": "score",
}


def sniff(head: bytes) -> bool:
    """Tell whether there is a data block and a column of RELION."""
    return bool(re.search(rb"^\s*data_", head, re.MULTILINE)) and b"_rln" in head


def read_star(path: Path) -> pd.DataFrame:
    """Read picks or particles; see `activepick.formats.read_table` for what comes out.

    ``attrs["optics"]`` is the optics block as a list with a dict for each group, where there is
    one. Without a column of micrograph names the name comes from the file name
    (``NAME_autopick.star`` is ``NAME``) and ``attrs["micrograph_from_file_name"]`` is True. An
    ``autopick.star`` that lists coordinate files is read with all of them; their paths are looked
    for in the folder of the file and those above it, as RELION's begin at the project. RELION has
    no labels: without a ``label`` column every row is a particle.

    Raises
    ------
    TableError
        With the line where there is one.
    """
    blocks = read_blocks(read_text(path), path)
    for block in blocks:
        if block.name == "coordinate_files":
            return _read_listed(block, path)
    with_coordinates = [b for b in blocks if {"rlnCoordinateX", "rlnCoordinateY"} <= set(b.columns)]
    if not with_coordinates:
        found = ", ".join(f"data_{b.name}" for b in blocks)[:200]
        raise TableError(
            f"{path}: no table with rlnCoordinateX and rlnCoordinateY (blocks: {found}); is this a "
            "list of micrographs, or a file that was cut off?"
        )
    block = max(with_coordinates, key=lambda b: b.name == "particles")
    raw = block.frame(path).rename(columns=RELION_TAGS)
    nameless = "micrograph" not in raw
    if nameless:
        raw.insert(0, "micrograph", micrograph_stem(path.name))
    table = standard_table(raw, path, block.line_numbers())
    if nameless:
        table.attrs["micrograph_from_file_name"] = True
    for other in blocks:
        if other.name == "optics" and other.rows:
            table.attrs["optics"] = other.frame(path).to_dict("records")
    return table


def read_micrograph_names(path: Path) -> list[str]:
    """Give the names in ``micrographs.star``, ``micrographs_ctf.star`` or a file of particles.

    RELION finds picks by exactly these strings.

    Raises
    ------
    TableError
        When there is no column ``rlnMicrographName``.
    """
    path = Path(path)
    for block in read_blocks(read_text(path), path):
        if "rlnMicrographName" in block.columns:
            return [str(name) for name in block.frame(path)["rlnMicrographName"].unique()]
    raise TableError(f"{path}: no column rlnMicrographName, so this is no list of micrographs")


def _read_listed(block: Block, path: Path) -> pd.DataFrame:
    listed = block.frame(path)
    if not {"rlnMicrographName", "rlnMicrographCoordinates"} <= set(listed.columns):
        raise TableError(
            f"{path}, line {block.line}: data_coordinate_files needs rlnMicrographName and "
            "rlnMicrographCoordinates"
        )
    tables = []
    for line, name, file in zip(
        block.lines, listed["rlnMicrographName"], listed["rlnMicrographCoordinates"], strict=True
    ):
        places = [folder / str(file) for folder in (path.parent, *path.absolute().parents)]
        place = next((p for p in places if p.is_file()), None)
        if place is None:
            raise TableError(
                f"{path}, line {line}: {file} is neither in the folder of this file nor in one "
                "above; keep the folders of the RELION project together"
            )
        if place.samefile(path):
            raise TableError(f"{path}, line {line}: the file lists itself")
        inner = read_blocks(read_text(place), place)
        if any(b.name == "coordinate_files" for b in inner):
            raise TableError(f"{path}, line {line}: {file} lists coordinate files again")
        tables.append(read_star(place).assign(micrograph=str(name)))
        tables[-1].attrs = {}
    empty = pd.DataFrame({"micrograph": pd.Series(dtype=str), "x": pd.Series(dtype=float)})
    return pd.concat(tables, ignore_index=True) if tables else empty.assign(y=empty["x"])

"""Job folders of RELION's picking: one ``NAME_autopick.star`` a micrograph, and a list of them.

From RELION 4 on ``autopick.star`` lists micrographs and their files in ``data_coordinate_files``,
and Extract takes that file (``relion_preprocess --coord_list``). Before, Extract took the folder
and the end of the file names (``--coord_dir``, ``--coord_suffix``), which stands in the name of
``coords_suffix_autopick.star``; in it is the path of the list of micrographs. Micrographs are
found by the exact string of ``rlnMicrographName``, and without a word left out where it differs.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd

from activepick.errors import TableError
from activepick.formats.names import without_ending
from activepick.formats.output_paths import output_paths
from activepick.formats.project_files import find_in_project, project_finder
from activepick.formats.relion_micrographs import read_relion_micrographs
from activepick.formats.relion_star import read_star_files, star_table
from activepick.formats.relion_star_writer import relion_version
from activepick.formats.star.grammar import Block, read_blocks
from activepick.formats.star.writer import star_block
from activepick.formats.text import read_text, read_utf8, write_pieces

__all__ = ["read_star_or_job", "write_coordinate_index", "write_job_index"]

# Reads the table in a file of any format.
ReadTable = Callable[[Path], pd.DataFrame]

_SUFFIX_FILE = re.compile(r"coords_suffix(_[^/]+)\.star", re.IGNORECASE)


def read_star_or_job(path: Path, read_other: ReadTable) -> pd.DataFrame:
    """Read a STAR file of picks, or all files of the job that it is the list of.

    Paths in a list are looked for in the folder of the file and those above it, as RELION's begin
    at the project. See `activepick.formats.relion_star.read_star` for all else.

    Raises
    ------
    TableError
        With the line where there is one.
    """
    if (suffix := _SUFFIX_FILE.fullmatch(path.name)) and path.is_file():
        return _read_suffixed(path, suffix[1], read_other)
    blocks = read_blocks(read_utf8(path), path)
    listing = next((block for block in blocks if block.name == "coordinate_files"), None)
    return star_table(blocks, path) if listing is None else _read_listed(listing, path, read_other)


def write_job_index(
    files: Mapping[str, Path], folder: Path, *, version: str, micrographs_star: Path | None
) -> None:
    """Write the list by which RELION finds the files of a picking job.

    Parameters
    ----------
    files
        File by exact name of the micrograph.
    folder
        The job.
    version
        "3.0" and "3.1" get ``coords_suffix_autopick.star``, later ones ``autopick.star``.
    micrographs_star
        RELION's list of micrographs, for 3.0 and 3.1.

    Raises
    ------
    TableError
        When the version is unknown.
    """
    if relion_version(version, folder) in ("3.0", "3.1"):
        listed = "" if micrographs_star is None else micrographs_star.as_posix()
        write_pieces(folder / "coords_suffix_autopick.star", (f"{listed}\n",))
    else:
        paths = {name: path.as_posix() for name, path in files.items()}
        write_coordinate_index(paths, folder / "autopick.star")


def write_coordinate_index(files: Mapping[str, str], path: Path) -> None:
    """Write the ``autopick.star`` of RELION 4 and later, which lists coordinate files.

    Parameters
    ----------
    files
        Path of the coordinates by name of the micrograph, both as RELION is to see them, so exactly
        as in its ``micrographs.star`` and from the project folder.
    path
        The file.
    """
    frame = pd.DataFrame(
        {"rlnMicrographName": list(files), "rlnMicrographCoordinates": list(files.values())},
        dtype=str,
    )
    write_pieces(path, star_block("coordinate_files", frame, Path(path), comment="version 30001"))


def _read_listed(block: Block, path: Path, read_other: ReadTable) -> pd.DataFrame:
    listed = block.frame(path)
    if not {"rlnMicrographName", "rlnMicrographCoordinates"} <= set(listed.columns):
        raise TableError(
            f"{path}, line {block.line}: data_coordinate_files needs rlnMicrographName and "
            "rlnMicrographCoordinates"
        )
    files = []
    find = project_finder(path)
    for line, name, file in zip(
        block.line_numbers(),
        listed["rlnMicrographName"],
        listed["rlnMicrographCoordinates"],
        strict=True,
    ):
        place = find(str(file))
        if place is None:
            raise TableError(
                f"{path}, line {line}: {file} is neither in the folder of this file nor in one "
                "above; keep the folders of the RELION project together"
            )
        if place.samefile(path):
            raise TableError(f"{path}, line {line}: the file lists itself")
        files.append((str(name), place))
    return _read_files(files, read_other)


def _read_files(files: list[tuple[str, Path]], read_other: ReadTable) -> pd.DataFrame:
    """Read what RELION may list: STAR files, or boxes and coordinates of other programs."""
    if all(place.suffix.lower() == ".star" for _, place in files):
        return read_star_files(files)
    tables = []
    for name, place in files:
        tables.append(read_other(place).assign(micrograph=name))
        tables[-1].attrs = {}
    return pd.concat([table for table in tables if len(table)] or tables[:1], ignore_index=True)


def _read_suffixed(path: Path, suffix: str, read_other: ReadTable) -> pd.DataFrame:
    first = read_text(path, may_be_empty=True).split()
    listed = find_in_project(first[0], path) if first else None
    if listed is None:
        named = f"{first[0]} is not found" if first else "it names no list of micrographs"
        raise TableError(
            f"{path}: {named}, so the names of the micrographs are unknown; give the files "
            f"*{suffix}.star in this folder, or keep the folders of the RELION project together"
        )
    names = read_relion_micrographs(listed).names
    files = output_paths(names, path.parent, f"{suffix}.star", tree=True)
    flat = {name: path.parent / f"{without_ending(name)}{suffix}.star" for name in names}
    found = [(n, p) for n in names for p in (files[n], flat[n]) if p.is_file()]
    return _read_files(list(dict(reversed(found)).items())[::-1], read_other)

"""Read and write job folders of RELION's picking.

They contain ``NAME_autopick.star`` for each micrograph, and a list of these files. Since RELION 4,
``autopick.star`` lists micrographs and their files in ``data_coordinate_files``, and is the input
of Extract (``relion_preprocess --coord_list``). In earlier versions the input was the folder and
the end of the file names (``--coord_dir``, ``--coord_suffix``), which is part of the name of
``coords_suffix_autopick.star``; this file contains the path of the list of micrographs. Micrographs
are found by the exact string of ``rlnMicrographName``; if it differs, they are skipped silently.
"""

import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import pandas as pd

from activepick.errors import TableError
from activepick.files import open_to_read
from activepick.formats.many_files import join_tables
from activepick.formats.names import is_image_name, without_ending
from activepick.formats.output_paths import output_paths, within_job
from activepick.formats.project_files import (
    find_in_project,
    name_in_project,
    project_finder,
    project_folder,
)
from activepick.formats.relion_micrographs import read_relion_micrographs
from activepick.formats.relion_star import read_star_files, star_table
from activepick.formats.relion_star_writer import relion_version
from activepick.formats.star.grammar import Block, read_blocks
from activepick.formats.star.writer import star_block
from activepick.formats.table_warnings import warn_table
from activepick.formats.text import read_text, read_utf8, write_pieces
from activepick.formats.written_files import Checksum
from activepick.wording import counted

__all__ = [
    "RelionJob",
    "find_job_lists",
    "is_suffix_list",
    "read_star_or_job",
    "write_coordinate_index",
]

# Reads the table in a file of any format.
ReadTable = Callable[[Path], pd.DataFrame]

_INDEX_BLOCK = re.compile(rb"^[^\S\n]*data_coordinate_files[^\S\n]*(?:#.*)?$", re.MULTILINE)
# The block of a list is at its beginning.
_BEGINNING = 4096
_SUFFIX_FILE = re.compile(r"coords_suffix(_[^/]+)\.star", re.IGNORECASE)


def read_star_or_job(path: Path, read_other: ReadTable) -> pd.DataFrame:
    """Read a STAR file of picks, or all files that it lists.

    Files in a list are looked up by `activepick.formats.project_files.find_in_project`; those that
    are missing are left out with a `TableWarning`. See `activepick.formats.relion_star.read_star`
    for the table.

    Parameters
    ----------
    path
        The file: picks, particles, a list with ``data_coordinate_files``, or
        ``coords_suffix_*.star``.
    read_other
        Function that reads a file of any format, for lists of files that are not STAR.

    Raises
    ------
    TableError
        If a file is invalid, with the line if possible, or no file of a list is found.
    """
    if (suffix := _SUFFIX_FILE.fullmatch(path.name)) and path.is_file():
        return _read_suffixed(path, suffix[1], read_other)
    blocks = read_blocks(read_utf8(path), path)
    listing = next((block for block in blocks if block.name == "coordinate_files"), None)
    return star_table(blocks, path) if listing is None else _read_listed(listing, path, read_other)


class RelionJob:
    """A job folder of RELION with coordinate files, as the input of another job.

    Parameters
    ----------
    folder
        The job.
    micrographs_star
        RELION's list of micrographs, if their names are from one and need not be changed.
    """

    def __init__(self, folder: Path, micrographs_star: Path | None) -> None:
        self._folder = folder
        self._star = micrographs_star
        self._project = project_folder(folder)
        if self._project is None and micrographs_star is not None:
            self._project = project_folder(micrographs_star)

    def name_of(self, micrograph: str) -> str:
        """Return the name of a micrograph in the project."""
        if self._project is None or self._star is not None:
            return micrograph
        return name_in_project(micrograph, self._project)

    def index(self, version: str) -> Path:
        """Return the path of the list that is RELION's input.

        Parameters
        ----------
        version
            "3.0" and "3.1" use ``coords_suffix_autopick.star``, later ones ``autopick.star``.

        Raises
        ------
        TableError
            If the version is unknown.
        """
        is_old = relion_version(version, self._folder) in ("3.0", "3.1")
        return self._folder / ("coords_suffix_autopick.star" if is_old else "autopick.star")

    def write_index(self, files: Mapping[str, Path], version: str) -> tuple[Path, Checksum]:
        """Write the list by which RELION finds the files.

        Paths of micrographs and files are relative to the project folder, wherever the program
        runs.

        Parameters
        ----------
        files
            File by name of the micrograph.
        version
            See `index`.

        Returns
        -------
        path : Path
            The list.
        checksum : Checksum
            Of its content.

        Raises
        ------
        TableError
            If the version is unknown or the list cannot be written.
        """
        path = self.index(version)
        pieces: Iterable[str]
        if path.name == "autopick.star":
            listed = {self.name_of(name): self._path_of(file) for name, file in files.items()}
            pieces = _coordinate_index(listed, path)
        else:
            pieces = ("" if self._star is None else self._path_of(self._star), "\n")
        checksum = Checksum()
        write_pieces(path, checksum.of(pieces))
        self._warn_of_names(files)
        return path, checksum

    def _path_of(self, path: Path) -> str:
        """Return the path of a file from the project folder, or absolute if it is outside."""
        if self._project is None:
            return path.as_posix()
        own = name_in_project(os.path.abspath(path), self._project)
        return Path(own).as_posix()

    def _warn_of_names(self, files: Iterable[str]) -> None:
        nameless = [name for name in files if not is_image_name(name)]
        if nameless and self._star is None:
            warn_table(
                counted(len(nameless), "micrograph has a name", "micrographs have names")
                + f" without extension, such as {nameless[0]}; RELION finds picks by "
                "the exact name only, so give its list of micrographs, such as "
                "CtfFind/job003/micrographs_ctf.star",
                file=self._folder,
                option="--micrographs",
            )


def write_coordinate_index(files: Mapping[str, str], path: Path) -> None:
    """Write the ``autopick.star`` of RELION 4 and later, which lists coordinate files.

    Parameters
    ----------
    files
        Path of the coordinates, relative to the project folder, by name of the micrograph, exactly
        as in RELION's ``micrographs.star``.
    path
        The file.
    """
    write_pieces(path, _coordinate_index(files, Path(path)))


def _coordinate_index(files: Mapping[str, str], path: Path) -> Iterable[str]:
    frame = pd.DataFrame(
        {"rlnMicrographName": list(files), "rlnMicrographCoordinates": list(files.values())},
        dtype=str,
    )
    return star_block("coordinate_files", frame, path, comment="version 30001")


def find_job_lists(folder: Path) -> list[Path]:
    """Return the lists of coordinate files in a job folder of RELION.

    Parameters
    ----------
    folder
        The folder.

    Returns
    -------
    list of Path
        STAR files with a block ``data_coordinate_files`` (RELION 4 and later); if there is none,
        ``coords_suffix_*.star`` whose list of micrographs is found (RELION 3).
    """
    stars = sorted(path for path in folder.glob("*.star") if not path.name.startswith("."))
    lists = [path for path in stars if _INDEX_BLOCK.search(_beginning(path))]
    if lists:
        return lists
    suffixed = [path for path in stars if is_suffix_list(path)]
    found = [path for path in suffixed if _listed_micrographs(path)[1] is not None]
    if suffixed and not found:
        warn_table(
            "the list of micrographs to which it refers is not found, so micrographs are named "
            "after the files of picks",
            file=suffixed[0],
        )
    return found


def is_suffix_list(path: Path) -> bool:
    """Return whether a file is RELION 3's ``coords_suffix_*.star``, by its name.

    Parameters
    ----------
    path
        The file.
    """
    return _SUFFIX_FILE.fullmatch(path.name) is not None


def _beginning(path: Path) -> bytes:
    try:
        with open_to_read(path) as file:
            return file.read(_BEGINNING)
    except OSError:
        return b""  # Reading it as a table gives the error.


def _read_listed(block: Block, path: Path, read_other: ReadTable) -> pd.DataFrame:
    listed = block.frame(path)
    if not {"rlnMicrographName", "rlnMicrographCoordinates"} <= set(listed.columns):
        raise TableError(
            f"{path}, line {block.line}: data_coordinate_files needs rlnMicrographName and "
            "rlnMicrographCoordinates"
        )
    files, missing = [], []
    find = project_finder(path)
    for line, name, file in zip(
        block.line_numbers(),
        listed["rlnMicrographName"],
        listed["rlnMicrographCoordinates"].astype(str),
        strict=True,
    ):
        # A job folder that was copied out of its project still contains its files.
        place = find(file) or find(within_job(file))
        if place is None:
            missing.append((line, file))
            continue
        if place.samefile(path):
            raise TableError(f"{path}, line {line}: the file lists itself")
        files.append((str(name), place))
    if missing:
        line, file = missing[0]
        where = (
            f"{path}, line {line}: {file} is not in the folder of this file, in a parent "
            "folder, or "
            "in the working folder"
        )
        if not files:
            raise TableError(f"{where}; keep the folders of the RELION project together")
        warn_table(f"{where}; {len(missing)} of {counted(len(listed), 'file')} left out")
    return _read_files(files, read_other)


def _read_files(files: list[tuple[str, Path]], read_other: ReadTable) -> pd.DataFrame:
    """Read files that RELION may list: STAR files, or boxes and coordinates of other programs."""
    if all(place.suffix.lower() == ".star" for _, place in files):
        return read_star_files(files)
    return join_tables([read_other(place).assign(micrograph=name) for name, place in files])


def _read_suffixed(path: Path, suffix: str, read_other: ReadTable) -> pd.DataFrame:
    name, listed = _listed_micrographs(path)
    if listed is None:
        named = f"{name} is not found" if name else "it does not refer to a list of micrographs"
        raise TableError(
            f"{path}: {named}, so the names of the micrographs are unknown; give the files "
            f"*{suffix}.star in this folder, or keep the folders of the RELION project together"
        )
    names = read_relion_micrographs(listed).names
    files = output_paths(names, path.parent, f"{suffix}.star", tree=True)
    flat = {name: path.parent / f"{without_ending(name)}{suffix}.star" for name in names}
    found = [(n, p) for n in names for p in (files[n], flat[n]) if p.is_file()]
    if names and not found:
        raise TableError(
            f"{path}: none of the {counted(len(names), 'micrograph')} in {listed} has a file "
            f"*{suffix}.star in this folder, such as {files[names[0]]}; keep the folders of the "
            "RELION project together, or remove this list to read the existing files"
        )
    return _read_files(list(dict(reversed(found)).items())[::-1], read_other)


def _listed_micrographs(path: Path) -> tuple[str, Path | None]:
    """Return the list of micrographs that a ``coords_suffix_*.star`` names, and its file."""
    first = read_text(path, may_be_empty=True).split()
    return (first[0], find_in_project(first[0], path)) if first else ("", None)

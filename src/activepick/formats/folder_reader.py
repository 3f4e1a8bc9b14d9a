"""Folders with a file of picks for each micrograph, read as one table."""

import os
from pathlib import Path

import pandas as pd

from activepick.errors import TableError
from activepick.formats.format import Format
from activepick.formats.names import micrograph_stem
from activepick.formats.registry import FORMATS, choose_format, read_table
from activepick.formats.relion_star import read_star_files

__all__ = ["read_folder", "read_picks"]


def read_picks(path: str | os.PathLike[str], format: str | Format | None = None) -> pd.DataFrame:
    """Read a table, or all tables of a folder; see `read_folder` and `read_table`."""
    return read_folder(path, format) if Path(path).is_dir() else read_table(path, format)


def read_folder(folder: str | os.PathLike[str], format: str | Format | None = None) -> pd.DataFrame:
    """Read all files of picks in a folder and the folders within it as one table.

    Parameters
    ----------
    folder
        The folder. An ``autopick.star`` or ``coords_suffix_*.star`` in it says which files belong
        to it, with the exact names of the micrographs.
    format
        A name in `activepick.formats.FORMATS`, or a format of your own; without it the files have
        to be of one format.

    Returns
    -------
    DataFrame
        As of `activepick.formats.read_table`. Micrographs that only their file names tell are named
        by the path within the folder, without ending.

    Raises
    ------
    TableError
        When there is no file of picks, or of several formats.
    """
    source = Path(folder)
    if format in (None, "star"):
        for index in (source / "autopick.star", *sorted(source.glob("coords_suffix_*.star"))):
            if index.is_file():
                return read_table(index, "star")
    endings = {e: f.name for f in FORMATS.values() for e in f.extensions if f.name != "csv"}
    wanted = set(endings) if format is None else set(choose_format(source, format).extensions)
    files = sorted(
        path for path in source.rglob("[!.]*") if path.suffix.lower() in wanted and path.is_file()
    )
    kinds = {path.suffix.lower() for path in files}
    if not files:
        raise TableError(f"{source}: no files of picks in this folder")
    if len(kinds) > 1:
        raise TableError(
            f"{source}: files of several formats ({', '.join(sorted(kinds))}); say which one to "
            "read (--from)"
        )
    named = [(_name(path, source), path) for path in files]
    if kinds == {".star"}:
        return read_star_files(named, keep_names=True)
    tables = []
    for name, path in named:
        table = read_table(path, format)
        if table.attrs.get("micrograph_from_file_name"):
            table["micrograph"] = name
        table.attrs = {}
        tables.append(table)
    filled = [table for table in tables if len(table)] or tables[:1]
    return pd.concat(filled, ignore_index=True)


def _name(path: Path, source: Path) -> str:
    """Give the path within the folder, as the micrograph is called."""
    return (path.relative_to(source).parent / micrograph_stem(path.name)).as_posix()

"""Read folders with a file of picks for each micrograph as one table."""

import contextlib
import os
import re
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import pandas as pd

from activepick.errors import TableError
from activepick.formats.cryosparc_cs import read_cs_folder
from activepick.formats.format import Format
from activepick.formats.many_files import join_tables, read_each
from activepick.formats.names import micrograph_stem
from activepick.formats.output_paths import visible_files
from activepick.formats.outside import Outside, leave_out_outside
from activepick.formats.registry import FORMATS, choose_format, read_head, read_rows, read_table
from activepick.formats.relion_job import find_job_lists, is_suffix_list
from activepick.formats.relion_star import read_star_folder
from activepick.formats.table_warnings import joined_warnings, warn_table
from activepick.wording import counted

__all__ = ["read_folder", "read_picks"]

# Extensions of all kinds of files, of which tables of picks are detected by their content.
_GENERAL = {".txt", ".tab", ".json", ".csv", ".tsv"}
_ITERATION = re.compile(r"(.*_it)\d{3,}(_.*)?data\.star", re.IGNORECASE)
# Files that Gautomatch writes beside NAME_automatch.star: picks before its selection.
_REJECTED = re.compile(r"(.+)_(nonunique|rejected)(\.[^.]+)", re.IGNORECASE)
_EXTRACTED = "_extract.star"


def read_picks(
    path: str | os.PathLike[str],
    format: str | Format | None = None,
    *,
    outside: Outside = "drop",
) -> pd.DataFrame:
    """Read a table, or all tables of a folder; see `read_folder` and `read_table`.

    Parameters
    ----------
    path
        The file or folder.
    format
        A name in `activepick.formats.FORMATS`, or a custom format.
    outside
        Whether rows with negative positions are left out with a warning, or raise an error.
    """
    read = read_folder if Path(path).is_dir() else read_table
    return read(path, format, outside=outside)


def read_folder(
    folder: str | os.PathLike[str],
    format: str | Format | None = None,
    *,
    outside: Outside = "drop",
) -> pd.DataFrame:
    """Read all files of picks in a folder and its subfolders as one table.

    Hidden files are left out, and so are STAR files without positions (``job.star``,
    ``micrographs.star``).

    Parameters
    ----------
    folder
        The folder. If it is a job of RELION, its list of coordinate files (``autopick.star``,
        ``manualpick.star``, any STAR file with ``data_coordinate_files``, or
        ``coords_suffix_*.star``) determines the files, with the exact names of the micrographs. The
        ``particles.star`` of an extraction is read instead of the files beside it.
    format
        A name in `activepick.formats.FORMATS`, or a custom format; by default all files must have
        the same format.
    outside
        Whether rows with negative positions are left out with a warning, or raise an error.

    Returns
    -------
    DataFrame
        As returned by `activepick.formats.read_table`. Micrographs that are named only by their
        files get the path within the folder, without extension. If files in different subfolders
        have the same micrograph name without a folder, the subfolders are added to the names.

    Raises
    ------
    TableError
        If there is no file of picks, files have several formats, or the folder contains several
        lists or iterations.
    """
    with joined_warnings():
        return _read_folder(Path(folder), format, outside)


def _read_folder(source: Path, format: str | Format | None, outside: Outside) -> pd.DataFrame:
    if format in (None, "star"):
        lists = find_job_lists(source)
        if len(lists) > 1:
            raise TableError(
                f"{source}: several lists of coordinate files; give one of them: "
                f"{', '.join(path.name for path in lists[:10])}"
            )
        if lists:
            return read_table(lists[0], "star", outside=outside)
    files = [path for path in _files(source, format) if not is_suffix_list(path)]
    if all(path.suffix.lower() == ".star" for path in files):
        files = _particle_files(files, source)
    # One subfolder at a time: thousands of files are in few folders.
    groups: dict[str, list[tuple[str, Path]]] = {}
    for path in files:
        place = path.relative_to(source).parent
        name = (place / micrograph_stem(path.name)).as_posix()
        groups.setdefault(place.as_posix(), []).append((name, path))
    read = {place: _read_files(named, format) for place, named in groups.items()}
    tables = {place: table for place, table in read.items() if table is not None}
    if not tables:
        raise TableError(f"{source}: no STAR file with positions of particles in this folder")
    table = join_tables(_with_folders(tables, source))
    return leave_out_outside(table, source=source, outside=outside)


def _read_files(
    named: Sequence[tuple[str, Path]], format: str | Format | None
) -> pd.DataFrame | None:
    """Read the files of several micrographs; None for STAR files without positions."""
    chosen = choose_format(named[0][1], format)
    if chosen.name == "star":
        return read_star_folder(named)
    if chosen.name == "cs":
        return read_cs_folder(named)
    if chosen.read_files is not None:
        # One of them may be of another format with the same extension, or invalid.
        with contextlib.suppress(TableError):
            return chosen.read_files(named)
    return read_each(named, partial(read_rows, format=format))


def _files(source: Path, format: str | Format | None) -> list[Path]:
    """Return the files that may be of the format, or of one known format."""
    paths = _without_rejected(visible_files(source), source)
    if format is not None:
        chosen = choose_format(source, format)
        wanted = {*chosen.extensions, *chosen.shared_extensions}
        files = [path for path in paths if path.suffix.lower() in wanted]
    else:
        owners = {end: entry.name for entry in FORMATS.values() for end in entry.extensions}
        files = [path for path in paths if path.suffix.lower() in owners]
        files = _without_other_texts(files, source)
        # General tables are often beside picks, so they are read only if there is nothing else.
        files = [path for path in files if owners[path.suffix.lower()] != "csv"] or files
        if len({owners[path.suffix.lower()] for path in files}) > 1:
            kinds = sorted({path.suffix.lower() for path in files})
            raise TableError(
                f"{source}: files of several formats ({', '.join(kinds)}); choose the one to read",
                option="--from",
            )
    if not files:
        raise TableError(f"{source}: no files of picks in this folder")
    return files


def _without_rejected(paths: Sequence[Path], source: Path) -> list[Path]:
    """Return the files without those of picks that Gautomatch rejected."""
    there = set(paths)
    rejected = {
        path
        for path in paths
        if (match := _REJECTED.fullmatch(path.name))
        and path.with_name(f"{match[1]}_automatch{match[3]}") in there
    }
    if rejected:
        _tell_left_out(source, sorted(rejected), "since Gautomatch did not select these picks")
    return [path for path in paths if path not in rejected]


def _without_other_texts(files: Sequence[Path], source: Path) -> list[Path]:
    """Return the files without those of general extensions that match no format."""
    unknown = [
        path
        for path in files
        if path.suffix.lower() in _GENERAL and not _is_known(path, read_head(path))
    ]
    if not unknown or len(unknown) == len(files):
        return list(files)
    if any(path.suffix.lower() not in (".csv", ".tsv") for path in unknown):
        _tell_left_out(source, unknown, "since they are not tables of picks")
    gone = set(unknown)
    return [path for path in files if path not in gone]


def _is_known(path: Path, head: bytes) -> bool:
    extension = path.suffix.lower()
    return any(
        entry.sniff(head)
        for entry in FORMATS.values()
        if extension in (*entry.extensions, *entry.shared_extensions)
    )


def _particle_files(files: Sequence[Path], source: Path) -> list[Path]:
    """Return the STAR files without those that contain the same particles again.

    Raises
    ------
    TableError
        If the files are particles of several iterations of a classification or refinement.
    """
    rounds: dict[Path, list[Path]] = {}
    for path in files:
        if _ITERATION.fullmatch(path.name):
            rounds.setdefault(path.parent, []).append(path)
    for folder, paths in rounds.items():
        final = [path for path in files if path == folder / "run_data.star"]
        if len(paths) + len(final) > 1:
            last = (final or paths)[-1]
            raise TableError(
                f"{folder}: the same particles after several iterations; give one of these files, "
                f"such as {last.name}, the last one"
            )
    whole = source / "particles.star"
    if whole not in files or b"_rlnMicrographName" not in read_head(whole):
        return list(files)
    beside = (p for p in files if p.parent == source and not p.name.endswith(_EXTRACTED))
    others = [p for p in beside if p != whole and b"_rlnCoordinateX" in read_head(p)]
    return list(files) if others else [whole]


def _with_folders(tables: Mapping[str, pd.DataFrame], source: Path) -> list[pd.DataFrame]:
    """Return tables with folders added to names that occur in several folders.

    Formats such as Topaz's text contain no folders, so that ``x/a.mrc`` and ``y/a.mrc`` are both
    ``a`` in ``x/a.txt`` and ``y/a.txt``.

    Parameters
    ----------
    tables
        Table of each folder by its path within the source, "." for the source itself.
    source
        The folder, for the message.
    """
    places: dict[str, list[str]] = {}
    for place, table in tables.items():
        for name in table["micrograph"].unique():
            if "/" not in name:
                places.setdefault(name, []).append(place)
    several = [name for name, found in places.items() if len(found) > 1]
    if not several:
        return list(tables.values())
    warn_table(
        counted(len(several), "micrograph has", "micrographs have")
        + f" the same name in several folders, such as {several[0]}; the folders are put in front "
        "of such names",
        file=source,
    )
    told_apart = []
    for place, table in tables.items():
        names = table["micrograph"]
        if place != ".":
            names = names.mask(names.isin(several), place + "/" + names)
        told_apart.append(table.assign(micrograph=names))
    return told_apart


def _tell_left_out(source: Path, paths: Sequence[Path], why: str) -> None:
    more = f" and {len(paths) - 5} more" if len(paths) > 5 else ""
    names = ", ".join(path.name for path in paths[:5])
    warn_table(f"left out, {why}: {names}{more}", file=source)

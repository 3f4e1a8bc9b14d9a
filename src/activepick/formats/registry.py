"""All table formats behind one door."""

import os
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from activepick.errors import TableError
from activepick.formats.known import FORMATS, Format
from activepick.formats.table_check import check_table
from activepick.formats.text import write_pieces

__all__ = ["check_options", "choose_format", "read_table", "write_table"]

_HEAD_BYTES = 65536


def choose_format(
    path: str | os.PathLike[str], format: str | Format | None = None, *, sniff: bool = True
) -> Format:
    """Choose a format by its name, else by the extension, else by what is in the file.

    A `Format` is its own choice: so formats that are not in `FORMATS` are read and written.

    Where formats share an extension (``.txt``), the content decides between them.

    Raises
    ------
    TableError
        When the name is unknown, or neither the extension nor the content says what it is.
    """
    if isinstance(format, Format):
        return format
    names = ", ".join(FORMATS)
    if format is not None:
        if format not in FORMATS:
            raise TableError(f"{path}: there is no format {format!r}; choose one of {names}")
        return FORMATS[format]
    extension = Path(path).suffix.lower()
    found = [entry for entry in FORMATS.values() if extension in entry.extensions]
    others = [entry for entry in FORMATS.values() if extension in entry.shared_extensions]
    if sniff and (others or not found):
        head = read_head(Path(path))
        candidates = [*found, *others] or FORMATS.values()
        found = [entry for entry in candidates if entry.sniff(head)] or found
    if not found:
        tried = "extension and content do not tell" if sniff else "the extension does not tell"
        raise TableError(
            f"{path}: {tried} the format; name one of {names}, or end the file name in "
            f"{', '.join(entry.extensions[0] for entry in FORMATS.values())} (a folder's name has "
            "no dot)"
        )
    return found[0]


def read_table(path: str | os.PathLike[str], format: str | Format | None = None) -> pd.DataFrame:
    """Read a table of picks, labels or true particles.

    Parameters
    ----------
    path
        The file; see `activepick.formats.read_folder` for a folder of them.
    format
        A name in `FORMATS`, or a format of your own; without it the extension decides, and then
        the content.

    Returns
    -------
    DataFrame
        Columns ``micrograph`` (str), ``x``, ``y`` (float, original pixels), ``score`` (float, NaN
        where it is empty) and ``label`` (0 or 1) if the file has them, then all other columns under
        their own names. What else a format knows is in ``attrs``.

    Raises
    ------
    TableError
        With the file, the line where there is one, what is wrong, and what to do.
    """
    chosen = choose_format(path, format)
    try:
        return chosen.read(Path(path))
    except TableError as error:
        head = read_head(Path(path)) if Path(path).is_file() else b""
        likely = [entry.name for entry in FORMATS.values() if entry.sniff(head)]
        if likely and chosen.name not in likely:
            raise TableError(
                f"{error} (it was read as {chosen.title}, but looks like "
                f"{FORMATS[likely[0]].title}: try the format {likely[0]})"
            ) from None
        raise


def write_table(
    table: pd.DataFrame,
    path: str | os.PathLike[str],
    format: str | Format | None = None,
    **options: object,
) -> None:
    """Write a table of picks, labels or true particles; nothing is written when it is not right.

    Parameters
    ----------
    table
        As `read_table` gives it. Columns that the format cannot hold are named in a `TableWarning`.
    path
        The file to make or replace, whole or not at all.
    format
        A name in `FORMATS`, or a format of your own; without it the extension decides.
    **options
        What the format offers, see its `options` and its writing function.

    Raises
    ------
    TableError
        When the table, an option or the path is not right.
    """
    chosen = choose_format(path, format, sniff=False)
    check_options(chosen, options, path)
    clean = check_table(table, os.fspath(path))
    if chosen.one_micrograph and clean["micrograph"].nunique() > 1:
        raise TableError(
            f"{path}: a file of {chosen.title} holds the picks of one micrograph, and these are of "
            f"{clean['micrograph'].nunique()}: write them to a folder"
        )
    write_pieces(path, chosen.render(clean, Path(path), **options))


def check_options(
    chosen: Format, options: Mapping[str, object], path: str | os.PathLike[str]
) -> None:
    """Check that a format has all of these options."""
    unknown = sorted(set(options) - chosen.options)
    if unknown:
        raise TableError(
            f"{path}: {chosen.title} has no option {', '.join(unknown)}; "
            f"it has {', '.join(sorted(chosen.options)) or 'none'}"
        )


def read_head(path: Path) -> bytes:
    """Read the first 64 kB of a file."""
    try:
        with path.open("rb") as file:
            return file.read(_HEAD_BYTES)
    except (OSError, ValueError) as error:
        raise TableError(f"{path}: cannot be read ({error}); check the path") from None

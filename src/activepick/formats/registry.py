"""All table formats behind one door."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import pandas as pd

from activepick.errors import TableError
from activepick.formats import csv_table, relion_star, relion_star_writer, topaz_txt
from activepick.formats.columns import check_table

__all__ = ["FORMATS", "Format", "choose_format", "read_table", "write_table"]

_HEAD_BYTES = 65536


@dataclass(frozen=True)
class Format:
    """A format: what it is called, how to know it, how to read and write it.

    `sniff` looks at the first 64 kB. `write` takes a path, a checked table, and the `options`.
    """

    name: str
    title: str
    extensions: tuple[str, ...]
    sniff: Callable[[bytes], bool]
    read: Callable[[Path], pd.DataFrame]
    write: Callable[..., None]
    options: frozenset[str] = field(default_factory=frozenset)


FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        entry.name: entry
        for entry in (
            Format(
                "star",
                "RELION STAR",
                (".star",),
                relion_star.sniff,
                relion_star.read_star,
                relion_star_writer.write_star,
                frozenset({"version", "pixel_size_angstrom", "per_micrograph"}),
            ),
            Format(
                "csv",
                "CSV",
                (".csv", ".tsv"),
                csv_table.sniff,
                csv_table.read_csv,
                csv_table.write_csv,
            ),
            Format(
                "topaz",
                "Topaz text",
                (".txt", ".tab"),
                topaz_txt.sniff,
                topaz_txt.read_topaz,
                topaz_txt.write_topaz,
                frozenset({"scale"}),
            ),
        )
    }
)


def choose_format(
    path: str | os.PathLike[str], format: str | None = None, *, sniff: bool = True
) -> Format:
    """Choose a format by its name, else by the extension, else by what is in the file.

    Raises
    ------
    TableError
        When the name is unknown, or neither the extension nor the content says what it is.
    """
    names = ", ".join(FORMATS)
    if format is not None:
        if format not in FORMATS:
            raise TableError(f"{path}: there is no format {format!r}; choose one of {names}")
        return FORMATS[format]
    extension = Path(path).suffix.lower()
    found = [entry for entry in FORMATS.values() if extension in entry.extensions]
    if not found and sniff:
        head = _head(Path(path))
        found = [entry for entry in FORMATS.values() if entry.sniff(head)]
    if len(found) != 1:
        tried = "extension and content do not tell" if sniff else "the extension does not tell"
        raise TableError(
            f"{path}: {tried} the format; name one of {names}, or end the file name in .star, .csv "
            "or .txt (a folder's name has no dot)"
        )
    return found[0]


def read_table(path: str | os.PathLike[str], format: str | None = None) -> pd.DataFrame:
    """Read a table of picks, labels or true particles.

    Parameters
    ----------
    path
        The file.
    format
        A name in `FORMATS`; without it the extension decides, and then the content.

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
        head = _head(Path(path)) if Path(path).is_file() else b""
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
    format: str | None = None,
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
        A name in `FORMATS`; without it the extension decides.
    **options
        What the format offers, see its `options` and its writing function.

    Raises
    ------
    TableError
        When the table, an option or the path is not right.
    """
    chosen = choose_format(path, format, sniff=False)
    unknown = sorted(set(options) - chosen.options)
    if unknown:
        raise TableError(
            f"{path}: {chosen.title} has no option {', '.join(unknown)}; "
            f"it has {', '.join(sorted(chosen.options)) or 'none'}"
        )
    chosen.write(check_table(table, os.fspath(path)), Path(path), **options)


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_HEAD_BYTES)
    except (OSError, ValueError) as error:
        raise TableError(f"{path}: cannot be read ({error}); check the path") from None

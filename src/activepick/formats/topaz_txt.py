"""Coordinates files of Topaz: tab-separated columns ``image_name x_coord y_coord score``.

Names of micrographs have neither a folder nor an extension. Topaz writes integers, but reads any
numbers and rounds them where it needs pixels. Decimals are written here, to keep sub-pixel
positions. Scores are the log-odds of the network of Topaz.
https://topaz-em.readthedocs.io
"""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from activepick.errors import SettingsError, TableError
from activepick.formats.coordinates import checked_scale
from activepick.formats.csv_table import quoting_for, read_separated, read_separated_files
from activepick.formats.many_files import NamedFiles
from activepick.formats.names import without_ending
from activepick.formats.scores import score_meaning
from activepick.formats.table_check import warn_dropped
from activepick.formats.table_warnings import warn_table

__all__ = ["read_topaz", "read_topaz_files", "render_topaz", "sniff"]


def sniff(head: bytes) -> bool:
    """Return whether the first line of a file is the header of Topaz."""
    line = head.decode("latin-1").lstrip("\ufeffï»¿").replace("\r", "\n").split("\n", 1)[0]
    return {"image_name", "x_coord", "y_coord"} <= {name.strip('"') for name in line.split("\t")}


def read_topaz(path: Path) -> pd.DataFrame:
    """Read a coordinates file of Topaz; see `activepick.formats.read_table`.

    Raises
    ------
    TableError
        If the columns, the length of a row or a value are wrong; the message gives the line.
    """
    return read_separated(path, "\t")


def read_topaz_files(files: NamedFiles) -> pd.DataFrame:
    """Read files of several micrographs together; see `activepick.formats.many_files`."""
    return read_separated_files(files, "\t")


def render_topaz(table: pd.DataFrame, path: Path, *, scale: float = 1.0) -> Iterable[str]:
    """Render a table as a coordinates file of Topaz.

    Parameters
    ----------
    table
        A checked table with positions in original pixels.
    path
        Path of the file, for messages.
    scale
        Factor for the coordinates, such as 1/8 for micrographs from ``topaz preprocess -s 8``.

    Returns
    -------
    iterable of str
        The text of the file, in pieces.

    Raises
    ------
    TableError
        If two micrographs would have the same name, or the scale is not above 0.
    """
    try:
        factor = checked_scale(scale)
    except SettingsError as error:
        raise TableError(f"{path}: {error}") from None
    names = {name: without_ending(name) for name in table["micrograph"].unique()}
    owners: dict[str, str] = {}
    for name, stem in names.items():
        if owners.setdefault(stem, name) != name:
            raise TableError(
                f"{path}: {owners[stem]!r} and {name!r} would both be {stem!r} in this format, "
                "which stores no folders and no extensions; write them to two files or use CSV"
            )
    dropped = [c for c in table.columns if c not in ("micrograph", "x", "y", "score")]
    warn_dropped(table, dropped, path, "Topaz")
    if score_meaning(table) == "number":
        warn_table(
            "the scores are from another program, but Topaz reads them as log-odds; they are "
            "written unchanged",
            file=path,
        )
    out = pd.DataFrame(
        {
            "image_name": table["micrograph"].map(names).astype(str),
            "x_coord": (table["x"] * factor).round(4),
            "y_coord": (table["y"] * factor).round(4),
        }
    )
    if "score" in table:
        out["score"] = table["score"]
    quoting = quoting_for(out["image_name"])
    return (out.to_csv(index=False, sep="\t", lineterminator="\n", quoting=quoting),)

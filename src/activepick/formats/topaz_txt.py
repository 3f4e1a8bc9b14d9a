"""The coordinates file of Topaz: tab separated ``image_name x_coord y_coord score``.

Names have neither folder nor ending. Topaz itself writes integers, but reads any number, and
rounds where it needs pixels; decimals are kept here, as sub-pixel positions are worth keeping.
Scores are log-odds of Topaz's network.
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
    """Return whether the first line is the header of Topaz."""
    line = head.decode("latin-1").lstrip("\ufeffï»¿").replace("\r", "\n").split("\n", 1)[0]
    return {"image_name", "x_coord", "y_coord"} <= {name.strip('"') for name in line.split("\t")}


def read_topaz(path: Path) -> pd.DataFrame:
    """Read a coordinates file of Topaz; see `activepick.formats.read_table`.

    Raises
    ------
    TableError
        For wrong columns, rows of another length, and values that are not right, with the line.
    """
    return read_separated(path, "\t")


def read_topaz_files(files: NamedFiles) -> pd.DataFrame:
    """Read the files of several micrographs; see `activepick.formats.many_files`."""
    return read_separated_files(files, "\t")


def render_topaz(table: pd.DataFrame, path: Path, *, scale: float = 1.0) -> Iterable[str]:
    """Return the text of a coordinates file of Topaz.

    Parameters
    ----------
    table
        Checked table in original pixels.
    path
        The file.
    scale
        Factor on the coordinates, such as 1/8 for micrographs that ``topaz preprocess -s 8`` made.

    Raises
    ------
    TableError
        If two micrographs would get one name, or the scale is not above 0.
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
                "which has no folders and endings; write them to two files or use CSV"
            )
    dropped = [c for c in table.columns if c not in ("micrograph", "x", "y", "score")]
    warn_dropped(table, dropped, path, "Topaz")
    if score_meaning(table) == "number":
        warn_table(
            "the scores are numbers of another program, which Topaz takes for log-odds; they are "
            "written as they are",
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

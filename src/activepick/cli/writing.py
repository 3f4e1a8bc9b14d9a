"""Where `activepick convert` and `activepick session export` write."""

from pathlib import Path
from typing import Any

import pandas as pd

from activepick.cli.micrograph_source import MicrographSource
from activepick.formats import Format, choose_format, write_folder, write_table

__all__ = ["is_folder", "target_format", "write_out"]


def is_folder(target: Path) -> bool:
    """Tell whether a folder is meant: it is one, or its name has no ending."""
    return target.is_dir() or not target.suffix


def target_format(target: Path, name: str | None) -> Format:
    """Give the format to write: the one named, or the file name's, STAR for folders.

    Raises
    ------
    TableError
        When there is no such format.
    """
    default = "star" if is_folder(target) else None
    return choose_format(target, name or default, sniff=False)


def write_out(
    table: pd.DataFrame,
    target: Path,
    chosen: Format,
    images: MicrographSource | None,
    ending: str | None,
    **wanted: object,
) -> None:
    """Write a table, or a folder with a file for each micrograph.

    Parameters
    ----------
    table
        The picks or labels.
    target
        The file or folder.
    chosen
        The format.
    images
        Where the names are from, which job folders of older RELION name.
    ending
        Of file names in a folder, None for the usual one.
    **wanted
        Options; those that the format does not have, or that are None, do not count.

    Raises
    ------
    TableError
        When the table or an option is not right.
    """
    options: dict[str, Any] = {
        name: wanted[name] for name in chosen.options if wanted.get(name) is not None
    }
    if not is_folder(target):
        write_table(table, target, chosen.name, **options)
        return
    star = None if images is None or images.star is None else images.path
    places: dict[str, Any] = {"micrographs_star": star, "ending": ending}
    write_folder(table, target, chosen.name, **places, **options)

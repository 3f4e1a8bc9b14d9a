"""Write the output of `activepick convert` and `activepick session export`."""

from pathlib import Path
from typing import Any

import pandas as pd

from activepick.cli.arguments import OutputPath
from activepick.cli.micrograph_source import MicrographSource
from activepick.formats import Format, choose_format, write_folder, write_table

__all__ = ["target_format", "write_out"]


def target_format(target: OutputPath, name: str | None) -> Format:
    """Return the format to write: the given one, or that of the file name; STAR for folders.

    Parameters
    ----------
    target
        The file or folder.
    name
        A name in `activepick.formats.FORMATS`, or None.

    Raises
    ------
    TableError
        If the format does not exist.
    """
    default = "star" if target.is_folder else None
    return choose_format(target.path, name or default, sniff=False)


def write_out(
    table: pd.DataFrame,
    target: OutputPath,
    chosen: Format,
    images: MicrographSource | None,
    ending: str | None,
    overwrite: bool = False,
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
        Source of the micrographs' names, which are written to job folders of older RELION versions.
    ending
        End of file names in a folder; None for the usual one.
    overwrite
        Whether files of an earlier run in the folder are removed.
    **wanted
        Options; options that the format does not have, or that are None, are ignored.

    Raises
    ------
    TableError
        If the table or an option is not valid.
    """
    options: dict[str, Any] = {
        name: wanted[name] for name in chosen.options if wanted.get(name) is not None
    }
    if not target.is_folder:
        write_table(table, target.path, chosen.name, **options)
        return
    star: Path | None = None if images is None or images.star is None else images.path
    places: dict[str, Any] = {"micrographs_star": star, "ending": ending, "overwrite": overwrite}
    write_folder(table, target.path, chosen.name, **places, **options)

"""Export picks and labels to files of other programs."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from activepick.formats import (
    FORMATS,
    read_exposures,
    read_relion_micrographs,
    write_folder,
    write_table,
)
from activepick.formats.table_warnings import CollectedWarnings
from activepick.formats.transform import rename_micrographs

__all__ = ["ExportTarget", "export_table"]


@dataclass(frozen=True)
class ExportTarget:
    """File or folder to write, its format, and values that the format needs.

    Attributes
    ----------
    path
        A file, or a folder in which a file is written for each micrograph.
    format
        A name in `activepick.formats.FORMATS`.
    folder
        Whether `path` is a folder.
    box_px
        Side of a box in pixels, for formats with boxes.
    pixel_size_angstrom
        Å per pixel; None if unknown.
    micrograph_list
        The other program's list of micrographs: RELION's ``micrographs.star``, whose exact names
        are used, or cryoSPARC's exposures. None if there is none.
    overwrite
        Whether files of an earlier export are removed from the folder if this one does not write
        them.
    """

    path: Path
    format: str
    folder: bool
    box_px: float
    pixel_size_angstrom: float | None
    micrograph_list: Path | None = None
    overwrite: bool = False


def export_table(
    table: pd.DataFrame, target: ExportTarget, progress: Callable[[float], None]
) -> tuple[Path, int, list[str]]:
    """Write a table of picks or labels.

    Parameters
    ----------
    table
        Columns ``micrograph, x, y`` and others; positions in original pixels.
    target
        File or folder to write.
    progress
        Called with the fraction that is done, 0 to 1; may raise an exception to cancel.

    Returns
    -------
    path : Path
        The file or folder that was written.
    count : int
        Number of positions.
    notes : list of str
        Warnings about the table.

    Raises
    ------
    TableError
        If the file cannot be written, or a name is not in the other program's list.
    """
    chosen = FORMATS[target.format]
    source = target.micrograph_list
    options: dict[str, Any] = {}
    if "pixel_size_angstrom" in chosen.options and target.pixel_size_angstrom:
        options["pixel_size_angstrom"] = target.pixel_size_angstrom
    if "box_size" in chosen.options:
        options["box_size"] = 2 * round(target.box_px / 2)
    if "exposures" in chosen.options and source is not None:
        options["exposures"] = read_exposures(source)
    elif source is not None:
        table, _ = rename_micrographs(table, read_relion_micrographs(source).names)
    table = table.drop(columns=["contrast"], errors="ignore")
    told = CollectedWarnings()
    with told:
        if target.folder:
            write_folder(
                table,
                target.path,
                target.format,
                progress=lambda done, total: progress(done / max(1, total)),
                micrographs_star=source if target.format == "star" else None,
                overwrite=target.overwrite,
                **options,
            )
        else:
            write_table(table, target.path, target.format, **options)
    return target.path, len(table), [str(warning) for warning in told.joined()]

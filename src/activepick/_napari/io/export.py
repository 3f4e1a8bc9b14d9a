"""What is written when picks are handed to another program."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from activepick.formats import (
    FORMATS,
    read_exposures,
    read_relion_micrographs,
    write_folder,
    write_table,
)
from activepick.formats.transform import rename_micrographs

__all__ = ["Delivery", "deliver"]


@dataclass(frozen=True)
class Delivery:
    """Where picks go, and what their format has to know besides.

    Attributes
    ----------
    path
        A file, or a folder that gets a file for each micrograph.
    format
        A name in `activepick.formats.FORMATS`.
    folder
        Whether it is a folder.
    box_px
        Side of a box in pixels, for formats of boxes.
    pixel_size_angstrom
        Å per pixel, None where it is not known.
    source
        The other program's list of micrographs: RELION's ``micrographs.star``, whose exact names
        are taken, or cryoSPARC's exposures. None where there is none.
    """

    path: Path
    format: str
    folder: bool
    box_px: float
    pixel_size_angstrom: float | None
    source: Path | None = None


def deliver(
    table: pd.DataFrame, delivery: Delivery, step: Callable[[float], None]
) -> tuple[Path, int, list[str]]:
    """Write picks.

    Parameters
    ----------
    table
        Columns ``micrograph, x, y`` and others.
    delivery
        Where to.
    step
        Called with the fraction done; may raise to cancel.

    Returns
    -------
    path, count, notes
        What was written, and what the person has to know of it.

    Raises
    ------
    TableError
        When it cannot be written, or a name is not in the other program's list.
    """
    chosen = FORMATS[delivery.format]
    options: dict[str, object] = {}
    if "pixel_size_angstrom" in chosen.options and delivery.pixel_size_angstrom:
        options["pixel_size_angstrom"] = delivery.pixel_size_angstrom
    if "box_size" in chosen.options:
        options["box_size"] = 2 * round(delivery.box_px / 2)
    if "exposures" in chosen.options and delivery.source is not None:
        options["exposures"] = read_exposures(delivery.source)
    elif delivery.source is not None:
        table, _ = rename_micrographs(table, read_relion_micrographs(delivery.source).names)
    table = table.drop(columns=["contrast"], errors="ignore")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if delivery.folder:
            star = {"micrographs_star": delivery.source} if delivery.format == "star" else {}
            write_folder(
                table,
                delivery.path,
                delivery.format,
                progress=lambda done, total: step(done / max(1, total)),
                **star,
                **options,
            )
        else:
            write_table(table, delivery.path, delivery.format, **options)
    return delivery.path, len(table), [str(warning.message) for warning in caught]

"""Micrographs as a list of RELION names them: where they lie, their defocus and pixel size."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from activepick.errors import TableError
from activepick.formats.star.grammar import read_blocks
from activepick.formats.text import read_utf8

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MicrographList", "read_micrograph_list"]


@dataclass(frozen=True)
class MicrographList:
    """What a list of micrographs says.

    Attributes
    ----------
    files
        Those that are there, in the order of the list.
    defocus_angstrom
        The mean of both axes for each file, None where the list does not say it.
    pixel_size_angstrom
        Å per pixel, None where the list does not say it or has several.
    missing
        Names in the list that are not there.
    """

    files: tuple[Path, ...]
    defocus_angstrom: tuple[float | None, ...]
    pixel_size_angstrom: float | None
    missing: tuple[str, ...] = ()


def read_micrograph_list(path: str | os.PathLike[str]) -> MicrographList:
    """Read ``micrographs.star`` or ``micrographs_ctf.star`` of RELION 3.0, 3.1 or later.

    Names in it begin at the project, which is the folder of the file or one above it.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    TableError
        When it cannot be read, or has no column ``rlnMicrographName``.
    """
    path = Path(os.path.abspath(path))
    blocks = read_blocks(read_utf8(path), path)
    listed = [block for block in blocks if "rlnMicrographName" in block.columns]
    if not listed:
        raise TableError(f"{path}: no column rlnMicrographName, so this is no list of micrographs")
    table = listed[0].frame(path)
    table = table.loc[~table["rlnMicrographName"].astype(str).duplicated()]
    optics = [block.frame(path) for block in blocks if block.name == "optics"]
    names = [str(name) for name in table["rlnMicrographName"]]
    places = [_find(path.parent, name) for name in names]
    found = [k for k, place in enumerate(places) if place is not None]
    defocus = _defocus(table)
    return MicrographList(
        files=tuple(place for place in places if place is not None),
        defocus_angstrom=tuple(defocus[k] for k in found),
        pixel_size_angstrom=_pixel_size([*optics, table]),
        missing=tuple(names[k] for k, place in enumerate(places) if place is None),
    )


def _find(folder: Path, name: str) -> Path | None:
    # An absolute name stays what it is when it is joined to a folder.
    places = (parent / name for parent in (folder, *folder.parents))
    # os.path takes a name that no file can have for one that is not there.
    return next((Path(os.path.normpath(place)) for place in places if os.path.isfile(place)), None)


def _defocus(table: "pd.DataFrame") -> list[float | None]:
    axes = [name for name in ("rlnDefocusU", "rlnDefocusV") if name in table]
    if not axes:
        return [None] * len(table)
    means = table[axes].to_numpy(np.float64).mean(axis=1)
    return [float(value) if np.isfinite(value) else None for value in means]


def _pixel_size(tables: "list[pd.DataFrame]") -> float | None:
    """Give the one pixel size in the tables."""
    sizes: set[float] = set()
    for table in tables:
        for name in ("rlnMicrographPixelSize", "rlnPixelSize"):
            if name in table:
                sizes |= {round(float(value), 5) for value in table[name]}
                break
        else:
            if {"rlnDetectorPixelSize", "rlnMagnification"} <= set(table):
                # Before RELION 3.1: detector pixels in micrometres.
                both = table["rlnDetectorPixelSize"] * 1e4 / table["rlnMagnification"]
                sizes |= {round(float(value), 5) for value in both}
    return sizes.pop() if len(sizes) == 1 else None

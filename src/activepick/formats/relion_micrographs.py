"""Read RELION's lists of micrographs: exact names, optics groups, pixel sizes and defocus."""

import math
import os
from dataclasses import dataclass, field
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from activepick.errors import TableError
from activepick.formats.refusals import refuse_tomogram
from activepick.formats.star.grammar import Block, read_blocks
from activepick.formats.text import read_utf8
from activepick.formats.values import to_numbers

__all__ = ["RelionMicrographs", "magnified_pixel_size", "read_relion_micrographs"]

_NAME, _GROUP = "rlnMicrographName", "rlnOpticsGroup"
# In this order of preference; the second one is of programs before RELION 3.1.
_PIXEL_SIZES = ("rlnMicrographPixelSize", "rlnPixelSize")
_DEFOCUS = ("rlnDefocusU", "rlnDefocusV")


@dataclass(frozen=True)
class RelionMicrographs:
    """Content of ``micrographs.star``, ``micrographs_ctf.star`` or another list of micrographs.

    Attributes
    ----------
    path
        The file.
    names
        Names of the micrographs, each once, in the order of the list. RELION finds picks by exactly
        these strings; `activepick.formats.project_files.find_in_project` finds the file of a name.
    optics
        Rows of the optics block, one dict for each group; empty before RELION 3.1.
    groups
        Number of the optics group by name, if the list has it.
    pixel_sizes_angstrom
        Å per pixel by name, if the row or its optics group has it.
    defocus_angstrom
        Mean defocus of both axes in Å by name, if the list has it.
    """

    path: Path
    names: tuple[str, ...]
    optics: list[dict[str, Any]] = field(default_factory=list)
    groups: dict[str, int] = field(default_factory=dict)
    pixel_sizes_angstrom: dict[str, float] = field(default_factory=dict)
    defocus_angstrom: dict[str, float] = field(default_factory=dict)

    def with_optics(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return a table in which each row has the optics group of its micrograph.

        Parameters
        ----------
        table
            Column ``micrograph`` with the names of this list.

        Returns
        -------
        DataFrame
            The rows with ``rlnOpticsGroup``, and the optics groups in ``attrs["optics"]``, which
            are written with the table as STAR. The same table if the list has no optics groups.
        """
        if not self.optics or not self.groups:
            return table
        groups = table["micrograph"].map(self.groups).fillna(1).astype(int)
        table = table.assign(rlnOpticsGroup=groups)
        table.attrs["optics"] = [dict(group) for group in self.optics]
        return table


def read_relion_micrographs(path: str | os.PathLike[str]) -> RelionMicrographs:
    """Read ``micrographs.star``, ``micrographs_ctf.star`` or a file of particles.

    Lists of RELION 3.0, 3.1 and later are read.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    TableError
        If the file cannot be read or has no column ``rlnMicrographName``, and for lists of movies
        and of tilt series.
    """
    path = Path(path)
    blocks = read_blocks(read_utf8(path), path)
    _refuse_others(blocks, path)
    found = [block for block in blocks if _NAME in block.columns]
    if not found:
        raise TableError(f"{path}: no column {_NAME}, so this is not a list of micrographs")
    frame = found[0].frame(path).drop_duplicates(_NAME)
    names = [str(name) for name in frame[_NAME]]
    optics = next((_records(block, path) for block in blocks if block.name == "optics"), [])
    groups: dict[str, int] = {}
    if _GROUP in frame and pd.api.types.is_integer_dtype(frame[_GROUP]):
        groups = dict(zip(names, frame[_GROUP].tolist(), strict=True))
    sizes = {**_sizes_of_groups(optics, groups), **_sizes_of_rows(frame, names)}
    return RelionMicrographs(path, tuple(names), optics, groups, sizes, _defocus(frame, names))


def _refuse_others(blocks: list[Block], path: Path) -> None:
    for block in blocks:
        tilts = [name for name in block.columns if name.startswith("rlnTomo")]
        if tilts:
            refuse_tomogram(path, f"images of tilt series ({tilts[0]})", block.line)
    columns = {name for block in blocks for name in block.columns}
    if "rlnMicrographMovieName" in columns and _NAME not in columns:
        raise TableError(
            f"{path}: this is a list of movies; run motion correction first and give its list of "
            "micrographs, such as MotionCorr/job002/corrected_micrographs.star"
        )


def _sizes_of_groups(optics: list[dict[str, Any]], groups: dict[str, int]) -> dict[str, float]:
    sizes: dict[Any, float] = {}
    for group in optics:
        size = next((group[name] for name in _PIXEL_SIZES if _is_size(group.get(name))), None)
        if size is not None:
            sizes[group.get(_GROUP)] = float(size)
    return {name: sizes[number] for name, number in groups.items() if number in sizes}


def _sizes_of_rows(frame: pd.DataFrame, names: list[str]) -> dict[str, float]:
    """Return the pixel sizes in the rows, as written by RELION 3.0."""
    column = next((name for name in _PIXEL_SIZES if name in frame), None)
    if column is not None:
        values = frame[column].tolist()
    elif {"rlnDetectorPixelSize", "rlnMagnification"} <= set(frame):
        values = magnified_pixel_size(
            frame["rlnDetectorPixelSize"], frame["rlnMagnification"]
        ).tolist()
    else:
        return {}
    return {n: float(v) for n, v in zip(names, values, strict=True) if _is_size(v)}


def magnified_pixel_size(
    detector_pixel_um: pd.Series, magnification: pd.Series
) -> npt.NDArray[np.float64]:
    """Return pixel sizes in Å from the columns of RELION 3.0, ``(n,)``.

    Parameters
    ----------
    detector_pixel_um
        ``rlnDetectorPixelSize``, micrometres, ``(n,)``.
    magnification
        ``rlnMagnification``, ``(n,)``.

    Returns
    -------
    ndarray
        Rounded to six decimals; NaN if a value is not a number above 0.
    """
    both = (detector_pixel_um, magnification)
    pixel, times = (to_numbers(values).to_numpy(np.float64) for values in both)
    known = (pixel > 0) & (times > 0) & np.isfinite(pixel) & np.isfinite(times)
    sizes = np.full(len(pixel), np.nan)
    sizes[known] = np.round(1e4 * pixel[known] / times[known], 6)
    return sizes


def _defocus(frame: pd.DataFrame, names: list[str]) -> dict[str, float]:
    axes = [name for name in _DEFOCUS if name in frame]
    if not axes:
        return {}
    values = frame[axes].apply(to_numbers).to_numpy(float).mean(axis=1)
    return {n: float(v) for n, v in zip(names, values, strict=True) if math.isfinite(v)}


def _is_size(value: object) -> bool:
    return isinstance(value, Real) and 0 < float(value) < math.inf


def _records(block: Block, path: Path) -> list[dict[str, Any]]:
    return [
        {str(key): value for key, value in record.items()}
        for record in block.frame(path).to_dict("records")
    ]

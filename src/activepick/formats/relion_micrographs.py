"""The micrographs of a RELION project: exact names and optics groups."""

import math
from dataclasses import dataclass, field
from numbers import Real
from pathlib import Path
from typing import Any

import pandas as pd

from activepick.errors import TableError
from activepick.formats.star.grammar import Block, read_blocks
from activepick.formats.text import read_utf8

__all__ = ["RelionMicrographs", "read_micrograph_names", "read_relion_micrographs"]


@dataclass(frozen=True)
class RelionMicrographs:
    """What ``micrographs.star`` or ``micrographs_ctf.star`` says.

    Attributes
    ----------
    path
        The file.
    names
        Names of the micrographs, by exactly which RELION finds picks.
    optics
        The optics block, a dict for each group; empty before RELION 3.1.
    groups
        Number of the optics group of each name, where there is one.
    pixel_sizes_angstrom
        Å per pixel of each name, where its row or its optics group says it.
    """

    path: Path
    names: tuple[str, ...]
    optics: list[dict[str, Any]] = field(default_factory=list)
    groups: dict[str, int] = field(default_factory=dict)
    pixel_sizes_angstrom: dict[str, float] = field(default_factory=dict)

    def with_optics(self, table: pd.DataFrame) -> pd.DataFrame:
        """Give the rows the optics group of their micrograph, whose names are in the list already.

        A table that is written as STAR carries these optics then.
        """
        if not self.optics or not self.groups:
            return table
        groups = table["micrograph"].map(self.groups).fillna(1).astype(int)
        table = table.assign(rlnOpticsGroup=groups)
        table.attrs["optics"] = [dict(group) for group in self.optics]
        return table


def read_relion_micrographs(path: Path) -> RelionMicrographs:
    """Read ``micrographs.star``, ``micrographs_ctf.star`` or a file of particles.

    Raises
    ------
    TableError
        When there is no column ``rlnMicrographName``.
    """
    path = Path(path)
    blocks = read_blocks(read_utf8(path), path)
    found = [block for block in blocks if "rlnMicrographName" in block.columns]
    if not found:
        raise TableError(f"{path}: no column rlnMicrographName, so this is no list of micrographs")
    frame = found[0].frame(path).drop_duplicates("rlnMicrographName")
    names = [str(name) for name in frame["rlnMicrographName"]]
    optics = next((_records(block, path) for block in blocks if block.name == "optics"), [])
    groups: dict[str, int] = {}
    if "rlnOpticsGroup" in frame and pd.api.types.is_integer_dtype(frame["rlnOpticsGroup"]):
        groups = dict(zip(names, frame["rlnOpticsGroup"].tolist(), strict=True))
    sizes = {**_sizes_of_groups(optics, groups), **_sizes_of_rows(frame, names)}
    return RelionMicrographs(path, tuple(names), optics, groups, sizes)


def read_micrograph_names(path: Path) -> list[str]:
    """Give the names in ``micrographs.star``, ``micrographs_ctf.star`` or a file of particles.

    RELION finds picks by exactly these strings.

    Raises
    ------
    TableError
        When there is no column ``rlnMicrographName``.
    """
    return list(read_relion_micrographs(path).names)


def _sizes_of_groups(optics: list[dict[str, Any]], groups: dict[str, int]) -> dict[str, float]:
    sizes = {
        group.get("rlnOpticsGroup"): float(group["rlnMicrographPixelSize"])
        for group in optics
        if _is_size(group.get("rlnMicrographPixelSize"))
    }
    return {name: sizes[number] for name, number in groups.items() if number in sizes}


def _sizes_of_rows(frame: pd.DataFrame, names: list[str]) -> dict[str, float]:
    """Give the pixel sizes that stand in the rows, as RELION 3.0 has them."""
    if "rlnMicrographPixelSize" in frame:
        values = frame["rlnMicrographPixelSize"].tolist()
    elif {"rlnDetectorPixelSize", "rlnMagnification"} <= set(frame):
        both = zip(frame["rlnDetectorPixelSize"], frame["rlnMagnification"], strict=True)
        # Detector pixels are in micrometres.
        values = [
            round(1e4 * float(pixel) / float(times), 6)
            if _is_size(pixel) and _is_size(times)
            else None
            for pixel, times in both
        ]
    else:
        return {}
    return {n: float(v) for n, v in zip(names, values, strict=True) if _is_size(v)}


def _is_size(value: object) -> bool:
    return isinstance(value, Real) and 0 < float(value) < math.inf


def _records(block: Block, path: Path) -> list[dict[str, Any]]:
    return [
        {str(key): value for key, value in record.items()}
        for record in block.frame(path).to_dict("records")
    ]

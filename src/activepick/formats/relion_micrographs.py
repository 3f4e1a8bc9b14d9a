"""The micrographs of a RELION project: exact names and optics groups."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from activepick.errors import TableError
from activepick.formats.star_text import Block, read_blocks
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
    """

    path: Path
    names: tuple[str, ...]
    optics: list[dict[str, Any]] = field(default_factory=list)
    groups: dict[str, int] = field(default_factory=dict)

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
    return RelionMicrographs(path, tuple(names), optics, groups)


def read_micrograph_names(path: Path) -> list[str]:
    """Give the names in ``micrographs.star``, ``micrographs_ctf.star`` or a file of particles.

    RELION finds picks by exactly these strings.

    Raises
    ------
    TableError
        When there is no column ``rlnMicrographName``.
    """
    return list(read_relion_micrographs(path).names)


def _records(block: Block, path: Path) -> list[dict[str, Any]]:
    return [
        {str(key): value for key, value in record.items()}
        for record in block.frame(path).to_dict("records")
    ]

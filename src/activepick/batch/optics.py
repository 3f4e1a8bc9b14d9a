"""Copy RELION's optics groups from lists of micrographs to tables of picks."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from activepick.batch.record import Entry
from activepick.formats import RelionMicrographs

__all__ = ["OpticsGroups"]

_NUMBER, _NAME, _SIZE = "rlnOpticsGroup", "rlnOpticsGroupName", "rlnMicrographPixelSize"


@dataclass
class OpticsGroups:
    """Groups of micrographs that were recorded with the same settings.

    Attributes
    ----------
    records
        Rows of RELION's optics block, one dict for each group. The numbers of the lists are kept if
        possible.
    of
        Number of the group by name of the micrograph.
    """

    records: list[dict[str, Any]] = field(default_factory=list)
    of: dict[str, int] = field(default_factory=dict)

    def add(self, star: RelionMicrographs) -> None:
        """Add the groups of a list; a number that is used by another group is replaced."""
        new_number = {}
        for record in star.optics:
            number = record.get(_NUMBER)
            if not isinstance(number, int):
                continue
            facts = {k: v for k, v in record.items() if k != _NUMBER}
            same = [r[_NUMBER] for r in self.records if {**facts, _NUMBER: r[_NUMBER]} == r]
            taken = {r[_NUMBER] for r in self.records}
            new_number[number] = same[0] if same else _free(number, taken)
            if not same:
                self.records.append({_NUMBER: new_number[number], **facts})
        for name, number in star.groups.items():
            if number in new_number:
                self.of.setdefault(name, new_number[number])

    def completed(self, entries: Sequence[Entry]) -> "OpticsGroups":
        """Return groups for all micrographs; those without one are grouped by their pixel size.

        Parameters
        ----------
        entries
            The micrographs, with the pixel size with which each was picked.
        """
        records = [dict(record) for record in self.records]
        of = {entry.name: self.of[entry.name] for entry in entries if entry.name in self.of}
        made: dict[float, int] = {}
        for entry in entries:
            if entry.name in of:
                continue
            size = entry.pixel_size_angstrom
            if size not in made:
                number = made[size] = _free(1, {record[_NUMBER] for record in records})
                name = f"opticsGroup{number}"
                records.append({_NUMBER: number, _NAME: name, _SIZE: size})
            of[entry.name] = made[size]
        sizes: dict[int, set[float]] = {}
        for entry in entries:
            sizes.setdefault(of[entry.name], set()).add(entry.pixel_size_angstrom)
        for record in records:
            used = sizes.get(record[_NUMBER], set())
            # The list may have another pixel size than the one used for picking (--pixel-size).
            if len(used) == 1 and record.get(_SIZE) not in used:
                record[_SIZE] = next(iter(used))
        return OpticsGroups(records, of)

    def mark(self, table: pd.DataFrame, name: str) -> pd.DataFrame:
        """Return the picks of a micrograph with a column for their group, and all groups."""
        table = table.assign(**{_NUMBER: self.of[name]})
        table.attrs["optics"] = self.records
        return table


def _free(number: int, taken: set[int]) -> int:
    while number in taken:
        number += 1
    return number

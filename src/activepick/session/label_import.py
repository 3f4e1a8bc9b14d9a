"""Labels from a table, taken into a session without merging anything silently."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from activepick.errors import TableError
from activepick.formats.names import match_names

if TYPE_CHECKING:
    import pandas as pd

    from activepick.session.model.state import Label

__all__ = ["Conflict", "ImportReport", "Place", "named_groups", "sort_out"]

Floats = NDArray[np.float64]
# Micrograph, x, y, answer.
Place = tuple[int, float, float, int]


@dataclass(frozen=True)
class Conflict:
    """A row of a table that says the opposite of something else.

    Attributes
    ----------
    micrograph
        Its number.
    x, y
        Of the row, original pixels.
    target
        What the row says.
    label
        `id` of the label that says the opposite; None where another row of the table does.
    """

    micrograph: int
    x: float
    y: float
    target: int
    label: int | None


@dataclass(frozen=True)
class ImportReport:
    """What became of the rows of a table.

    Attributes
    ----------
    added
        Ids of the new labels.
    duplicates
        How many rows said what was said already.
    conflicts
        Rows that were not taken because something else says the opposite.
    replaced
        Ids of labels that had to give way to rows.
    unmatched
        Names in the table that no micrograph has, or that could mean several, with the number of
        their rows.
    open
        How many rows have no answer, and were left out.
    """

    added: Sequence[int]
    duplicates: int
    conflicts: Sequence[Conflict]
    replaced: Sequence[int]
    unmatched: Mapping[str, int]
    open: int

    def __str__(self) -> str:
        parts = [f"{len(self.added)} labels were added."]
        if self.replaced:
            parts.append(f"{len(self.replaced)} labels that said the opposite were removed.")
        if self.duplicates:
            parts.append(f"{self.duplicates} were there already.")
        if self.conflicts:
            parts.append(
                f"{len(self.conflicts)} were not taken, as a label beside them says the opposite."
            )
        if self.unmatched:
            some = ", ".join(list(self.unmatched)[:3])
            parts.append(
                f"{sum(self.unmatched.values())} belong to micrographs that are not in this "
                f"session ({some})."
            )
        if self.open:
            parts.append(f"{self.open} have no answer.")
        return " ".join(parts)


def named_groups(
    table: "pd.DataFrame", names: Mapping[int, str], given: Mapping[str, int]
) -> tuple[dict[int, list[Place]], dict[str, int], int]:
    """Find the micrograph of each row.

    Parameters
    ----------
    table
        Columns ``micrograph, x, y`` and optionally ``label``; without it all are particles.
    names
        Of the session's micrographs, by number.
    given
        Micrographs of names in the table that somebody assigned.

    Returns
    -------
    places : dict
        By micrograph.
    unmatched : dict
        Number of rows by name.
    open : int
        How many rows have no answer.

    Raises
    ------
    TableError
        When a column is missing.
    """
    missing = [name for name in ("micrograph", "x", "y") if name not in table]
    if missing:
        raise TableError(f"The table of labels has no column {' and '.join(missing)}.")
    listed = [str(name) for name in table["micrograph"]]
    matched = match_names((name for name in listed if name not in given), names.values())
    numbers = {name: number for number, name in names.items()}
    meant = {**{name: numbers[own] for name, own in matched.items()}, **given}
    answers = (
        table["label"].to_numpy(dtype=float, na_value=np.nan)
        if "label" in table
        else np.ones(len(table))
    )
    places: dict[int, list[Place]] = {}
    unmatched: dict[str, int] = {}
    for name, x, y, answer in zip(
        listed, table["x"].tolist(), table["y"].tolist(), answers.tolist(), strict=True
    ):
        if name not in meant:
            unmatched[name] = unmatched.get(name, 0) + 1
        elif answer in (0, 1):
            number = meant[name]
            places.setdefault(number, []).append((number, float(x), float(y), int(answer)))
    open_rows = len(listed) - sum(unmatched.values()) - sum(map(len, places.values()))
    return places, unmatched, open_rows


def sort_out(
    places: Iterable[Place], labels: Sequence["Label"], reach_px: float, replace: bool
) -> tuple[list[Place], list[Conflict], set[int], int]:
    """Compare the rows of one micrograph with its labels, and with each other.

    Parameters
    ----------
    places
        The rows.
    labels
        The answered marks of the micrograph.
    reach_px
        What lies closer together is the same place.
    replace
        Whether rows win against labels.

    Returns
    -------
    taken : list
        Rows to be added.
    conflicts : list
        Rows that say the opposite of something and are not taken.
    replaced : set
        Ids of the labels to be removed.
    duplicates : int
        How many rows say what is said already.
    """
    rows = list(places)
    conflicts: list[Conflict] = []
    taken: list[Place] = []
    replaced: set[int] = set()
    duplicates = 0
    at = np.array([row[1:3] for row in rows]).reshape(-1, 2)
    xy = np.array([(label.x, label.y) for label in labels]).reshape(-1, 2)
    for k, row in enumerate(rows):
        beside = np.flatnonzero(_gaps(at, row) < reach_px).tolist()
        near = [label for label, gap in zip(labels, _gaps(xy, row), strict=True) if gap < reach_px]
        against = [label.id for label in near if (label.target == 1) != (row[3] == 1)]
        if any(rows[j][3] != row[3] for j in beside):
            conflicts.append(Conflict(*row, None))
        elif against and not replace:
            conflicts.append(Conflict(*row, against[0]))
        elif (near and not against) or beside[0] < k:
            duplicates += 1
        else:
            taken.append(row)
            replaced.update(against)
    return taken, conflicts, replaced, duplicates


def _gaps(xy: Floats, row: Place) -> Floats:
    return np.asarray(np.hypot(xy[:, 0] - row[1], xy[:, 1] - row[2]))

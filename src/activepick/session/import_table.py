"""Compare tables of other programs with the labels of a session."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from activepick.errors import TableError
from activepick.formats.kind_columns import KIND_NAME_COLUMN
from activepick.formats.names import match_names
from activepick.formats.outside import Outside, leave_out_outside
from activepick.formats.values import label_weights
from activepick.scoremap import SAME_POSITION
from activepick.session.model.settings import Settings
from activepick.session.model.state import Label
from activepick.wording import counted

if TYPE_CHECKING:
    import pandas as pd

    from activepick.micrograph import Micrograph

__all__ = [
    "Conflict",
    "ImportReport",
    "MatchedRows",
    "Row",
    "RowComparison",
    "compare",
    "find_micrographs",
    "same_position_px",
]

Floats = NDArray[np.float64]


class Row(NamedTuple):
    """A row of a table whose micrograph is known.

    Attributes
    ----------
    micrograph
        Number of the micrograph.
    x, y
        Position in original pixels.
    target
        1 particle or the number of its kind, 0 not a particle.
    weight
        As in `Label`.
    """

    micrograph: int
    x: float
    y: float
    target: int
    weight: float = 1.0


@dataclass(frozen=True)
class Conflict:
    """A row that contradicts a label or another row at the same position.

    Attributes
    ----------
    micrograph, x, y, target
        As in `Row`.
    label
        `id` of the label; None for another row of the table.
    """

    micrograph: int
    x: float
    y: float
    target: int
    label: int | None


@dataclass(frozen=True)
class ImportReport:
    """The result of an import.

    Attributes
    ----------
    added
        Ids of the new labels.
    duplicates
        Number of rows at the position of a label with the same target.
    conflicts
        Rows that were not added because a label or row at the same position contradicts them.
    replaced
        Ids of labels that were removed in favour of rows.
    unmatched
        Names in the table that match no micrograph or several, with the number of their rows.
    open
        Number of rows without a label, or of a kind of particle that the session does not have,
        which were left out.
    """

    added: Sequence[int]
    duplicates: int
    conflicts: Sequence[Conflict]
    replaced: Sequence[int]
    unmatched: Mapping[str, int]
    open: int

    def __str__(self) -> str:
        parts = [counted(len(self.added), "label was added.", "labels were added.")]
        if self.replaced:
            parts.append(
                counted(
                    len(self.replaced),
                    "contradicting label was",
                    "contradicting labels were",
                )
                + " removed."
            )
        if self.duplicates:
            parts.append(f"{self.duplicates} existed already.")
        if self.conflicts:
            were = counted(len(self.conflicts), "was not added", "were not added")
            parts.append(f"{were}, since a contradicting label is close.")
        if self.unmatched:
            some = ", ".join(list(self.unmatched)[:3])
            belong = counted(
                sum(self.unmatched.values()),
                "belongs to a micrograph that is",
                "belong to micrographs that are",
            )
            parts.append(f"{belong} not in this session ({some}).")
        if self.open:
            unknown = "label, or a kind that this session does not have."
            parts.append(counted(self.open, f"has no {unknown}", f"have no {unknown}"))
        return " ".join(parts)


@dataclass(frozen=True)
class MatchedRows:
    """Rows of a table, grouped by micrograph.

    Attributes
    ----------
    rows
        By the number of the micrograph.
    unmatched, open
        As in `ImportReport`.
    """

    rows: Mapping[int, Sequence[Row]]
    unmatched: Mapping[str, int]
    open: int


def find_micrographs(
    table: "pd.DataFrame",
    names: Mapping[int, str],
    given: Mapping[str, int],
    shape_of: Callable[[int], tuple[int, int]],
    *,
    kinds: Mapping[str, int] = MappingProxyType({}),
    source: str | os.PathLike[str] = "the table",
    outside: Outside = "drop",
) -> MatchedRows:
    """Find the micrograph of each row; rows outside of their micrographs are left out.

    Parameters
    ----------
    table
        Columns ``micrograph, x, y`` and optionally ``label``, without which all rows are particles,
        and ``label_weight``.
    names
        Names of the session's micrographs, by number.
    given
        Numbers of micrographs that the user assigned to names in the table.
    shape_of
        Function that returns the height and width in pixels of the micrograph with a number.
    kinds
        Numbers of kinds of particles by name. The column ``class`` has the names.
    source
        The file or folder of the table, for messages.
    outside
        Whether rows outside of their micrographs are left out with a warning, or raise an error.

    Raises
    ------
    TableError
        If a column is missing or a weight is invalid, and as
        `activepick.formats.outside.leave_out_outside`.
    ActivepickError
        If a micrograph of the table cannot be read.
    """
    missing = [name for name in ("micrograph", "x", "y") if name not in table]
    if missing:
        raise TableError(f"The table of labels has no column {' and '.join(missing)}.")
    listed = dict.fromkeys(str(name) for name in table["micrograph"])
    matched = match_names((name for name in listed if name not in given), names.values())
    numbers = {name: number for number, name in names.items()}
    meant = {**{name: numbers[own] for name, own in matched.items()}, **given}
    shapes = {name: shape_of(meant[name]) for name in listed if name in meant}
    table = leave_out_outside(table, shapes, source=source, outside=outside)
    targets = (
        table["label"].to_numpy(dtype=float, na_value=np.nan)
        if "label" in table
        else np.ones(len(table))
    )
    weights = label_weights(table)
    known_kinds = _kinds(table, kinds)
    rows: dict[int, list[Row]] = {}
    unmatched: dict[str, int] = {}
    open_rows = 0
    for name, x, y, target, weight, kind in zip(
        table["micrograph"].astype(str).tolist(),
        table["x"].tolist(),
        table["y"].tolist(),
        targets.tolist(),
        weights.tolist(),
        known_kinds,
        strict=True,
    ):
        if name not in meant:
            unmatched[name] = unmatched.get(name, 0) + 1
        elif target == 0 or (target == 1 and kind is not None):
            number = meant[name]
            own = kind if target and kind is not None else 0
            row = Row(number, float(x), float(y), own, weight)
            rows.setdefault(number, []).append(row)
        else:
            open_rows += 1
    return MatchedRows(rows, unmatched, open_rows)


def _kinds(table: "pd.DataFrame", kinds: Mapping[str, int]) -> list[int | None]:
    """Return the number of the kind of each row; None if the session does not have the kind."""
    if not kinds or KIND_NAME_COLUMN not in table:
        return [1] * len(table)
    return [kinds.get(name.strip()) for name in table[KIND_NAME_COLUMN].astype(str)]


def same_position_px(micrograph: "Micrograph", settings: Settings) -> float:
    """Return the distance in original pixels below which two positions count as the same.

    Parameters
    ----------
    micrograph
        The micrograph of the rows.
    settings
        With the particle diameter.

    Raises
    ------
    ActivepickError
        If the micrograph cannot be read or has no pixel size.
    """
    return SAME_POSITION * micrograph.radius_px(settings.diameter_angstrom)


@dataclass(frozen=True)
class RowComparison:
    """Result of the comparison of the rows and labels of one micrograph.

    Attributes
    ----------
    added
        Rows to add.
    conflicts
        As in `ImportReport`.
    replaced
        Ids of labels to remove.
    duplicates
        As in `ImportReport`.
    """

    added: Sequence[Row]
    conflicts: Sequence[Conflict]
    replaced: set[int]
    duplicates: int


def compare(
    rows: Sequence[Row], marks: Iterable[Label], reach_px: float, replace: bool
) -> RowComparison:
    """Compare the rows of one micrograph with its labels and with each other.

    Parameters
    ----------
    rows
        The rows.
    marks
        The marks of the micrograph; skipped positions are ignored.
    reach_px
        Distance in original pixels below which two positions count as the same.
    replace
        Whether rows replace labels that contradict them.
    """
    labels = [mark for mark in marks if mark.target is not None]
    conflicts: list[Conflict] = []
    added: list[Row] = []
    replaced: set[int] = set()
    duplicates = 0
    row_xy = np.array([(row.x, row.y) for row in rows]).reshape(-1, 2)
    label_xy = np.array([(label.x, label.y) for label in labels]).reshape(-1, 2)
    for k, row in enumerate(rows):
        beside = np.flatnonzero(_distances(row_xy, row) < reach_px).tolist()
        near = [labels[i] for i in np.flatnonzero(_distances(label_xy, row) < reach_px)]
        against = [label.id for label in near if label.particle_kind != row.target]
        if any(rows[j].target != row.target for j in beside):
            conflicts.append(Conflict(row.micrograph, row.x, row.y, row.target, None))
        elif against and not replace:
            conflicts.append(Conflict(row.micrograph, row.x, row.y, row.target, against[0]))
        elif (near and not against) or beside[0] < k:
            duplicates += 1
        else:
            added.append(row)
            replaced.update(against)
    return RowComparison(added, conflicts, replaced, duplicates)


def _distances(xy: Floats, row: Row) -> Floats:
    return np.asarray(np.hypot(xy[:, 0] - row.x, xy[:, 1] - row.y))

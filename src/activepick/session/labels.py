"""The labels of a session."""

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from activepick.session.action_log import ActionLog
from activepick.session.micrographs import Micrographs
from activepick.session.model import actions as a
from activepick.session.model.state import (
    EMPTY,
    NOT_A_PARTICLE,
    Label,
    Position,
    Question,
    Source,
    Target,
)

if TYPE_CHECKING:
    import pandas as pd

    from activepick.formats.outside import Outside
    from activepick.session.import_table import ImportReport

__all__ = ["Labels"]

# Names of classes in tables, as `activepick prune --labels` takes them.
PARTICLE_NAME, JUNK_NAME, EMPTY_NAME = "particle", "contamination", "empty"


class Labels:
    """Adds, changes, removes and imports the labels of a session.

    The labels themselves are in `SessionState.labels` and `SessionState.marks`. Positions are in
    original pixels. Methods raise the errors of `Session.do`.

    Parameters
    ----------
    log
        The session.
    micrographs
        Its micrographs.
    """

    def __init__(self, log: ActionLog, micrographs: Micrographs) -> None:
        self._log = log
        self._micrographs = micrographs

    def add(
        self,
        micrograph: int,
        xy: Iterable[Sequence[float]],
        target: Target,
        source: Source = "click",
    ) -> list[int]:
        """Add labels with one target to a micrograph and return their ids.

        Parameters
        ----------
        micrograph
            Its number.
        xy
            Positions as (x, y).
        target
            1 particle or the number of its kind, 0 not a particle, -1 carbon or empty ice, None
            skipped.
        source
            Origin of the positions.
        """
        return self.add_positions([(micrograph, x, y) for x, y in xy], target, source)

    def add_positions(
        self, positions: Iterable[Position], target: Target, source: Source = "click"
    ) -> list[int]:
        """Add labels with one target to any micrographs and return their ids.

        Parameters
        ----------
        positions
            As (micrograph, x, y).
        target, source
            As in `add`.
        """
        with self._log.exclusive():
            labels = self._new([(position, target) for position in positions], source)
            if labels:
                self._log.do(a.AddLabels(labels=labels))
        return [label.id for label in labels]

    def add_patch(
        self,
        micrograph: int,
        xy: Iterable[Sequence[float]],
        targets: Iterable[int],
        weight: float = 1.0,
        reach: float = 0.0,
    ) -> list[int]:
        """Add the labels of a confirmed patch in one action, and return their ids.

        An open question at the position of a label is answered by it, and is not asked again.

        Parameters
        ----------
        micrograph
            Its number.
        xy
            Positions as (x, y).
        targets
            1 or the number of its kind for each particle, 0 for each non-particle.
        weight
            Weight of each label in the training, from above 0 to 1.
        reach
            Largest distance of a question from its label, in pixels.
        """
        with self._log.exclusive():
            rows: list[tuple[Position, Target]] = [
                ((micrograph, x, y), target) for (x, y), target in zip(xy, targets, strict=True)
            ]
            # Questions of an audit stay open, since its sample has to be complete.
            asked = [
                one
                for one in self._log.state.questions
                if one.micrograph == micrograph and one.purpose == "learn"
            ]
            labels = _answering(asked, self._new(rows, "patch", weight), reach)
            if labels:
                self._log.do(a.AddLabels(labels=labels))
        return [label.id for label in labels]

    def replace(
        self,
        ids: Iterable[int],
        micrograph: int,
        xy: Iterable[Sequence[float]],
        target: Target,
        source: Source = "click",
    ) -> list[int]:
        """Replace labels by others with one target in one action, and return the new ids.

        Parameters
        ----------
        ids
            Ids of the labels to remove.
        micrograph, xy, target, source
            As in `add`.
        """
        with self._log.exclusive():
            labels = self._new([((micrograph, x, y), target) for x, y in xy], source)
            self._log.do(a.ReplaceLabels(ids=tuple(ids), labels=labels))
        return [label.id for label in labels]

    def answer_class(
        self, class_id: str, positions: Iterable[Position], target: Target, weight: float
    ) -> list[int]:
        """Label a sample of a class of picks in one action, and return the ids of the labels.

        Labels from an earlier answer to this class are removed in the same action. The answers to
        all classes are in `SessionState.class_answers`.

        Parameters
        ----------
        class_id
            The class; not empty, and at most 64 characters.
        positions
            Members of the class, as (micrograph, x, y); without any, the earlier answer is removed.
        target
            1 particles or the number of their kind, 0 not particles, -1 carbon or empty ice.
        weight
            Weight of each label, from above 0 to 1.
        """
        with self._log.exclusive():
            state = self._log.state
            before = tuple(i for i, mark in state.marks.items() if mark.class_id == class_id)
            rows = [(position, target) for position in positions]
            labels = self._new(rows, "class", weight, class_id)
            if before:
                self._log.do(a.ReplaceLabels(ids=before, labels=labels))
            elif labels:
                self._log.do(a.AddLabels(labels=labels))
        return [label.id for label in labels]

    def skip(self, micrograph: int, xy: Iterable[Sequence[float]]) -> list[int]:
        """Mark positions as skipped, so that they are not asked again, and return their ids.

        Parameters
        ----------
        micrograph, xy
            As in `add`.
        """
        return self.add(micrograph, xy, None)

    def remove(self, ids: Iterable[int]) -> int:
        """Remove labels by id and return the number of the action."""
        return self._log.do(a.RemoveLabels(ids=tuple(ids)))

    def move(self, label: int, x: float, y: float) -> int:
        """Move a label to a position and return the number of the action."""
        return self.move_many([(label, x, y)])

    def move_many(self, moves: Iterable[tuple[int, float, float]]) -> int:
        """Move labels, given as (id, x, y), in one action and return its number."""
        wanted = tuple(a.Move(id=i, x=float(x), y=float(y)) for i, x, y in moves)
        return self._log.do(a.MoveLabels(moves=wanted))

    def reclass(self, ids: Iterable[int], target: Target) -> int:
        """Change the target of labels and return the number of the action."""
        return self._log.do(a.ReclassLabels(ids=tuple(ids), target=target))

    def clear(self, micrograph: int | None = None) -> int:
        """Remove all labels and skipped positions of one micrograph, or of all.

        Parameters
        ----------
        micrograph
            Its number; None for all.

        Returns
        -------
        int
            The number of the action.
        """
        return self._log.do(a.ClearLabels(micrograph=micrograph))

    def table(self) -> "pd.DataFrame":
        """Return all labels as a table.

        Returns
        -------
        DataFrame
            Columns ``micrograph, x, y, label`` (1 particle, 0 not a particle). If any label is
            carbon or empty ice, or there are kinds of particles, there is a column ``class`` with
            "particle" or the name of the kind, "contamination" or "empty". With kinds, there is a
            column ``rlnClassNumber`` with the number of the kind, or 0. If any label has a weight
            below 1, there is a column ``label_weight``.
        """
        import pandas as pd

        from activepick.formats.kind_columns import KIND_COLUMN, KIND_NAME_COLUMN
        from activepick.formats.values import LABEL_WEIGHT

        state = self._log.state
        names, labels = state.names, state.labels.values()
        rows = [
            (names[label.micrograph], label.x, label.y, int(label.is_particle)) for label in labels
        ]
        table = pd.DataFrame(rows, columns=["micrograph", "x", "y", "label"])
        table = table.astype({"micrograph": str, "x": float, "y": float, "label": int})
        kinds = state.settings.kind_names
        if kinds or any(label.target == EMPTY for label in labels):
            classes = {1: PARTICLE_NAME, NOT_A_PARTICLE: JUNK_NAME, EMPTY: EMPTY_NAME, **kinds}
            found = (classes.get(label.target or 0, PARTICLE_NAME) for label in labels)
            table[KIND_NAME_COLUMN] = list(found)
        if kinds:
            table[KIND_COLUMN] = [label.particle_kind for label in labels]
        if any(label.weight < 1 for label in labels):
            table[LABEL_WEIGHT] = [label.weight for label in labels]
        return table

    def import_table(
        self,
        table: "pd.DataFrame",
        names: Mapping[str, int] | None = None,
        conflicts: Literal["keep", "replace"] = "keep",
        *,
        source: str | os.PathLike[str] = "the table",
        outside: "Outside" = "drop",
    ) -> "ImportReport":
        """Add labels from a table, and report duplicates and conflicts.

        Two positions within half a particle radius are the same. A row at the position of a label
        or of another row is a duplicate if the classes are equal and a conflict otherwise; neither
        is added.

        Parameters
        ----------
        table
            Columns ``micrograph, x, y`` (original pixels) and optionally ``label``, without which
            all rows are particles, and ``label_weight``. In a session with kinds of particles, the
            column ``class`` names the kind of each particle; without this column, all particles
            are of the first kind.
        names
            Numbers of micrographs for names in the table that match no file. Other names are
            matched automatically.
        conflicts
            "keep" keeps labels that conflict with rows; "replace" removes them and adds the rows,
            in the same action. Rows that conflict with each other are never added.
        source
            The file or folder of the table, for messages.
        outside
            Whether rows outside of their micrographs are left out with a warning, or raise an
            error; see
            `activepick.formats.outside`.

        Raises
        ------
        TableError
            If a column is missing, or all positions lie outside of their micrographs.
        ActivepickError
            If a micrograph of the table is missing or has no pixel size, from which the particle
            radius is computed.
        """
        from activepick.session.import_table import (
            ImportReport,
            compare,
            find_micrographs,
            same_position_px,
        )

        state = self._log.state
        found = find_micrographs(
            table,
            state.names,
            names or {},
            lambda number: self._micrographs.open(number).shape,
            kinds=state.settings.kind_numbers,
            source=source,
            outside=outside,
        )
        # Files are read before the log is locked, so that no click waits for a disk.
        reach = {
            number: same_position_px(self._micrographs.open(number), state.settings)
            for number in found.rows
        }
        with self._log.exclusive():
            state = self._log.state
            compared = [
                compare(rows, state.marks_of(number), reach[number], conflicts == "replace")
                for number, rows in found.rows.items()
            ]
            added = [row for one in compared for row in one.added]
            replaced = sorted(i for one in compared for i in one.replaced)
            labels = tuple(
                Label(
                    id=i,
                    micrograph=row.micrograph,
                    x=row.x,
                    y=row.y,
                    target=row.target,
                    source="import",
                    weight=row.weight,
                )
                for i, row in enumerate(added, state.next_id)
            )
            if replaced:
                self._log.do(a.ReplaceLabels(ids=tuple(replaced), labels=labels))
            elif labels:
                self._log.do(a.AddLabels(labels=labels))
        return ImportReport(
            added=[label.id for label in labels],
            duplicates=sum(one.duplicates for one in compared),
            conflicts=[conflict for one in compared for conflict in one.conflicts],
            replaced=replaced,
            unmatched=found.unmatched,
            open=found.open,
        )

    def _new(
        self,
        rows: Iterable[tuple[Position, Target]],
        source: Source,
        weight: float = 1.0,
        class_id: str | None = None,
    ) -> tuple[Label, ...]:
        """Return labels with new ids, which are valid as long as the log is held exclusively."""
        return tuple(
            Label(
                id=i,
                micrograph=m,
                x=float(x),
                y=float(y),
                target=target,
                source=source,
                weight=weight,
                class_id=class_id,
            )
            for i, ((m, x, y), target) in enumerate(rows, self._log.state.next_id)
        )


def _answering(
    questions: Iterable[Question], labels: tuple[Label, ...], reach: float
) -> tuple[Label, ...]:
    """Return labels; the nearest one within reach of each question has the id of the question."""
    answers = {}
    for question in questions:
        free = [i for i in range(len(labels)) if i not in answers]
        apart = {i: math.hypot(labels[i].x - question.x, labels[i].y - question.y) for i in free}
        nearest = min(apart, key=apart.__getitem__, default=None)
        if nearest is not None and apart[nearest] <= reach:
            answers[nearest] = question.id
    return tuple(
        label.model_copy(update={"id": answers[i]}) if i in answers else label
        for i, label in enumerate(labels)
    )

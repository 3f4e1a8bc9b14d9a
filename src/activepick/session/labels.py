"""What can be done to the labels and areas of a session, in one call each."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from pydantic import ValidationError

from activepick.errors import SessionError
from activepick.session.model import actions as a
from activepick.session.model.state import Area, Label, SessionState, Source, Target

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["LabelVerbs"]

# By target, as `activepick prune --labels` takes them.
_CLASSES = ("contamination", "particle", "empty")

# Micrograph, x, y.
Place = tuple[int, float, float]


class LabelVerbs(ABC):
    """Actions on labels by name. Positions are original pixels; errors are those of `do`."""

    _acting: threading.RLock

    @property
    @abstractmethod
    def state(self) -> SessionState:
        """Everything as it is now."""

    @abstractmethod
    def do(self, action: a.Action) -> int:
        """Do an action."""

    def add_labels(
        self,
        micrograph: int,
        xy: Iterable[Sequence[float]],
        target: Target,
        source: Source = "click",
    ) -> list[int]:
        """Add labels of one class to a micrograph; gives their ids."""
        return self.add_places([(micrograph, x, y) for x, y in xy], target, source)

    def add_places(
        self, places: Iterable[Place], target: Target, source: Source = "click"
    ) -> list[int]:
        """Add labels of one class to any micrographs; gives their ids."""
        with self._acting:
            labels = tuple(
                Label(id=i, micrograph=m, x=float(x), y=float(y), target=target, source=source)
                for i, (m, x, y) in enumerate(places, self.state.next_id)
            )
            if labels:
                self.do(a.AddLabels(labels=labels))
        return [label.id for label in labels]

    def skip(self, micrograph: int, xy: Iterable[Sequence[float]]) -> list[int]:
        """Leave places without an answer, and do not ask about them again."""
        return self.add_labels(micrograph, xy, None)

    def remove_labels(self, ids: Iterable[int]) -> int:
        """Remove labels."""
        return self.do(a.RemoveLabels(ids=tuple(ids)))

    def move_label(self, label: int, x: float, y: float) -> int:
        """Move a label."""
        return self.move_labels([(label, x, y)])

    def move_labels(self, moves: Iterable[tuple[int, float, float]]) -> int:
        """Move labels, given as (id, x, y), in one action."""
        wanted = tuple(a.Move(id=i, x=float(x), y=float(y)) for i, x, y in moves)
        return self.do(a.MoveLabels(moves=wanted))

    def reclass_labels(self, ids: Iterable[int], target: Target) -> int:
        """Give labels another answer."""
        return self.do(a.ReclassLabels(ids=tuple(ids), target=target))

    def clear_labels(self, micrograph: int | None = None) -> int:
        """Remove all labels and places left open, of one micrograph or of all."""
        return self.do(a.ClearLabels(micrograph=micrograph))

    def set_areas(self, micrograph: int, polygons: Iterable[Sequence[Sequence[float]]]) -> int:
        """Say what is left out of a micrograph, instead of what was so far.

        Parameters
        ----------
        micrograph
            Its number.
        polygons
            Each a sequence of at least three corners (x, y).

        Raises
        ------
        SessionError
            When there are fewer, or the micrograph is not there.
        """
        try:
            areas = [Area(vertices=tuple((float(x), float(y)) for x, y in p)) for p in polygons]
        except ValidationError:
            raise SessionError("An area needs at least three corners.") from None
        return self.do(a.SetAreas(micrograph=micrograph, areas=tuple(areas)))

    def labels_table(self) -> "pd.DataFrame":
        """Give all labels: columns micrograph, x, y, label (1 particle, 0 not a particle).

        Where somebody told carbon and empty ice apart, a column class has particle, contamination
        (any other junk) and empty.
        """
        import pandas as pd

        names, labels = self.state.names, self.state.labels.values()
        rows = [
            (names[label.micrograph], label.x, label.y, int(label.target == 1)) for label in labels
        ]
        table = pd.DataFrame(rows, columns=["micrograph", "x", "y", "label"])
        table = table.astype({"micrograph": str, "x": float, "y": float, "label": int})
        if any(label.target == 2 for label in labels):
            table["class"] = [_CLASSES[label.target or 0] for label in labels]
        return table

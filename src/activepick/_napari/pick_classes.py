"""Classes of the picks of an open session: averages, members and answers."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QObject, Signal

from activepick._napari.jobs import Jobs
from activepick.progress import Progress
from activepick.session import Session, Settings
from activepick.session.model import actions as a
from activepick.session.model.effects import Change
from activepick.session.model.state import Position, Target
from activepick.workspace.classification import ClassifiedPicks, ClassSummary
from activepick.workspace.workspace import Workspace

__all__ = ["PickClasses"]

_LANE, _ANSWER_LANE = "classes", "class answer"
# The averages are refined by themselves when the number of picks has grown by this factor.
_GROWN = 1.25


class PickClasses(QObject):
    """Average the picks by class in the background, and answer what classes show.

    Parameters
    ----------
    session
        The session.
    workspace
        Computes the classes.
    jobs
        Runs the computation.
    edit
        Called with a function that changes the session; shows errors and returns whether there was
        none.

    Attributes
    ----------
    picks
        Picks with their classes; None until they were computed.
    summaries
        A summary of each class for the present labels.
    selected
        Number of the selected class; None if none is selected.

    Signals
    -------
    changed()
        The classes or their summaries changed.
    selected_changed()
        Another class is selected, or none, or its members changed.
    notified(severity, text)
        There is a message for the user.
    """

    changed = Signal()
    selected_changed = Signal()
    notified = Signal(str, str)

    def __init__(
        self,
        session: Session,
        workspace: Workspace,
        jobs: Jobs,
        edit: Callable[[Callable[[Session], object]], bool],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._jobs, self._edit = session, jobs, edit
        self._workspace = workspace
        self.picks: ClassifiedPicks | None = None
        self.summaries: list[ClassSummary] = []
        self.selected: int | None = None
        self._candidates = False
        # Number of all picks when the classes were computed.
        self._total = 0

    @property
    def busy(self) -> bool:
        """Whether classes are being computed."""
        return self._jobs.busy(_LANE)

    def compute(self, shown: int, total: int, *, again: bool = False) -> None:
        """Average the picks by class; the known classes are refined.

        Parameters
        ----------
        shown
            Number of the shown micrograph, whose picks are among those that are averaged; 0 for
            none.
        total
            Number of the picks of all micrographs.
        again
            Begin with new classes.
        """
        classification, candidates = self._workspace.classification, self._candidates

        def work(progress: Progress) -> ClassifiedPicks:
            return classification.compute(
                progress, shown=shown or None, candidates=candidates, again=again
            )

        self._jobs.run(
            _LANE,
            work,
            lambda picks: self._take(picks, total),
            text="Averaging the picks by class",
        )

    def refine_if_grown(self, shown: int, total: int) -> None:
        """Refine the classes if there are many more picks than before; arguments as `compute`."""
        if self.picks is not None and not self.busy and total >= _GROWN * self._total:
            self.compute(shown, total)

    def set_candidates(self, candidates: bool) -> None:
        """Set whether candidates below the threshold are sorted as well, from now on."""
        self._candidates = candidates

    def select(self, number: int | None) -> None:
        """Select a class by its number, or none."""
        if number != self.selected:
            self.selected = number
            self.selected_changed.emit()

    def members(self) -> NDArray[np.intp]:
        """Return the rows of `picks` that are members of the selected class."""
        if self.picks is None or self.selected is None:
            return np.empty(0, np.intp)
        return self.picks.members(self.selected)

    def members_on(self, micrograph: int) -> NDArray[np.float64]:
        """Return the positions (n, 2) of the members of the selected class on a micrograph."""
        rows = self.members()
        if self.picks is None:
            return np.empty((0, 2))
        return np.asarray(self.picks.xy[rows[self.picks.micrograph[rows] == micrograph]])

    def answer(self, target: Target) -> None:
        """Label a sample of the members of the selected class, in one step.

        Parameters
        ----------
        target
            1 particles, 0 not particles; None removes the answer to this class.
        """
        picks, number = self.picks, self.selected
        if picks is None or number is None:
            return
        classification = self._workspace.classification
        if target is None:
            self._edit(lambda session: classification.answer(picks, number, target, []))
            return
        if self._session.read_only:
            self._edit(lambda session: None)  # tells that it is
            return

        def done(sample: list[Position]) -> None:
            if sample:
                self._edit(lambda session: classification.answer(picks, number, target, sample))
            else:
                self.notified.emit("info", "All members of this class have labels already.")

        self._jobs.run(
            _ANSWER_LANE,
            lambda progress: classification.sample(picks, number, progress),
            done,
            text="Choosing members to label",
        )

    def follow(self, action: a.Action, change: Change | None) -> None:
        """Update the summaries after an action of the session."""
        if isinstance(action, a.SetSettings) and "features" in Settings.affected(action.changes):
            self._clear()
        elif change and self.picks is not None:
            self.summaries = self._workspace.classification.summaries(self.picks)
            self.changed.emit()

    def _take(self, picks: ClassifiedPicks, total: int) -> None:
        known = self.picks is not None and self.picks.run == picks.run
        self.picks, self._total = picks, total
        self.summaries = self._workspace.classification.summaries(picks)
        for notice in self._workspace.notices:
            self.notified.emit("warning", notice)
        self._workspace.notices.clear()
        if not known:
            self.selected = None
        self.changed.emit()
        self.selected_changed.emit()

    def _clear(self) -> None:
        """Forget the classes, which are those of other particles."""
        self._jobs.cancel(_LANE)
        self._jobs.cancel(_ANSWER_LANE)
        self.picks, self.summaries, self.selected = None, [], None
        self.changed.emit()
        self.selected_changed.emit()

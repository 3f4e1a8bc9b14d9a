"""Classes of the picks of an open session: averages, members and answers."""

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QObject, Signal

from activepick._napari.session_access import SessionAccess
from activepick.progress import Progress
from activepick.session import Settings
from activepick.session.model import actions as a
from activepick.session.model.effects import Change
from activepick.session.model.state import Position, Target
from activepick.workspace.class_store import run_of
from activepick.workspace.classification import ClassifiedPicks, ClassSummary

__all__ = ["ClassAnswers"]

_LANE, _ANSWER_LANE, _FILTER_LANE = "classes", "class answer", "class filter"
# The averages are refined automatically when the number of picks has grown by this factor.
_GROWN = 1.25


class ClassAnswers(QObject):
    """Average the picks by class in the background, and label members of classes.

    Parameters
    ----------
    access
        The session. Its workspace computes the classes.

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

    def __init__(self, access: SessionAccess, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session, self._workspace = access.session, access.workspace
        self._jobs, self._edit = access.jobs, access.edit
        self.picks: ClassifiedPicks | None = None
        self.summaries: list[ClassSummary] = []
        self.selected: int | None = None
        self._candidates = False
        # Number of all picks when the classes were computed, and the picks that were left out then.
        self._total, self._left_out = 0, self._session.state.left_out

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
        workspace, candidates = self._workspace, self._candidates

        def work(progress: Progress) -> ClassifiedPicks:
            picks = workspace.classification.compute(
                progress, shown=shown or None, candidates=candidates, again=again
            )
            workspace.class_filter.extend_with(picks)
            return picks

        self._jobs.run(
            _LANE,
            work,
            lambda picks: self._take(picks, total),
            text="Averaging the picks by class",
        )

    def refine_if_grown(self, shown: int, total: int) -> None:
        """Refine the classes if there are many more picks than before; arguments as `compute`."""
        left_out = self._session.state.left_out
        if left_out is not self._left_out:
            # Picks that are left out are averaged as well, so they are not new picks.
            self._total, self._left_out = total, left_out
        elif self.picks is not None and not self.busy and total >= _GROWN * self._total:
            self.compute(shown, total)

    def set_candidates(self, candidates: bool) -> None:
        """Set whether candidates below the threshold are also sorted from now on."""
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
            1 particles or the number of their kind, 0 not particles; None removes the answer to
            this class.
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

    def leave_out(self) -> None:
        """Leave the members of the selected class out of all picks, in one step."""
        picks, number = self.picks, self.selected
        if picks is None or number is None:
            return
        if self._session.read_only:
            self._edit(lambda session: None)  # tells that it is
            return
        class_filter, class_id = self._workspace.class_filter, picks.class_id(number)
        self._jobs.run(
            _FILTER_LANE,
            lambda progress: class_filter.members(picks, number, progress),
            lambda members: self._edit(lambda session: session.left_out.set(class_id, members)),
            text="Sorting the picks of all micrographs",
        )

    def put_back(self) -> None:
        """Put the members of the selected class back into the picks, in one step."""
        if self.picks is not None and self.selected is not None:
            class_id = self.picks.class_id(self.selected)
            self._edit(lambda session: session.left_out.put_back([class_id]))

    @property
    def left_out_before(self) -> list[str]:
        """Names of earlier classes whose members are left out of the picks."""
        run = None if self.picks is None else self.picks.run
        return [name for name in self._session.state.left_out if run_of(name) != run]

    def put_earlier_back(self) -> None:
        """Put the members of all earlier classes back into the picks, in one step."""
        names = self.left_out_before
        self._edit(lambda session: session.left_out.put_back(names))

    def follow(self, action: a.Action, change: Change | None) -> None:
        """Update the summaries after an action of the session."""
        if isinstance(action, a.SetSettings) and "features" in Settings.affected(action.changes):
            self._clear()
        elif change or isinstance(action, a.AddLeftOut):
            if self.picks is not None:
                self.summaries = self._workspace.classification.summaries(self.picks)
            self.changed.emit()

    def _take(self, picks: ClassifiedPicks, total: int) -> None:
        known = self.picks is not None and self.picks.run == picks.run
        self.picks, self._total = picks, total
        self._left_out = self._session.state.left_out
        self.summaries = self._workspace.classification.summaries(picks)
        for notice in self._workspace.notices:
            self.notified.emit("warning", notice)
        self._workspace.notices.clear()
        if not known:
            self.selected = None
        self.changed.emit()
        self.selected_changed.emit()

    def _clear(self) -> None:
        """Discard the classes, which are those of other particles."""
        self._jobs.cancel(_LANE)
        self._jobs.cancel(_ANSWER_LANE)
        self._jobs.cancel(_FILTER_LANE)
        self.picks, self.summaries, self.selected = None, [], None
        self.changed.emit()
        self.selected_changed.emit()

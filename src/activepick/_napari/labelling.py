"""Questions and answers at the desk."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import numpy as np
from qtpy.QtCore import QObject, Signal

from activepick.session import Label, Question
from activepick.session.model import actions as a
from activepick.session.model.state import Target
from activepick.workspace.round import Round

if TYPE_CHECKING:
    from activepick._napari.controller import Desk
    from activepick.session.model.effects import Change

__all__ = ["Labelling", "Start"]

# How a session begins to ask: with questions, with suggestions to correct, or not at all.
Start = Literal["questions", "suggestions", "hand"]
# A click means the question or label within this many particle radii.
_REACH = 0.5


class Labelling(QObject):
    """Answers questions, and puts the next ones when a round is done.

    Attributes
    ----------
    round
        The open round; None while no session is open.
    start
        How it asks.

    Signals
    -------
    labels_changed(), questions_changed()
        As they are in the session's state now.
    current_changed()
        Another question is the current one, or none is.
    rounds_changed()
        A round came to its end.
    """

    labels_changed = Signal()
    questions_changed = Signal()
    current_changed = Signal()
    rounds_changed = Signal()

    def __init__(self, desk: "Desk") -> None:
        super().__init__(desk)
        self._desk = desk
        self.round: Round | None = None
        self._told: int | None = None
        self.start: Start = "questions"

    @property
    def current(self) -> Question | None:
        """The question that is asked now."""
        return None if self.round is None else self.round.current

    def begin(self) -> None:
        """Take up the session that was opened."""
        assert self._desk.session is not None
        self.round = Round(self._desk.session)
        self.questions_changed.emit()

    def clear(self) -> None:
        """Let go of the session."""
        if self.round is not None:
            self.round.close()
            self.round = None
        self.questions_changed.emit()
        self.labels_changed.emit()
        self._tell_current()

    def answer(self, target: Target) -> None:
        """Answer the current question."""
        round = self.round
        if round is None or round.current is None:
            # The next round may be on its way to somebody who is faster than the machine.
            if not self._desk.jobs.busy():
                sentence = "No question is open: click on the micrograph, or press N"
                self._desk.told.emit("info", sentence)
        else:
            self._desk.attempt(lambda session: round.answer(target))
            self._tell_current()

    def answer_question(self, number: int, target: Target) -> None:
        """Answer a question of the round, whichever is the current one."""
        self._desk.attempt(lambda session: session.questions.answer(number, target))

    def label_at(self, x: float, y: float, target: Target) -> None:
        """Say what is at a place of the shown micrograph.

        A question there is answered; a label there gets this class; else there is a new label.
        """
        question, mark = self.question_at(x, y), self.mark_at(x, y)
        if question is not None:
            self.answer_question(question.id, target)
        elif mark is None:
            number = self._desk.shown
            self._desk.attempt(lambda session: session.labels.add(number, [(x, y)], target))
        elif mark.target != target:
            self._desk.attempt(lambda session: session.labels.reclass([mark.id], target))

    def remove_at(self, x: float, y: float) -> None:
        """Remove the label at a place of the shown micrograph."""
        mark = self.mark_at(x, y)
        if mark is not None:
            self._desk.attempt(lambda session: session.labels.remove([mark.id]))

    def move(self, label: int, x: float, y: float) -> None:
        """Recentre a label."""
        self._desk.attempt(lambda session: session.labels.move(label, x, y))

    def go(self, step: int) -> None:
        """Go to the next question (1) or the one before (-1), without an answer."""
        if self.round is not None:
            self.round.next() if step > 0 else self.round.back()
            self._tell_current()

    def go_to(self, question: int) -> None:
        """Make a question the current one."""
        if self.round is not None:
            self.round.go_to(question)
            self._told = None  # whoever names it wants to see it, also again
            self._tell_current()

    def undo(self) -> None:
        """Take back the last action on labels."""
        self._desk.attempt(lambda session: session.undo())

    def redo(self) -> None:
        """Do again what was taken back last."""
        self._desk.attempt(lambda session: session.redo())

    def accept(self) -> None:
        """Accept all suggestions that were not corrected."""
        session = self._desk.session
        if session is not None and any(q.suggestion is not None for q in session.state.questions):
            self._desk.attempt(lambda session: session.questions.accept_suggestions())

    def ask(self) -> None:
        """Put new questions, in the place of the open ones."""
        loop = self._desk.loop
        if loop is not None:
            self._put(lambda: loop.questioner.ask())

    def suggest(self) -> None:
        """Put a round in which the surest places are answered already."""
        loop = self._desk.loop
        if loop is not None:
            self._put(lambda: loop.questioner.suggest())

    def audit(self, count: int) -> None:
        """Ask about picks drawn by lot, to know how many are right."""
        loop = self._desk.loop
        if loop is not None:
            self._put(lambda: loop.audit.ask(count))

    def ask_on(self, *, again: bool = False) -> None:
        """Put the next round if none is open, in the way that was chosen.

        Parameters
        ----------
        again
            Also in the place of a round of which nothing is answered yet.
        """
        session = self._desk.session
        if session is None or session.read_only or self.start == "hand":
            return
        state = session.state
        untouched = again and not any(question.id in state.marks for question in state.asked)
        if state.questions and not untouched:
            return
        if self.start == "suggestions" and not session.state.labels:
            self.suggest()
        else:
            self.ask()

    def question_at(self, x: float, y: float) -> Question | None:
        """Give the open question at a place of the shown micrograph."""
        session = self._desk.session
        asked = [] if session is None else session.state.questions
        return _nearest([q for q in asked if q.micrograph == self._desk.shown], x, y, self._reach())

    def mark_at(self, x: float, y: float) -> Label | None:
        """Give the label or skipped place at a place of the shown micrograph."""
        session = self._desk.session
        marks = [] if session is None else session.state.marks_of(self._desk.shown)
        return _nearest(marks, x, y, self._reach())

    def follow(self, action: a.Action, change: "Change | None") -> None:
        """Take notice of what was done to the session."""
        if isinstance(action, a.NoteRound):
            self.rounds_changed.emit()
        elif isinstance(action, a.AskQuestions):
            self.questions_changed.emit()
            self._tell_current()
        elif change:
            self.labels_changed.emit()
            self.questions_changed.emit()
            self._tell_current()

    def _tell_current(self) -> None:
        number = None if self.current is None else self.current.id
        if number != self._told:
            self._told = number
            self.current_changed.emit()

    def _put(self, ask: Callable[[], object]) -> None:
        # The session tells of the new questions by itself.
        self._desk.jobs.run("ask", lambda step: ask(), text="Looking for questions")

    def _reach(self) -> float:
        return _REACH * self._desk.radius_px


def _nearest(places: list, x: float, y: float, reach: float):
    if not places:
        return None
    distances = [np.hypot(place.x - x, place.y - y) for place in places]
    best = int(np.argmin(distances))
    return places[best] if distances[best] <= reach else None

"""A cursor over the questions of a round."""

from collections.abc import Iterable

from psygnal import Signal

from activepick.session.model.actions import Action, AskQuestions
from activepick.session.model.effects import Change
from activepick.session.model.state import Question, SessionState, Target
from activepick.session.session import Session

__all__ = ["Round", "round_ended"]


def round_ended(state: SessionState) -> bool:
    """Return whether a round has ended, so that it can be recorded.

    A round ends when all questions are answered, or after the same number of manual labels.
    """
    if state.questions:
        return False
    new = len(state.labels) - (state.rounds[-1].labels if state.rounds else 0)
    answered = sum(question.id in state.labels for question in state.asked)
    return new >= min(answered or state.settings.batch, state.settings.batch)


class Round:
    """A cursor over the last round of questions, which follows the actions of the session.

    The cursor skips suggestions, which are to be accepted or corrected; only `go_to` moves to them.
    An answer to the current question moves the cursor to the next open question, and undoing an
    answer moves it back.

    Parameters
    ----------
    session
        The session.
    shown
        Number of the micrograph that is shown; its questions are first.

    Attributes
    ----------
    shown
        See above. It is used when a new round begins.

    Signals
    -------
    moved(question)
        The current question changed; None at the end.
    """

    moved = Signal(object)

    def __init__(self, session: Session, shown: int | None = None) -> None:
        self._session = session
        self.shown = shown
        self._order: list[int] = []
        self._current: int | None = None
        self._begin()
        session.changed.connect(self._follow)

    @property
    def questions(self) -> list[Question]:
        """All questions of the round, answered or not, in the order in which they are asked.

        Questions on rejected micrographs are left out.
        """
        state = self._session.state
        asked = {q.id: q for q in state.asked if state.is_used(q.micrograph)}
        return [asked[i] for i in self._order if i in asked]

    @property
    def current(self) -> Question | None:
        """The question at the cursor; None if no question is left."""
        return next((q for q in self.questions if q.id == self._current), None)

    @property
    def position(self) -> tuple[int, int]:
        """Number k of the current question, from 1, and number n of questions, as (k, n).

        Suggestions are not counted, except if the current question is a suggestion; then only
        suggestions are counted. At the end, k equals n.
        """
        current = self.current
        of = [q for q in self.questions if _suggested(q) == (current and _suggested(current))]
        if current is None:
            count = sum(not _suggested(q) for q in self.questions)
            return count, count
        return 1 + [q.id for q in of].index(current.id), len(of)

    @property
    def waiting(self) -> list[Question]:
        """Suggestions that have not been answered."""
        return [q for q in self.questions if _suggested(q) and self._is_open(q)]

    @property
    def finished(self) -> bool:
        """Whether all questions of the round except suggestions are answered."""
        return not any(self._is_open(q) and not _suggested(q) for q in self.questions)

    def next(self) -> Question | None:
        """Go to the next open question and return it; after the last one, continue at the start."""
        questions = self.questions
        ids = [q.id for q in questions]
        here = ids.index(self._current) + 1 if self._current in ids else 0
        ahead = questions[here:] + questions[:here]
        return self._go(next((q for q in ahead if self._is_open(q) and not _suggested(q)), None))

    def back(self) -> Question | None:
        """Go to the previous question, answered or not, and return it.

        At the first question, the cursor does not move.
        """
        questions = [q for q in self.questions if not _suggested(q) or q.id == self._current]
        ids = [q.id for q in questions]
        here = ids.index(self._current) if self._current in ids else len(ids)
        return self._go(questions[max(0, here - 1)] if questions else None)

    def go_to(self, question: int) -> Question | None:
        """Go to the question with an `id`, answered or not, and return it."""
        found = next((q for q in self.questions if q.id == question), None)
        return self.current if found is None else self._go(found)

    def answer(self, target: Target) -> int | None:
        """Answer the current question, or change its answer.

        Parameters
        ----------
        target
            1 particle, 0 not a particle, -1 carbon or empty ice; None to skip the question.

        Returns
        -------
        int or None
            The number of the action; None if there is no current question.
        """
        current = self.current
        if current is None:
            return None
        if self._is_open(current):
            return self._session.questions.answer(current.id, target)
        number = self._session.labels.reclass([current.id], target)
        if self._current == current.id:  # the answer is the same, so that there was no change
            self.next()
        return number

    def set_shown(self, micrograph: int) -> None:
        """Set the shown micrograph, with whose questions the next round begins."""
        self.shown = micrograph

    def close(self) -> None:
        """Stop following the session."""
        self._session.changed.disconnect(self._follow, missing_ok=True)

    def _begin(self) -> None:
        asked = self._session.state.asked
        order = dict.fromkeys(q.micrograph for q in asked)
        if self.shown in order:
            order = {self.shown: None, **order}
        by_micrograph = {
            number: [q.id for q in asked if q.micrograph == number] for number in order
        }
        self._order = [i for ids in by_micrograph.values() for i in ids]
        self._current = None
        self.next()

    def _follow(self, action: Action, change: Change | None) -> None:
        if isinstance(action, AskQuestions):
            self._begin()
            return
        if change is None:
            return
        if change.status_after and self.current is None:
            self.next()  # questions were removed or restored with the micrograph
            return
        gone = {i for i, label in change.after.items() if label is None}
        reopened = [q.id for q in self.questions if q.id in gone and not _suggested(q)]
        if reopened:
            self.go_to(_nearest(reopened, self._order, self._current))
        elif self._current in change.after:
            self.next()

    def _is_open(self, question: Question) -> bool:
        return question.id not in self._session.state.marks

    def _go(self, question: Question | None) -> Question | None:
        number = None if question is None else question.id
        if number != self._current:
            self._current = number
            self.moved.emit(question)
        return question


def _suggested(question: Question) -> bool:
    return question.suggestion is not None


def _nearest(ids: Iterable[int], order: list[int], current: int | None) -> int:
    """Return the `id` that is nearest to the current question; of two, the earlier one."""
    here = len(order) if current is None else order.index(current)
    return min(ids, key=lambda i: abs(order.index(i) - here + 0.5))

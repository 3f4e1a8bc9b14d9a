"""A cursor over the labels under review."""

from collections.abc import Mapping
from itertools import islice

from psygnal import Signal

from activepick.session.model.actions import Action, Undo
from activepick.session.model.effects import Change
from activepick.session.model.state import Label, Question, Target
from activepick.session.session import Session

__all__ = ["LabelReview"]


class LabelReview:
    """A cursor over doubtful labels, which follows the actions of the session.

    It has the interface of `activepick.workspace.round.Round`, so that labels are reviewed in the
    same way as questions are answered: the same answer keeps a label, another answer changes it.
    Then the cursor moves to the next label. An undo moves the cursor back to the affected label.
    Keeping a label is not an action of the session, so that it cannot be undone; `take_back`
    returns to the label instead.

    Parameters
    ----------
    session
        The session.
    contradictions
        By the `id` of each label, the probability that it is wrong according to all other labels,
        in the order of the review.
    count
        Number of labels to review, the first of these; by default all.

    Attributes
    ----------
    changed, removed
        Numbers of labels whose target was changed and of labels that were removed.

    Signals
    -------
    moved(question)
        The current label changed; None at the end.
    """

    moved = Signal(object)

    def __init__(
        self, session: Session, contradictions: Mapping[int, float], count: int | None = None
    ) -> None:
        self._session = session
        self._contradictions = dict(contradictions)
        # The labels under review, in their order, as they were at the start.
        self._before = {i: session.state.marks[i] for i in islice(contradictions, count)}
        self._seen: set[int] = set()
        # Labels that were kept since the last action on labels, in order.
        self._kept: list[int] = []
        self._current: int | None = next(iter(self._before), None)
        session.changed.connect(self._follow)

    @property
    def questions(self) -> list[Question]:
        """The labels under review as questions, which have the `id` of the labels.

        Removed labels and labels on rejected micrographs are left out.
        """
        state = self._session.state
        labels = (state.marks.get(i) for i in self._before)
        return [_as_question(one) for one in labels if one and state.is_used(one.micrograph)]

    @property
    def open(self) -> list[Question]:
        """The labels that have not been reviewed yet, as questions."""
        return [question for question in self.questions if question.id not in self._seen]

    @property
    def seen(self) -> frozenset[int]:
        """The `id` of each label that was reviewed."""
        return frozenset(self._seen)

    @property
    def current(self) -> Question | None:
        """The label at the cursor, as a question; None at the end."""
        return next((q for q in self.questions if q.id == self._current), None)

    @property
    def contradiction(self) -> float | None:
        """The probability that the label at the cursor is wrong; None at the end."""
        return None if self._current is None else self._contradictions[self._current]

    @property
    def changed(self) -> int:
        """Number of labels whose target was changed since the start of the review."""
        marks = self._session.state.marks
        return sum(i in marks and marks[i].target != was.target for i, was in self._before.items())

    @property
    def removed(self) -> int:
        """Number of labels that were removed since the start of the review."""
        return sum(i not in self._session.state.marks for i in self._before)

    @property
    def position(self) -> tuple[int, int]:
        """Number k of the current label, from 1, and number n of labels, as (k, n)."""
        ids = [question.id for question in self.questions]
        return 1 + ids.index(self._current) if self._current in ids else len(ids), len(ids)

    @property
    def waiting(self) -> list[Question]:
        """Unanswered suggestions; always empty, because labels are not suggestions."""
        return []

    @property
    def finished(self) -> bool:
        """Whether all labels were reviewed."""
        return not self.open

    def next(self) -> Question | None:
        """Go to the next label and return it; the first label follows the last one."""
        return self._step(1)

    def back(self) -> Question | None:
        """Go to the previous label and return it; the last label precedes the first one."""
        return self._step(-1)

    def go_to(self, question: int) -> Question | None:
        """Go to the label with an `id`, and return it."""
        if any(question == one.id for one in self.questions):
            self._go(question)
        return self.current

    def answer(self, target: Target) -> int | None:
        """Set the target of the current label, and go to the next one.

        Parameters
        ----------
        target
            1 particle or the number of its kind, 0 not a particle, -1 carbon or empty ice; None
            does not change the label. A label that follows from the answer to a class becomes an
            answer of its own.

        Returns
        -------
        int or None
            The number of the action; None if the label was not changed.
        """
        current = self.current
        if current is None:
            return None
        label = self._session.state.marks[current.id]
        if target is None or (label.target == target and label.class_id is None):
            self._seen.add(current.id)
            self._kept.append(current.id)
            self._go_on(current.id)
            return None
        return self._session.labels.reclass([current.id], target)

    def remove(self) -> int | None:
        """Remove the current label, go to the next one, and return the number of the action."""
        current = self.current
        return None if current is None else self._session.labels.remove([current.id])

    def take_back(self) -> bool:
        """Go back to the label that was kept last.

        Returns
        -------
        bool
            Whether there was such a label after the last action on labels.
        """
        if not self._kept:
            return False
        label = self._kept.pop()
        self._seen.discard(label)
        self._go(label)
        return True

    def sort(self, contradictions: Mapping[int, float]) -> None:
        """Choose and sort the labels that have not been reviewed anew, after a correction.

        The number of labels under review, those that have been reviewed and the one at the cursor
        do not change.

        Parameters
        ----------
        contradictions
            As in `LabelReview`, for the corrected labels.
        """
        marks = self._session.state.marks
        self._contradictions.update(contradictions)
        fixed = [i for i in self._before if i in self._seen or i == self._current]
        # A label may have been removed since its probability was computed.
        others = [i for i in contradictions if i in marks and i not in fixed]
        chosen = [*fixed, *others][: max(len(self._before), len(fixed))]
        self._before = {i: self._before.get(i) or marks[i] for i in chosen}

    def set_shown(self, micrograph: int) -> None:
        """Do nothing, because the order does not depend on the shown micrograph."""

    def close(self) -> None:
        """Stop following the session."""
        self._session.changed.disconnect(self._follow, missing_ok=True)

    def _follow(self, action: Action, change: Change | None) -> None:
        if change is None:
            return
        self._kept.clear()
        decided = [i for i in self._before if i in change.after and _decides(change, i)]
        if isinstance(action, Undo):
            again = [i for i in decided if i in self._session.state.marks]
            self._seen.difference_update(again)
            if again:
                self._go(again[0])
        elif decided:
            self._seen.update(decided)
            if self._current in decided:
                self._go_on(self._current)
        if self.current is None and self._current is not None:
            self._go_on(self._current)  # the label was removed, or its micrograph was rejected

    def _go_on(self, label: int) -> None:
        """Go to the first label after `label` that has not been reviewed, or to the end."""
        order = list(self._before)
        here = order.index(label) + 1
        waiting = {question.id for question in self.open}
        self._go(next((i for i in order[here:] + order[:here] if i in waiting), None))

    def _step(self, step: int) -> Question | None:
        ids = [question.id for question in self.questions]
        if ids:
            here = ids.index(self._current) if self._current in ids else -min(step, 0) - 1
            self._go(ids[(here + step) % len(ids)])
        return self.current

    def _go(self, label: int | None) -> None:
        if label != self._current:
            self._current = label
            self.moved.emit(self.current)


def _decides(change: Change, label: int) -> bool:
    """Return whether a change removes a label, restores it, or changes or confirms its target."""
    before, after = change.before.get(label), change.after[label]
    if before is None or after is None:
        return True
    return (before.target, before.class_id) != (after.target, after.class_id)


def _as_question(label: Label) -> Question:
    return Question(id=label.id, micrograph=label.micrograph, x=label.x, y=label.y, score=0.0)

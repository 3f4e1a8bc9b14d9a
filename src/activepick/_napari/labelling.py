"""Questions and answers of an open session."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, TypeVar

import numpy as np
from qtpy.QtCore import QObject, Signal

from activepick._napari.display_images import DisplayImages
from activepick._napari.session_access import SessionAccess
from activepick._napari.undo_texts import place_of_change, undo_text
from activepick.session import Label, Question
from activepick.session.model import actions as a
from activepick.session.model.effects import Change
from activepick.session.model.state import Target
from activepick.wording import counted
from activepick.workspace.label_review import LabelReview
from activepick.workspace.round import Round

__all__ = ["Labelling", "StartMode"]

# Contents of the first round of a session: questions, suggestions to correct, or nothing.
StartMode = Literal["questions", "suggestions", "hand"]
# A click refers to the question or label within this distance, in particle radii.
_REACH = 0.5
# Jobs that are followed by a choice of questions, and the choice itself.
_BEFORE_QUESTIONS, _CHOICE = ("features", "learn"), "ask"
# Jobs that compute the order of a review.
_REVIEW = "review"
# Share of the labels in a review, and smallest number of labels, which takes a few minutes.
_REVIEWED, _AT_LEAST = 0.1, 5

_Positioned = TypeVar("_Positioned", Label, Question)


class Labelling(QObject):
    """Answer questions, edit labels, and ask the next round of questions.

    Parameters
    ----------
    access
        The session. Its workspace chooses the questions.
    images
        Images of the shown micrograph.

    Signals
    -------
    labels_changed(), questions_changed()
        The labels or questions of the session changed.
    current_changed()
        Another question is the current one, or none is.
    looking_changed()
        `looking` may have changed.
    rounds_changed()
        A round was completed.
    acted(micrograph, position)
        An action was undone or redone on a micrograph, at a position (x, y) in original pixels or
        None.
    notified(severity, text)
        A message for the user is to be shown.
    """

    labels_changed = Signal()
    questions_changed = Signal()
    current_changed = Signal()
    looking_changed = Signal()
    rounds_changed = Signal()
    acted = Signal(int, object)
    notified = Signal(str, str)

    def __init__(
        self, access: SessionAccess, images: DisplayImages, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._session, self._workspace = access.session, access.workspace
        self._images, self._jobs, self._edit = images, access.jobs, access.edit
        self._start_mode: StartMode = "questions"
        self._round = Round(access.session)
        self._review: LabelReview | None = None
        # Labels that were reviewed; they are not offered a second time.
        self._reviewed: set[int] = set()
        self._known_current = None if self.round.current is None else self.round.current.id
        access.jobs.started.connect(self._on_job)
        access.jobs.ended.connect(self._on_job)

    @property
    def round(self) -> Round | LabelReview:
        """The labels under review, or else the open round of questions."""
        return self._review or self._round

    @property
    def review(self) -> LabelReview | None:
        """The labels under review; None if there is no review."""
        return self._review

    @property
    def open_questions(self) -> Sequence[Question]:
        """The labels that are still to be reviewed, or else the open questions."""
        return self._session.state.questions if self._review is None else self._review.open

    @property
    def current(self) -> Question | None:
        """The current question; None if no question is open."""
        return self.round.current

    @property
    def looking(self) -> bool:
        """Whether no question is open and new ones are being chosen, or will be."""
        lanes = (_CHOICE, *_BEFORE_QUESTIONS) if self._asks_by_itself else (_CHOICE,)
        return self.current is None and self._jobs.busy(*lanes)

    def set_start_mode(self, mode: StartMode) -> None:
        """Set the contents of the first round of a session."""
        self._start_mode = mode
        self.looking_changed.emit()

    def set_shown(self, micrograph: int) -> None:
        """Order the next round so that the questions on the shown micrograph come first."""
        self._round.set_shown(micrograph)

    def close(self) -> None:
        """Disconnect from the session."""
        self._round.close()
        if self._review is not None:
            self._review.close()

    def answer(self, target: Target) -> None:
        """Answer the current question.

        Parameters
        ----------
        target
            1 particle or the number of its kind, 0 not a particle, -1 carbon or empty ice, None to
            skip.
        """
        if self.round.current is None and not self._session.read_only:
            # The user may have answered before the next round was computed.
            if not self.looking:
                self.notified.emit(
                    "info", "No question is open: click on the micrograph, or press N"
                )
        else:
            self._edit(lambda session: self.round.answer(target))
            self._check_review()
            self._check_current()

    def label_at(self, x: float, y: float, target: Target) -> None:
        """Label a position of the shown micrograph.

        A question at the position is answered; a label there is changed, and is an answer of its
        own from then on; otherwise a label is added.

        Parameters
        ----------
        x, y
            Position in original pixels.
        target
            1 particle or the number of its kind, 0 not a particle.
        """
        question, label = self.question_at(x, y), self.label_near(x, y)
        if question is not None:
            self._edit(lambda session: session.questions.answer(question.id, target))
        elif label is None:
            shown = self._images.shown
            self._edit(lambda session: session.labels.add(shown, [(x, y)], target))
        elif label.target != target or label.class_id is not None:
            self._edit(lambda session: session.labels.reclass([label.id], target))

    def remove_at(self, x: float, y: float) -> None:
        """Remove the label at a position of the shown micrograph, in original pixels."""
        label = self.label_near(x, y)
        if label is not None:
            self._edit(lambda session: session.labels.remove([label.id]))

    def remove_reviewed(self) -> None:
        """Remove the label that is reviewed."""
        review = self._review
        if review is not None:
            self._edit(lambda session: review.remove())
            self._check_review()
            self._check_current()

    def move(self, label: int, x: float, y: float) -> None:
        """Move a label to a position in original pixels."""
        self._edit(lambda session: session.labels.move(label, x, y))

    def refresh(self) -> None:
        """Show the labels at their positions again, after a drag that moved none."""
        self.labels_changed.emit()

    def go(self, step: int) -> None:
        """Go to the next question (1) or to the previous one (-1) without an answer."""
        self.round.next() if step > 0 else self.round.back()
        self._check_current()

    def go_to(self, question: int) -> None:
        """Make a question the current one."""
        self.round.go_to(question)
        self._known_current = None  # emit the signal even if it is already the current one
        self._check_current()

    @property
    def suggestions(self) -> list[Question]:
        """Suggestions that are to be accepted or corrected."""
        return [q for q in self._session.state.questions if q.suggestion is not None]

    def undo(self) -> None:
        """Undo the last action, show a message, and ask its questions again."""
        change = self._session.next_undo
        if self._review is not None and self._review.take_back():
            self._check_current()
            self._show_kept(self._review.current)
        elif change is None:
            self.notified.emit("info", "There is nothing to undo.")
        elif self._edit(lambda session: session.undo()):
            removed = [number for number, label in change.after.items() if label is None]
            self._edit(lambda session: session.questions.ask_again(removed))
            self._show_step("Undone", change.reversed())

    def redo(self) -> None:
        """Redo the action that was undone last, and show a message."""
        change = self._session.next_redo
        if change is None:
            self.notified.emit("info", "There is nothing to redo.")
        elif self._edit(lambda session: session.redo()):
            self._show_step("Redone", change)

    def accept(self, ids: Sequence[int]) -> None:
        """Accept suggestions, given by their ids, that were not corrected."""
        self._edit(lambda session: session.questions.accept_suggestions(ids))

    def ask(self) -> None:
        """Replace the open questions by new ones."""
        self._choose(self._workspace.questioner.ask)

    def suggest(self) -> None:
        """Start a round of suggestions at the most certain positions.

        All of them are on the shown micrograph, so that they can be checked together.
        """
        shown = self._images.shown
        if self._session.state.is_used(shown):
            self._choose(lambda: self._workspace.questioner.suggest(micrographs=[shown]))
        else:
            self.notified.emit(
                "info", "This micrograph is rejected: go to another one for suggestions."
            )

    def start_review(self) -> None:
        """Start a review of the labels that the head and all other labels contradict most.

        A tenth of the labels are reviewed; labels that were not reviewed before come first.
        """
        trainer = self._workspace.trainer
        self._jobs.run(
            _REVIEW,
            lambda progress: trainer.doubtful_labels(),
            self._begin_review,
            text="Looking for doubtful labels",
        )

    def end_review(self) -> None:
        """End the review, and continue with the questions."""
        review = self._review
        if review is None:
            return
        review.close()
        self._review = None
        self._reviewed |= review.seen
        self.notified.emit(
            "info",
            f"{counted(len(review.seen), 'label')} reviewed: {review.changed} changed, "
            f"{review.removed} removed."
            if review.seen
            else "No labels were reviewed.",
        )
        self.questions_changed.emit()
        self._check_current()
        self.ask_next()

    def audit(self, count: int) -> None:
        """Ask about randomly drawn picks, to estimate the precision."""
        self._choose(lambda: self._workspace.audit.ask(count))

    def ask_next(self, *, replace: bool = False) -> None:
        """Ask the next round of questions if none is open.

        Parameters
        ----------
        replace
            Also replace an open round if none of its questions has been answered.
        """
        if not self._asks_by_itself:
            return
        state = self._session.state
        untouched = replace and not any(question.id in state.marks for question in state.asked)
        if state.questions and not untouched:
            return
        suggests = self._start_mode == "suggestions" and not state.labels
        if suggests and state.is_used(self._images.shown):
            self.suggest()
        else:
            self.ask()

    def question_at(self, x: float, y: float) -> Question | None:
        """Return the open question at a position of the shown micrograph, in original pixels."""
        shown = self._images.shown
        if self._review is not None:
            return None  # a click is on the label itself
        questions = [q for q in self._session.state.questions if q.micrograph == shown]
        return _nearest(questions, x, y, _REACH * self._images.radius_px)

    def label_near(self, x: float, y: float) -> Label | None:
        """Return the label or skipped position at a position of the shown micrograph."""
        labels = self._session.state.marks_of(self._images.shown)
        return _nearest(labels, x, y, _REACH * self._images.radius_px)

    def follow(self, action: a.Action, change: Change | None) -> None:
        """Emit signals for an action of the session."""
        if isinstance(action, a.NoteRound):
            self.rounds_changed.emit()
        elif isinstance(action, a.AskQuestions) or (change and change.status_after):
            self.questions_changed.emit()
            self._check_current()
        elif change:
            self.labels_changed.emit()
            self.questions_changed.emit()
            self._check_review()
            self._sort_review()
            self._check_current()

    def _begin_review(self, contradictions: Mapping[int, float]) -> None:
        known = self._session.state.labels  # some may have been removed since
        fresh = self._not_reviewed(contradictions)
        if not fresh:
            self.notified.emit(
                "info",
                "All labels have been reviewed." if known else "There are no labels to review yet.",
            )
            return
        if self._review is not None:
            self._review.close()
        count = max(_AT_LEAST, math.ceil(_REVIEWED * len(known)))
        self._review = LabelReview(self._session, fresh, count)
        self._known_current = None  # emit the signal in any case
        self.questions_changed.emit()
        self._check_current()

    def _sort_review(self) -> None:
        """Sort the labels that are still to be reviewed anew, because a label was corrected."""
        review, trainer = self._review, self._workspace.trainer
        if review is None:
            return

        def sort(contradictions: Mapping[int, float]) -> None:
            if self._review is review:
                review.sort(self._not_reviewed(contradictions))
                self.questions_changed.emit()

        self._jobs.run(_REVIEW, lambda progress: trainer.doubtful_labels(), sort)

    def _not_reviewed(self, contradictions: Mapping[int, float]) -> dict[int, float]:
        """Return the labels of the session that were not in an earlier review, in their order."""
        known = self._session.state.labels
        return {i: p for i, p in contradictions.items() if i in known and i not in self._reviewed}

    def _check_review(self) -> None:
        if self._review is not None and self._review.finished:
            self.end_review()

    def _show_step(self, verb: str, change: Change) -> None:
        """Show a message about the action that was undone or redone, and its position."""
        asked = {question.id for question in self._session.state.questions}
        again = [number for number in change.after if number in asked]
        if again and self._review is None:
            self.round.go_to(again[0])
            self._check_current()
        self.notified.emit("info", undo_text(verb, change, self._session.state))
        place = place_of_change(change)
        if place is not None:
            self.acted.emit(*place)

    def _show_kept(self, label: Question | None) -> None:
        """Show a message about a label of the review that is no longer kept, and its position."""
        if label is not None:
            name = self._session.state.names[label.micrograph]
            self.notified.emit("info", f"Undone: label kept on {name}")
            self.acted.emit(label.micrograph, (label.x, label.y))

    def _check_current(self) -> None:
        number = None if self.current is None else self.current.id
        if number != self._known_current:
            self._known_current = number
            self.current_changed.emit()

    @property
    def _asks_by_itself(self) -> bool:
        by_hand = self._start_mode == "hand" or self._review is not None
        return not by_hand and not self._session.read_only

    def _on_job(self, lane: str) -> None:
        if lane in (_CHOICE, *_BEFORE_QUESTIONS):
            self.looking_changed.emit()

    def _choose(self, choose: Callable[[], object]) -> None:
        self.end_review()
        # The new questions arrive by the signal of the session.
        self._jobs.run(_CHOICE, lambda progress: choose(), text="Looking for questions")


def _nearest(
    candidates: Sequence[_Positioned], x: float, y: float, reach: float
) -> _Positioned | None:
    if not candidates:
        return None
    distances = [np.hypot(one.x - x, one.y - y) for one in candidates]
    nearest = int(np.argmin(distances))
    return candidates[nearest] if distances[nearest] <= reach else None

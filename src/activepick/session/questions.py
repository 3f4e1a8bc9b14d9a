"""What can be done to the questions of a session, in one call each."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Literal

from activepick.errors import SessionError
from activepick.session.model import actions as a
from activepick.session.model.state import (
    Label,
    Question,
    RoundRecord,
    SessionState,
    Source,
    Target,
)

__all__ = ["QuestionVerbs"]

# Micrograph, x, y, score.
Place = tuple[int, float, float, float]


class QuestionVerbs(ABC):
    """Questions, answers and rounds. Positions are original pixels; errors are those of `do`."""

    _acting: threading.RLock

    @property
    @abstractmethod
    def state(self) -> SessionState:
        """Everything as it is now."""

    @abstractmethod
    def do(self, action: a.Action) -> int:
        """Do an action."""

    def ask(
        self,
        places: Iterable[Place],
        suggestions: Sequence[Target] = (),
        purpose: Literal["learn", "audit"] = "learn",
    ) -> list[Question]:
        """Put questions in the place of the last round.

        Parameters
        ----------
        places
            Micrograph, x, y and score of each.
        suggestions
            An answer for each that waits to be accepted, None where a person is asked; by default
            all are asked.
        purpose
            "learn", or "audit" for a random sample of the picks.
        """
        places = list(places)
        with self._acting:
            questions = tuple(
                Question(
                    id=self.state.next_id + k,
                    micrograph=micrograph,
                    x=float(x),
                    y=float(y),
                    score=float(score),
                    suggestion=suggestions[k] if suggestions else None,
                    purpose=purpose,
                )
                for k, (micrograph, x, y, score) in enumerate(places)
            )
            self.do(a.AskQuestions(questions=questions))
        return list(questions)

    def answer(self, question: int, target: Target) -> int:
        """Answer a question: 1 particle, 0 not a particle, None to leave it open."""
        with self._acting:
            found = next((q for q in self.state.questions if q.id == question), None)
            if found is None:
                raise SessionError(f"question {question} does not wait for an answer")
            source: Source = "audit" if found.purpose == "audit" else "query"
            return self.do(a.AddLabels(labels=(_label(found, target, source),)))

    def set_suggestion(self, question: int, target: Target) -> int:
        """Correct the suggestion of an open question; None asks it instead."""
        return self.do(a.SetSuggestion(question=question, target=target))

    def accept_suggestions(self, ids: Iterable[int] | None = None) -> list[int]:
        """Answer open questions with what is suggested, all or some, in one action.

        Returns
        -------
        list of int
            The ids of the new labels.
        """
        wanted = None if ids is None else set(ids)
        with self._acting:
            labels = tuple(
                _label(question, question.suggestion, "suggestion")
                for question in self.state.questions
                if question.suggestion is not None and (wanted is None or question.id in wanted)
            )
            if labels:
                self.do(a.AddLabels(labels=labels))
        return [label.id for label in labels]

    def note_round(self, record: RoundRecord) -> int:
        """Note how things stand at the end of a round."""
        return self.do(a.NoteRound(record=record))


def _label(question: Question, target: Target, source: Source) -> Label:
    return Label(
        id=question.id,
        micrograph=question.micrograph,
        x=question.x,
        y=question.y,
        target=target,
        source=source,
    )

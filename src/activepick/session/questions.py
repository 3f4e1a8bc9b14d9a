"""The questions of a session."""

from collections.abc import Iterable, Sequence
from typing import Literal

from activepick.errors import SessionError
from activepick.session.action_log import ActionLog
from activepick.session.model import actions as a
from activepick.session.model.state import (
    Label,
    Question,
    RoundRecord,
    ScoredPosition,
    Source,
    Target,
)

__all__ = ["Questions"]


class Questions:
    """Asks and answers the questions of a session.

    The questions themselves are in `SessionState.asked` and `SessionState.questions`. Positions are
    in original pixels. Methods raise the errors of `Session.do`.

    Parameters
    ----------
    log
        The session.
    """

    def __init__(self, log: ActionLog) -> None:
        self._log = log

    def ask(
        self,
        positions: Iterable[ScoredPosition],
        suggestions: Sequence[Target] = (),
        purpose: Literal["learn", "audit"] = "learn",
    ) -> list[Question]:
        """Replace the last round of questions by a new one.

        Parameters
        ----------
        positions
            As (micrograph, x, y, score).
        suggestions
            Proposed answer for each position, or None for a plain question; by default all are
            plain questions.
        purpose
            "learn", or "audit" for a random sample of the picks.

        Returns
        -------
        list of Question
            The new questions.
        """
        positions = list(positions)
        with self._log.exclusive():
            questions = tuple(
                Question(
                    id=self._log.state.next_id + k,
                    micrograph=micrograph,
                    x=float(x),
                    y=float(y),
                    score=float(score),
                    suggestion=suggestions[k] if suggestions else None,
                    purpose=purpose,
                )
                for k, (micrograph, x, y, score) in enumerate(positions)
            )
            self._log.do(a.AskQuestions(questions=questions))
        return list(questions)

    def ask_again(self, ids: Iterable[int]) -> list[Question]:
        """Ask questions of earlier rounds again, before the open ones.

        This is used if answers are undone after the next round was started.

        Parameters
        ----------
        ids
            Ids of questions. Questions that are answered, open or were never asked, and those on
            rejected micrographs, are ignored.

        Returns
        -------
        list of Question
            The questions that are asked again.
        """
        with self._log.exclusive():
            state = self._log.state
            known = {question.id for question in state.asked} | set(state.marks)
            found = (self._log.question(i) for i in ids if i not in known)
            again = [q for q in found if q is not None and state.is_used(q.micrograph)]
            if again:
                self._log.do(a.AskQuestions(questions=(*again, *state.questions)))
        return again

    def answer(self, question: int, target: Target) -> int:
        """Answer a question and return the number of the action.

        Parameters
        ----------
        question
            Its id.
        target
            1 particle or the number of its kind, 0 not a particle, -1 carbon or empty ice, None to
            skip it.

        Raises
        ------
        SessionError
            If the question is not open.
        """
        with self._log.exclusive():
            found = next((q for q in self._log.state.questions if q.id == question), None)
            if found is None:
                raise SessionError(f"question {question} is not open")
            source: Source = "audit" if found.purpose == "audit" else "query"
            return self._log.do(a.AddLabels(labels=(_label(found, target, source),)))

    def set_suggestion(self, question: int, target: Target) -> int:
        """Change the suggestion of an open question and return the number of the action.

        Parameters
        ----------
        question
            Its id.
        target
            The suggested answer; None makes it a plain question.
        """
        return self._log.do(a.SetSuggestion(question=question, target=target))

    def accept_suggestions(self, ids: Iterable[int] | None = None) -> list[int]:
        """Answer open questions with their suggestions, in one action.

        Parameters
        ----------
        ids
            Ids of questions; None for all.

        Returns
        -------
        list of int
            The ids of the new labels.
        """
        wanted = None if ids is None else set(ids)
        with self._log.exclusive():
            labels = tuple(
                _label(question, question.suggestion, "suggestion")
                for question in self._log.state.questions
                if question.suggestion is not None and (wanted is None or question.id in wanted)
            )
            if labels:
                self._log.do(a.AddLabels(labels=labels))
        return [label.id for label in labels]

    def note_round(self, record: RoundRecord) -> int:
        """Record the end of a round and return the number of the action."""
        return self._log.do(a.NoteRound(record=record))


def _label(question: Question, target: Target, source: Source) -> Label:
    return Label(
        id=question.id,
        micrograph=question.micrograph,
        x=question.x,
        y=question.y,
        target=target,
        source=source,
    )

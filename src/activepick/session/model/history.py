"""The state of a session, with undo and redo.

Undo and redo are actions like all others, so that they also survive a crash. They apply to labels,
areas, left-out classes, rejections of micrographs and suggestions, but not to settings.
"""

from dataclasses import dataclass, field

from activepick.errors import SessionError
from activepick.session.model import actions as a
from activepick.session.model.effects import Change, after_change, after_other, change_of
from activepick.session.model.state import Question, SessionState

__all__ = ["History"]


@dataclass
class History:
    """The state, and the changes that can be undone and redone.

    Attributes
    ----------
    state
        The present state.
    done, undone
        The changes that can be undone or redone, each with the number of its action; the next one
        is last.
    questions
        All questions that were asked so far, by `id`.
    """

    state: SessionState
    done: list[tuple[int, Change]] = field(default_factory=list)
    undone: list[tuple[int, Change]] = field(default_factory=list)
    questions: dict[int, Question] = field(default_factory=dict)

    def apply(self, number: int, action: a.Action) -> Change | None:
        """Apply an action; if it cannot be applied, the state is not changed.

        Parameters
        ----------
        number
            Its number in the journal.
        action
            The action.

        Returns
        -------
        Change or None
            The change, which can be undone; None for actions that cannot be undone.

        Raises
        ------
        SessionError, SettingsError
            If it cannot be applied to the state.
        """
        match action:
            case a.Undo(of=of):
                _, change = self._next(self.done, of, "undone")
                self.state = after_change(self.state, change.reversed())
                self.undone.append(self.done.pop())
                return change.reversed()
            case a.Redo(of=of):
                _, change = self._next(self.undone, of, "redone")
                self.state = after_change(self.state, change)
                self.done.append(self.undone.pop())
                return change
        if not isinstance(action, a.UndoableAction):
            self.state = after_other(self.state, action)
            if isinstance(action, a.AskQuestions):
                self.questions.update((question.id, question) for question in action.questions)
            return None
        change = change_of(self.state, action)
        if change:
            self.state = after_change(self.state, change)
            self.done.append((number, change))
            self.undone.clear()
        return change

    @staticmethod
    def _next(stack: list[tuple[int, Change]], of: int, what: str) -> tuple[int, Change]:
        if not stack or stack[-1][0] != of:
            raise SessionError(f"action {of} is not the next one that can be {what}")
        return stack[-1]

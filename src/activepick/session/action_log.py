"""What the parts of a session need of it."""

from contextlib import AbstractContextManager
from typing import Protocol

from activepick.session.model.actions import Action
from activepick.session.model.state import Question, SessionState

__all__ = ["ActionLog"]


class ActionLog(Protocol):
    """A state, and the actions that change it; `activepick.session.Session` is one."""

    @property
    def state(self) -> SessionState:
        """The present state."""

    def question(self, number: int) -> Question | None:
        """Return the question with an id, of this or an earlier round; None if there is none."""

    def do(self, action: Action) -> int:
        """Do an action and return its number."""

    def exclusive(self) -> AbstractContextManager[object]:
        """Keep other threads from doing actions while the state is read and an action follows."""

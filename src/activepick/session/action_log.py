"""The interface of a session that its parts use."""

from contextlib import AbstractContextManager
from typing import Protocol

from activepick.session.model.actions import Action
from activepick.session.model.state import Question, SessionState

__all__ = ["ActionLog"]


class ActionLog(Protocol):
    """A state and the actions that change it, implemented by `activepick.session.Session`."""

    @property
    def state(self) -> SessionState:
        """The current state."""

    def question(self, number: int) -> Question | None:
        """Return the question with an id, from any round; None if there is none."""

    def do(self, action: Action) -> int:
        """Do an action and return its number."""

    def exclusive(self) -> AbstractContextManager[object]:
        """Prevent actions of other threads between reading the state and a following action."""

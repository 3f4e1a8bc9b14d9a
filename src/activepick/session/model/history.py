"""The state, and the way back.

Undo and redo are actions like all others, so that they survive a crash as well. They concern what
was done to places: labels, areas, suggestions. Settings and micrographs stay as they are.
"""

from dataclasses import dataclass, field

from activepick.errors import SessionError
from activepick.session.model import actions as a
from activepick.session.model.effects import Change, after_change, after_other, change_of
from activepick.session.model.state import SessionState

__all__ = ["History"]


@dataclass
class History:
    """The state, with what can be taken back and done again.

    Attributes
    ----------
    state
        As it is now.
    done, undone
        Numbers of the actions on places that can be taken back or done again, the next one last,
        each with its change.
    """

    state: SessionState
    done: list[tuple[int, Change]] = field(default_factory=list)
    undone: list[tuple[int, Change]] = field(default_factory=list)

    def apply(self, number: int, action: a.Action) -> Change | None:
        """Do an action; when it does not fit, nothing has happened.

        Parameters
        ----------
        number
            Its number in the journal.
        action
            What to do.

        Returns
        -------
        Change or None
            What became of the places; None when the action is not about places.

        Raises
        ------
        SessionError, SettingsError
            When it does not fit the state.
        """
        match action:
            case a.Undo(of=of):
                _, change = self._next(self.done, of, "taken back")
                self.state = after_change(self.state, change.reversed())
                self.undone.append(self.done.pop())
                return change.reversed()
            case a.Redo(of=of):
                _, change = self._next(self.undone, of, "done again")
                self.state = after_change(self.state, change)
                self.done.append(self.undone.pop())
                return change
            case (
                a.AddLabels()
                | a.RemoveLabels()
                | a.MoveLabels()
                | a.ReclassLabels()
                | a.ClearLabels()
                | a.ReplaceLabels()
                | a.SetAreas()
                | a.SetSuggestion()
            ):
                change = change_of(self.state, action)
                if change:
                    self.state = after_change(self.state, change)
                    self.done.append((number, change))
                    self.undone.clear()
                return change
            case _:
                self.state = after_other(self.state, action)
                return None

    @staticmethod
    def _next(stack: list[tuple[int, Change]], of: int, what: str) -> tuple[int, Change]:
        if not stack or stack[-1][0] != of:
            raise SessionError(f"action {of} is not the one that can be {what} next")
        return stack[-1]

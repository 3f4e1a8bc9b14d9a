"""Classes of picks whose members are left out of the picks of a session."""

from collections.abc import Iterable, Mapping

from activepick.session.action_log import ActionLog
from activepick.session.model import actions as a
from activepick.session.model.state import Position

__all__ = ["LeftOutClasses"]

# Decimals of the positions in the journal, far finer than any distance that matters.
_DECIMALS = 2


class LeftOutClasses:
    """Leaves members of classes out of the picks, and puts them back.

    The positions themselves are in `SessionState.left_out`. Methods raise the errors of
    `Session.do`.

    Parameters
    ----------
    log
        The session.
    """

    def __init__(self, log: ActionLog) -> None:
        self._log = log

    def set(self, class_id: str, positions: Iterable[Position]) -> int:
        """Leave the members of a class out of the picks, and return the number of the action.

        Parameters
        ----------
        class_id
            The class; not empty, and at most 64 characters.
        positions
            Its members, as (micrograph, x, y) in original pixels; without any, the class is put
            back.
        """
        return self._log.do(a.SetLeftOut(classes={class_id: _rounded(positions)}))

    def put_back(self, class_ids: Iterable[str]) -> int:
        """Put classes back into the picks in one action, and return its number."""
        return self._log.do(a.SetLeftOut(classes=dict.fromkeys(class_ids, ())))

    def add(self, members: Mapping[str, Iterable[Position]]) -> None:
        """Leave further members out of those classes that are already left out.

        This is no step for undo: if the step that left the class out is undone, they are put back
        as well.

        Parameters
        ----------
        members
            New members of each class, as (micrograph, x, y) in original pixels.
        """
        with self._log.exclusive():
            left_out = self._log.state.left_out
            new = {name: _rounded(own) for name, own in members.items() if name in left_out}
            wanted = {name: own for name, own in new.items() if own}
            if wanted:
                self._log.do(a.AddLeftOut(classes=wanted))


def _rounded(positions: Iterable[Position]) -> tuple[Position, ...]:
    return tuple(
        (number, round(float(x), _DECIMALS), round(float(y), _DECIMALS))
        for number, x, y in positions
    )

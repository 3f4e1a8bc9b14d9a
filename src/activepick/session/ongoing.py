"""A session that is open: do, undo, and what is on disk."""

import atexit
import threading
from pathlib import Path

from psygnal import Signal

from activepick.errors import SessionError
from activepick.session.import_verbs import ImportVerbs
from activepick.session.model.actions import Action, Redo, Undo
from activepick.session.model.effects import Change
from activepick.session.model.state import SessionState
from activepick.session.questions import QuestionVerbs
from activepick.session.store.header import JOURNAL
from activepick.session.store.journal import Journal
from activepick.session.store.journal_lines import encode_line
from activepick.session.store.lock import SessionLock
from activepick.session.store.opening import Opened

__all__ = ["OngoingSession"]

_EXIT_SECONDS = 10.0


class OngoingSession(ImportVerbs, QuestionVerbs):
    """The part of `Session` that works between opening and closing."""

    changed = Signal(object, object)
    acknowledged = Signal(int)
    failed = Signal(str)

    def __init__(self, folder: Path, opened: Opened, lock: SessionLock | None) -> None:
        self.folder = folder
        self.notices = list(opened.notices)
        self.read_only = lock is None
        self._history = opened.history
        self._header = opened.header
        self._lines = opened.lines
        self._lock = lock
        self._acting = threading.RLock()
        self._journal: Journal | None = None
        if lock is not None:
            self._journal = Journal(
                folder / JOURNAL,
                self._lines,
                opened.written,
                self.acknowledged.emit,
                self.failed.emit,
                lock.check,
            )
            # A program that ends without closing the session still waits for its last lines.
            atexit.register(self._journal.flush, _EXIT_SECONDS)

    @property
    def state(self) -> SessionState:
        """Everything as it is now, pending actions included."""
        return self._history.state

    @property
    def last(self) -> int:
        """Number of the last action; the first is 1."""
        return len(self._lines)

    @property
    def pending(self) -> range:
        """Numbers of the actions that are not on disk yet."""
        written = len(self._lines) if self._journal is None else self._journal.written
        return range(written + 1, len(self._lines) + 1)

    @property
    def failure(self) -> str | None:
        """Why writing fails at present, a sentence; None when it does not."""
        return None if self._journal is None else self._journal.failure

    def do(self, action: Action) -> int:
        """Do an action and hand it to the journal, without waiting for the disk.

        Returns
        -------
        int
            Its number, which `acknowledged` tells when it is on disk.

        Raises
        ------
        SessionError, SettingsError
            When it does not fit, or the session is read-only or closed; nothing has happened then.
        """
        with self._acting:
            if self._journal is None:
                how = "is open for reading only" if self.read_only else "is closed"
                raise SessionError(f"{self.folder} {how}: nothing can be changed.")
            number = self.last + 1
            line = encode_line(number, action)
            change: Change | None = self._history.apply(number, action)
            self._journal.append(line)
        self.changed.emit(action, change)
        return number

    @property
    def can_undo(self) -> bool:
        """Whether there is an action on places to take back."""
        return bool(self._history.done)

    @property
    def can_redo(self) -> bool:
        """Whether there is an action on places to do again."""
        return bool(self._history.undone)

    def undo(self) -> int:
        """Take back the last action on places; SessionError when there is none."""
        with self._acting:
            if not self.can_undo:
                raise SessionError("There is nothing to take back.")
            return self.do(Undo(of=self._history.done[-1][0]))

    def redo(self) -> int:
        """Do again what was taken back last; SessionError when there is nothing."""
        with self._acting:
            if not self.can_redo:
                raise SessionError("There is nothing to do again.")
            return self.do(Redo(of=self._history.undone[-1][0]))

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until everything is on disk; see `Journal.flush`."""
        return self._journal is None or self._journal.flush(timeout)

"""The session, whose methods are the only way to change its state."""

import atexit
import contextlib
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from psygnal import Signal

from activepick.atomic import replacing
from activepick.errors import SessionError
from activepick.files import open_in_place, read_whole
from activepick.session.kinds import Kinds
from activepick.session.labels import Labels
from activepick.session.left_out import LeftOutClasses
from activepick.session.micrographs import Micrographs
from activepick.session.model.actions import Action, Redo, SetSettings, Undo
from activepick.session.model.effects import Change
from activepick.session.model.settings import Settings
from activepick.session.model.state import Question, SessionState
from activepick.session.questions import Questions
from activepick.session.store.disk_errors import disk_sentence
from activepick.session.store.header import HEADER, JOURNAL, new_header, read_header, write_header
from activepick.session.store.journal import Journal
from activepick.session.store.journal_lines import encode_line
from activepick.session.store.lock import SessionLock
from activepick.session.store.opening import Opened, read_session, repair_journal

__all__ = ["SUFFIX", "Session"]

SUFFIX = ".activepick"
_ELSEWHERE = "choose another folder"
_EXIT_SECONDS = 10.0


class Session:
    """A folder with micrographs, settings, labels, questions and history.

    Use `create` or `open` to get a session. All methods may be called from any thread.

    Attributes
    ----------
    folder
        The folder.
    notices
        Sentences for the user about problems that were found on opening.
    read_only
        Whether the session cannot be changed.
    micrographs, labels, questions, kinds, left_out
        Operations on them: `activepick.session.micrographs.Micrographs`,
        `activepick.session.labels.Labels`, `activepick.session.questions.Questions`,
        `activepick.session.kinds.Kinds`, `activepick.session.left_out.LeftOutClasses`.

    Signals
    -------
    changed(action, change)
        Emitted after each action, in the thread of the action. `change` is the change that can be
        undone (`activepick.session.model.effects.Change`), or None.
    acknowledged(number)
        Emitted in the writing thread when an action is on disk. Windows connect with
        ``thread="main"``.
    failed(message)
        Emitted in the writing thread when writing fails. Actions are kept in memory and written as
        soon as possible.
    """

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
        self.micrographs = Micrographs(self, folder)
        self.labels = Labels(self, self.micrographs)
        self.questions = Questions(self)
        self.kinds = Kinds(self)
        self.left_out = LeftOutClasses(self)
        if lock is not None:
            self._journal = Journal(
                folder / JOURNAL,
                self._lines,
                opened.written,
                self.acknowledged.emit,
                self.failed.emit,
                lock.check,
            )
            # At exit, the program waits for the last lines even if the session was not closed.
            atexit.register(self._journal.flush, _EXIT_SECONDS)

    @classmethod
    def create(cls, folder: str | os.PathLike[str], settings: Settings) -> Self:
        """Create a session.

        Parameters
        ----------
        folder
            Its folder, which must not exist or must be empty. The suffix ``.activepick`` is added
            if it is missing.
        settings
            Its settings.

        Raises
        ------
        SessionError
            If the folder is not empty, or cannot be created.
        """
        path = Path(os.path.abspath(folder))
        if path.suffix != SUFFIX:
            path = path.with_name(path.name + SUFFIX)
        try:
            path.mkdir(parents=True, exist_ok=True)
            if any(path.iterdir()):
                raise SessionError(f"{path} exists already: open it or choose another name.")
        except OSError as error:
            raise SessionError(disk_sentence(path, error, _ELSEWHERE)) from error
        with cls._locked(path) as lock:
            os.close(open_in_place(path / JOURNAL, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
            try:
                write_header(path, new_header(settings.model_dump(mode="json")))
                return cls(path, read_session(path), lock)
            except BaseException:
                # The folder is empty again, so that this can be tried again.
                (path / JOURNAL).unlink()
                raise

    @classmethod
    def open(
        cls,
        folder: str | os.PathLike[str],
        *,
        read_only: bool = False,
        force: bool = False,
        repair: bool = False,
    ) -> Self:
        """Open a session.

        Parameters
        ----------
        folder
            The folder of the session, or its `session.json`.
        read_only
            Open it for reading only. This is possible while another program has it open, and if the
            folder cannot be written to.
        force
            Take the lock over from a program on another machine that has ended.
        repair
            Leave out damaged lines of the journal; a copy of the damaged journal is kept.

        Raises
        ------
        SessionError
            If it is not a session, is damaged, has another schema version, is open elsewhere, or
            cannot be written to.
        """
        path = Path(os.path.abspath(folder))
        path = path.parent if path.name == HEADER else path
        if read_only:
            return cls(path, read_session(path), None)
        read_header(path)  # before the lock is written: the folder may not be a session
        with cls._locked(path, force) as lock:
            repaired = repair_journal(path) if repair else []
            opened = read_session(path, writing=True)
            opened.notices.extend(repaired)
            if lock.left_behind:
                opened.notices.append(
                    f"{path} was not closed properly last time; no acknowledged action is lost."
                )
            return cls(path, opened, lock)

    @staticmethod
    @contextlib.contextmanager
    def _locked(path: Path, force: bool = False) -> Iterator[SessionLock]:
        """Acquire the lock, and release it if the block fails."""
        lock = SessionLock(path, force)
        try:
            yield lock
        except OSError as error:
            lock.release()
            raise SessionError(disk_sentence(path, error, _ELSEWHERE)) from error
        except BaseException:
            lock.release()
            raise

    @property
    def state(self) -> SessionState:
        """The current state, including actions that are not on disk yet."""
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
        """Reason why writing currently fails, as a sentence; None if it does not fail."""
        return None if self._journal is None else self._journal.failure

    def exclusive(self) -> contextlib.AbstractContextManager[object]:
        """Block actions of other threads while the state is read and an action follows."""
        return self._acting

    def do(self, action: Action) -> int:
        """Apply an action and append it to the journal, without waiting for the disk.

        Parameters
        ----------
        action
            The action.

        Returns
        -------
        int
            Its number. `acknowledged` is emitted with this number when it is on disk.

        Raises
        ------
        SessionError, SettingsError
            If it cannot be applied, or the session is read-only or closed; nothing is changed in
            these cases.
        """
        with self._acting:
            if self._journal is None:
                how = "is open for reading only" if self.read_only else "is closed"
                raise SessionError(f"{self.folder} {how}: it cannot be changed.")
            number = self.last + 1
            line = encode_line(number, action)
            change: Change | None = self._history.apply(number, action)
            self._journal.append(line)
        self.changed.emit(action, change)
        return number

    def set_settings(self, **changes: Any) -> int:
        """Change settings, and reset settings that depend on them (see `Settings`).

        Parameters
        ----------
        **changes
            New values by name.

        Returns
        -------
        int
            The number of the action.

        Raises
        ------
        SettingsError
            If a setting is unknown or its value is invalid.
        """
        with self._acting:
            return self.do(SetSettings(changes=self.state.settings.completed(changes)))

    def question(self, number: int) -> Question | None:
        """Return the question with an id, of this or an earlier round; None if there is none."""
        return self._history.questions.get(number)

    @property
    def next_undo(self) -> Change | None:
        """The change that `undo` would make; None if there is nothing to undo."""
        return self._history.done[-1][1].reversed() if self._history.done else None

    @property
    def next_redo(self) -> Change | None:
        """The change that `redo` would make; None if there is nothing to redo."""
        return self._history.undone[-1][1] if self._history.undone else None

    @property
    def can_undo(self) -> bool:
        """Whether there is an action to undo."""
        return bool(self._history.done)

    @property
    def can_redo(self) -> bool:
        """Whether there is an action to redo."""
        return bool(self._history.undone)

    def undo(self) -> int:
        """Undo the last action on labels, areas, left-out classes, rejections or suggestions.

        Returns
        -------
        int
            The number of this action.

        Raises
        ------
        SessionError
            If there is none.
        """
        with self._acting:
            if not self.can_undo:
                raise SessionError("There is nothing to undo.")
            return self.do(Undo(of=self._history.done[-1][0]))

    def redo(self) -> int:
        """Redo the action that was undone last.

        Returns
        -------
        int
            The number of this action.

        Raises
        ------
        SessionError
            If there is none.
        """
        with self._acting:
            if not self.can_redo:
                raise SessionError("There is nothing to redo.")
            return self.do(Redo(of=self._history.undone[-1][0]))

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until all actions so far are on disk; see `Journal.flush`."""
        return self._journal is None or self._journal.flush(timeout)

    def save_copy(self, folder: str | os.PathLike[str]) -> Path:
        """Write the whole session, including actions that are not on disk yet, to a new folder.

        This is possible even if its own folder cannot be written to. The copy finds micrographs by
        their absolute paths.

        Parameters
        ----------
        folder
            As in `create`.

        Returns
        -------
        Path
            The folder of the copy.

        Raises
        ------
        SessionError
            If the folder is not empty or cannot be written to.
        """
        with self._acting:
            lines = list(self._lines)
        copy = type(self).create(folder, Settings.model_validate(self._header["settings"]))
        with copy._acting:
            assert copy._journal is not None
            for line in lines:
                copy._journal.append(line)
        try:
            _copy_heads(self.folder / "heads", copy.folder / "heads")
            copy.close()
        except BaseException as error:
            cause = error if isinstance(error, OSError) else copy._journal.error
            copy.close(timeout=0, abandon=True)
            # Part of a session would be taken for the whole.
            shutil.rmtree(copy.folder, ignore_errors=True)
            if cause is None:
                raise
            raise SessionError(disk_sentence(copy.folder, cause, _ELSEWHERE)) from error
        return copy.folder

    def close(self, *, timeout: float | None = None, abandon: bool = False) -> None:
        """Wait until the journal is written, and release the lock.

        Closing a closed session does nothing.

        Parameters
        ----------
        timeout
            Seconds to wait; None for no limit.
        abandon
            Close even if actions are lost.

        Raises
        ------
        SessionError
            If actions are not on disk; the session stays open in this case.
        """
        journal = self._journal
        if journal is None:
            return
        if not journal.flush(timeout) and not abandon:
            raise SessionError(
                f"{len(self.pending)} actions are not on disk yet: "
                f"{journal.failure or f'{self.folder} does not answer.'}"
            )
        with self._acting:
            self._journal = None
        atexit.unregister(journal.flush)
        journal.close()
        if self._lock is not None:
            self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def _copy_heads(source: Path, target: Path) -> None:
    """Copy the heads of a session; links and anything but regular files are not copied."""
    if not source.is_dir() or source.is_symlink():
        return
    target.mkdir()
    for path in sorted(source.iterdir()):
        if path.is_file() and not path.is_symlink():
            with replacing(target / path.name) as temporary:
                temporary.write_bytes(read_whole(path))

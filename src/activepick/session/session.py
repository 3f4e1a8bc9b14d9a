"""The session: the only one that changes its state."""

import atexit
import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from activepick.errors import SessionError
from activepick.session.model.settings import Settings
from activepick.session.ongoing import OngoingSession
from activepick.session.store.disk_errors import disk_sentence
from activepick.session.store.header import HEADER, JOURNAL, new_header, read_header, write_header
from activepick.session.store.lock import SessionLock
from activepick.session.store.opening import read_session, repair_journal

__all__ = ["Session"]

SUFFIX = ".activepick"
_ELSEWHERE = "choose another folder"


class Session(OngoingSession):
    """Micrographs, settings, labels, questions and history in a folder; see `create`, `open`.

    Attributes
    ----------
    folder
        Where it lies.
    notices
        What was noticed on opening and has to be told, sentences.
    read_only
        Whether it may only be looked at.

    Signals
    -------
    changed(action, change)
        After each action, in the thread that did it. `change` tells what became of labels, areas
        and suggestions (`activepick.session.model.effects.Change`), or is None.
    acknowledged(number)
        The action is on disk. In the writing thread: connect with ``thread="main"`` for windows.
    failed(message)
        Writing began to fail; it goes on in memory and is tried again. In the writing thread.
    """

    @classmethod
    def create(cls, folder: str | os.PathLike[str], settings: Settings) -> Self:
        """Make a new session.

        Parameters
        ----------
        folder
            Gets the ending ``.activepick`` if it has none; must not exist, or be empty.
        settings
            With the particle diameter.

        Raises
        ------
        SessionError
            When there is something already, or the folder cannot be made.
        """
        path = Path(os.path.abspath(folder))
        if path.suffix != SUFFIX:
            path = path.with_name(path.name + SUFFIX)
        try:
            path.mkdir(parents=True, exist_ok=True)
            if any(path.iterdir()):
                raise SessionError(f"{path} exists already: open it, or choose another name.")
        except OSError as error:
            raise SessionError(disk_sentence(path, error, _ELSEWHERE)) from error
        with cls._locked(path) as lock:
            (path / JOURNAL).touch()
            write_header(path, new_header(settings.model_dump(mode="json")))
            return cls(path, read_session(path), lock)

    @classmethod
    def open(
        cls,
        folder: str | os.PathLike[str],
        *,
        read_only: bool = False,
        force: bool = False,
        repair: bool = False,
    ) -> Self:
        """Go on with a session, also one of an older version.

        Parameters
        ----------
        folder
            The session, or its `session.json`.
        read_only
            Only look: also where another program has it open, or the folder cannot be written to.
        force
            Take it from a program on another machine that is gone.
        repair
            Leave out the lines of the journal that are damaged; the damaged journal is kept.

        Raises
        ------
        SessionError
            When it is no session, damaged, from a newer version, open elsewhere, or cannot be
            written to.
        """
        path = Path(os.path.abspath(folder))
        path = path.parent if path.name == HEADER else path
        if read_only:
            return cls(path, read_session(path), None)
        read_header(path)  # before anything is written to a folder that may be none
        with cls._locked(path, force) as lock:
            repaired = repair_journal(path) if repair else []
            opened = read_session(path, writing=True)
            opened.notices.extend(repaired)
            if lock.left_behind:
                opened.notices.append(
                    f"{path} was not closed the last time; all that was acknowledged is there."
                )
            return cls(path, opened, lock)

    @staticmethod
    @contextlib.contextmanager
    def _locked(path: Path, force: bool = False) -> Iterator[SessionLock]:
        """Keep the lock, unless the block fails."""
        lock = SessionLock(path, force)
        try:
            yield lock
        except OSError as error:
            lock.release()
            raise SessionError(disk_sentence(path, error, _ELSEWHERE)) from error
        except BaseException:
            lock.release()
            raise

    def save_copy(self, folder: str | os.PathLike[str]) -> Path:
        """Write the whole session, pending actions included, to a new folder.

        For when its own folder cannot be written to. Micrographs are found by their absolute paths
        from there.

        Raises
        ------
        SessionError
            When the folder is not empty or cannot be written to.
        """
        with self._acting:
            lines = list(self._lines)
        copy = type(self).create(folder, Settings.model_validate(self._header["settings"]))
        with copy._acting:
            assert copy._journal is not None
            for line in lines:
                copy._journal.append(line)
        heads = self.folder / "heads"
        try:
            if heads.is_dir():
                shutil.copytree(heads, copy.folder / "heads")
        except OSError as error:
            raise SessionError(disk_sentence(copy.folder, error, _ELSEWHERE)) from error
        finally:
            copy.close()
        return copy.folder

    def close(self, *, timeout: float | None = None, abandon: bool = False) -> None:
        """Wait for the last lines and give the folder back; closing twice is no error.

        Parameters
        ----------
        timeout
            Seconds to wait.
        abandon
            Close even if actions are lost by that.

        Raises
        ------
        SessionError
            When actions are not on disk; the session stays open then.
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

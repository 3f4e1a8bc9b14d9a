"""Write the journal to disk in a thread of its own.

Appending a line never blocks. A line counts as written when it is fsynced. If writing fails, lines
are kept in memory and the thread tries again every few seconds.
"""

import contextlib
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from activepick.errors import SessionError
from activepick.files import open_in_place
from activepick.session.store.disk_errors import disk_sentence

__all__ = ["Journal"]

RETRY_SECONDS = 5.0

_KEPT = (
    "save a copy of the session to another folder. Nothing is lost while the program runs; it "
    "keeps trying"
)


class Journal:
    """An append-only file of lines.

    Parameters
    ----------
    path
        The file.
    lines
        All lines so far, each with its newline.
    written
        Number of lines that are on disk. The file is truncated after them.
    acknowledged
        Called in the writing thread with the number of each line that is on disk, in order.
    failed
        Called in the writing thread with a sentence when writing fails.
    allowed
        Called before each write; raises SessionError if this program must no longer write.

    Attributes
    ----------
    failure
        Reason why writing currently fails, as a sentence; None if it does not fail.
    error
        The last error of the file system; None if there was none.
    """

    def __init__(
        self,
        path: Path,
        lines: list[bytes],
        written: int,
        acknowledged: Callable[[int], None],
        failed: Callable[[str], None],
        allowed: Callable[[], None],
    ) -> None:
        self.path = path
        self.lines = lines
        self.written = written
        self.failure: str | None = None
        self.error: OSError | None = None
        self._acknowledged, self._failed, self._allowed = acknowledged, failed, allowed
        self._size = sum(map(len, lines[:written]))
        self._file: int | None = None
        self._cut = True  # whether bytes after our last line have to be cut off
        self._attempts = 0
        self._told = written  # number of lines that were acknowledged
        self._again = self._closing = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name=f"journal {path}", daemon=True)
        self._thread.start()

    def append(self, line: bytes) -> None:
        """Append a line; the thread writes it as soon as possible."""
        with self._changed:
            self.lines.append(line)
            self._changed.notify_all()

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until all lines are on disk and acknowledged; retry at once if writing failed.

        Parameters
        ----------
        timeout
            Seconds to wait; None for no limit.

        Returns
        -------
        bool
            Whether they are on disk; False after a failure or the timeout.
        """
        with self._changed:
            wanted, attempts = len(self.lines), self._attempts
            self._again = True
            self._changed.notify_all()
            self._changed.wait_for(
                lambda: self._told >= wanted or (self._attempts > attempts and self.failure),
                timeout,
            )
            return self._told >= wanted

    def close(self) -> None:
        """Stop the thread without waiting for lines that are not on disk."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(RETRY_SECONDS)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(self._has_work, RETRY_SECONDS if self.failure else None)
                if self._closing:
                    break
                self._again = False
                begin, end = self.written, len(self.lines)
            if begin < end:
                self._try(begin, end)
        if self._file is not None:
            os.close(self._file)

    def _has_work(self) -> bool:
        waiting = self.failure is None and self.written < len(self.lines)
        return self._closing or self._again or waiting

    def _try(self, begin: int, end: int) -> None:
        try:
            self._write(begin, end)
            failure = None
        except SessionError as error:
            failure = str(error)
        except OSError as error:
            failure, self.error = disk_sentence(self.path, error, _KEPT), error
        with self._changed:
            news = failure is not None and failure != self.failure
            self.failure = failure
            if failure is None:
                self.written = end
        if failure is None:
            for number in range(begin + 1, end + 1):
                _call(self._acknowledged, number)
        elif news:
            _call(self._failed, failure)
        with self._changed:
            self._attempts += 1
            self._told = self.written
            self._changed.notify_all()

    def _write(self, begin: int, end: int) -> None:
        self._allowed()
        if not os.path.lexists(self.path):
            # The file was deleted. All lines are in memory and are written again.
            self._close()
            self._size = begin = 0
        if self._file is None or not os.path.samestat(os.fstat(self._file), self.path.lstat()):
            self._close()
            self._file = open_in_place(self.path, os.O_WRONLY | os.O_CREAT)
            _sync_names(self.path)
        size = os.fstat(self._file).st_size
        if size < self._size or (size > self._size and not self._cut):
            raise SessionError(
                f"{self.path} was changed by another program, so nothing is written to it. "
                "Save a copy of the session to another folder: it contains all your labels."
            )
        data = b"".join(self.lines[begin:end])
        self._cut = True
        try:
            os.ftruncate(self._file, self._size)
            os.lseek(self._file, self._size, os.SEEK_SET)
            view = memoryview(data)
            while view:
                view = view[os.write(self._file, view) :]
            os.fsync(self._file)
        except OSError:
            self._close()  # a stale file handle never recovers, but a new one may work
            raise
        self._size += len(data)
        self._cut = False

    def _close(self) -> None:
        if self._file is not None:
            file, self._file = self._file, None
            with contextlib.suppress(OSError):  # the failure of the write was reported
                os.close(file)


def _sync_names(path: Path) -> None:
    """Fsync the folder entries of the file and of its folder, if the system supports it."""
    for folder in (path.parent, path.parent.parent):
        with contextlib.suppress(OSError):
            handle = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)


def _call(callback: Callable[..., None], value: object) -> None:
    """Call a callback; report its exceptions like those of threads, and continue."""
    try:
        callback(value)
    except Exception:
        threading.excepthook(
            threading.ExceptHookArgs((*sys.exc_info(), threading.current_thread()))
        )

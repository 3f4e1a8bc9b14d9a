"""The lock of a session, which allows only one program at a time to write to it.

A file names the program that has the session open. The program holds an operating system lock on
this file, which is released when the program ends. On the same machine, the lock shows whether the
program is still running. Not all network file systems support such locks across machines, so that
the file of another machine is removed only with `force`.
"""

import contextlib
import json
import os
import socket
import sys
import uuid
from datetime import datetime
from pathlib import Path

from activepick.errors import SessionError
from activepick.files import open_in_place, read_whole
from activepick.json_text import parse_json
from activepick.session.store.disk_errors import disk_sentence

__all__ = ["SessionLock"]

# On Windows, locked bytes cannot be read either: a byte after the content is locked.
_BYTE = 1 << 30
# Maximal number of characters of a value that are shown.
_LONGEST = 200


class SessionLock:
    """Lock of a session: the permission to write to its folder.

    Parameters
    ----------
    folder
        The session.
    force
        Take the lock from a program on another machine.

    Attributes
    ----------
    left_behind
        Whether an earlier program ended without releasing the lock.

    Raises
    ------
    SessionError
        If another program holds it, or the folder cannot be written to.
    """

    def __init__(self, folder: Path, force: bool = False) -> None:
        self.path = folder / "lock"
        self.left_behind = False
        self._token = uuid.uuid4().hex
        try:
            self._file = self._acquire(folder, force)
            try:
                self._write()
            except BaseException:
                # An open file keeps the system's lock, also from this program.
                with contextlib.suppress(OSError):
                    self.path.unlink()
                os.close(self._file)
                raise
        except OSError as error:
            raise SessionError(
                disk_sentence(folder, error, "open the session for reading only")
            ) from error

    def check(self) -> None:
        """Raise SessionError if another program took the lock over, or the folder was removed."""
        folder = self.path.parent
        if not folder.is_dir():
            raise SessionError(
                f"{folder} no longer exists: it was moved, renamed or deleted. Put it back, or "
                "save a copy to another folder."
            )
        if not os.path.lexists(self.path):
            raise SessionError(
                f"{self.path} no longer exists: it was deleted, or the folder of this session was "
                "replaced by another one. Nothing is written to it. Put the folder back, or save "
                "a copy to another folder."
            )
        if self._holder().get("token") != self._token:
            raise SessionError(
                f"{folder}: another program has taken over this session, so this one no longer "
                "writes to it. Save a copy to another folder, or close it here."
            )

    def release(self) -> None:
        """Release the lock, unless another program took it over."""
        # While the system lock is held, no other program can take over the file that is deleted.
        if self._holder().get("token") == self._token:
            with contextlib.suppress(OSError):
                self.path.unlink()
        os.close(self._file)
        if sys.platform == "win32" and self._holder().get("token") == self._token:
            self.path.unlink(missing_ok=True)  # on Windows, an open file cannot be deleted

    def _acquire(self, folder: Path, force: bool) -> int:
        while True:
            try:
                file = open_in_place(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL)
                fresh = True
            except FileExistsError:
                try:
                    file, fresh = open_in_place(self.path, os.O_RDWR), False
                except FileNotFoundError:
                    continue
            free = _lock(file)
            if not self._is(file):  # its owner has deleted it in the meantime
                os.close(file)
                continue
            holder = {} if fresh else self._holder()
            here = holder.get("host", socket.gethostname()) == socket.gethostname()
            if free is False or not (fresh or force or (free and here)):
                os.close(file)
                alive = free is False
                remedy = "" if alive else "force"
                option = "" if alive else "activepick session repair --force"
                raise SessionError(_refusal(folder, holder, alive), remedy, option=option)
            self.left_behind = not fresh
            return file

    def _write(self) -> None:
        facts = {
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "since": datetime.now().astimezone().isoformat(timespec="seconds"),
            "token": self._token,
        }
        os.ftruncate(self._file, 0)
        os.lseek(self._file, 0, os.SEEK_SET)
        os.write(self._file, json.dumps(facts).encode())
        os.fsync(self._file)

    def _holder(self) -> dict[str, str]:
        """Return the description of the program in the file, by name; empty if damaged."""
        try:
            facts = parse_json(read_whole(self.path))
        except (OSError, ValueError):
            return {}
        known = facts if isinstance(facts, dict) else {}
        return {
            name: str(known[name])[:_LONGEST]
            for name in ("host", "pid", "since", "token")
            if isinstance(known.get(name), str | int)
        }

    def _is(self, file: int) -> bool:
        try:
            return os.path.samestat(os.fstat(file), self.path.lstat())
        except FileNotFoundError:
            return False


def _refusal(folder: Path, holder: dict[str, str], alive: bool) -> str:
    who = "another program"
    if holder:
        who = f"process {holder.get('pid')} on {holder.get('host')} (since {holder.get('since')})"
    if alive:
        return f"{folder} is open in {who}. Close it there first, or open it for reading only."
    return (
        f"{folder} is probably open in {who}. Close it there; if that program is no longer "
        "running, open the session by force."
    )


if sys.platform == "win32":

    def _lock(file: int) -> bool | None:
        import msvcrt

        os.lseek(file, _BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:

    def _lock(file: int) -> bool | None:
        """Acquire the system lock; return False if another program has it, None if unsupported."""
        import fcntl

        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            return None
        return True

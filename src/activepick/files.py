"""Opening files that others may have prepared.

A folder from another person may hold a link, a pipe or a device under the name of a file that this
program reads or writes. Reading a pipe waits for ever, and writing through a link changes a file
somewhere else. Every path is therefore opened here, or checked here where a library opens it.
"""

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from typing import Protocol

__all__ = [
    "UnsafeFileError",
    "check_folders",
    "check_readable",
    "naming",
    "open_in_place",
    "open_to_read",
    "read_whole",
]

# Not every system has them: a pipe is not waited for, and a link is not followed.
_NO_WAIT = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOCTTY", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_PIPE = "it is no file but a pipe or a device; leave it out"
_LINK = "it is a link to another file; put the file itself in its place"


class UnsafeFileError(OSError):
    """A path that is no regular file, or through which a file elsewhere would be changed."""

    def __init__(self, path: str | os.PathLike[str], reason: str) -> None:
        super().__init__(errno.EINVAL, reason, os.fspath(path))


class _Status(Protocol):
    @property
    def st_mode(self) -> int: ...


def open_to_read(path: str | os.PathLike[str]) -> BufferedReader:
    """Return a file opened for reading; links are followed.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    UnsafeFileError
        If it is a pipe, a device or a socket, which is not waited for.
    OSError
        If it cannot be opened; IsADirectoryError for a folder.
    """
    try:
        file = open(path, "rb", opener=_without_waiting)  # noqa: SIM115 - the caller closes it
    except BlockingIOError:  # a file that another program or computer has leased: it is waited for
        check_readable(path)
        file = open(path, "rb")  # noqa: SIM115 - the caller closes it
    except OSError as error:
        if error.errno == errno.ENXIO:  # a socket
            raise UnsafeFileError(path, _PIPE) from None
        raise
    try:
        _check_regular(path, os.fstat(file.fileno()))
    except BaseException:
        file.close()
        raise
    return file


def read_whole(path: str | os.PathLike[str]) -> bytes:
    """Return the bytes of a file; see `open_to_read` for the errors."""
    with open_to_read(path) as file:
        return file.read()


def check_readable(path: str | os.PathLike[str]) -> None:
    """Check a file that a library opens itself; see `open_to_read` for the errors."""
    _check_regular(path, os.stat(path))


def open_in_place(path: str | os.PathLike[str], flags: int) -> int:
    """Return the descriptor of a file that is written in place, appended to or truncated.

    Parameters
    ----------
    path
        The file.
    flags
        As of `os.open`; a new file may be read and written as the umask allows.

    Raises
    ------
    UnsafeFileError
        If it is a symbolic link, has another name (a hard link), or is no regular file.
    OSError
        If it cannot be opened.
    """
    if not _NO_LINK and os.path.islink(path):
        raise UnsafeFileError(path, _LINK)
    try:
        handle = os.open(path, flags | _NO_LINK | _NO_WAIT, 0o666)
    except OSError as error:
        if error.errno == errno.ENXIO:  # a pipe that nobody reads, or a socket
            raise UnsafeFileError(path, _PIPE) from None
        # Which of the errors of a link it is depends on the system.
        if error.errno != errno.EEXIST and os.path.islink(path):
            raise UnsafeFileError(path, _LINK) from None
        raise
    try:
        status = os.fstat(handle)
        _check_regular(path, status)
        if status.st_nlink > 1:
            raise UnsafeFileError(
                path, "it is also another file, by a hard link; put a copy of it in its place"
            )
    except BaseException:
        os.close(handle)
        raise
    return handle


def check_folders(folder: Path, path: Path) -> None:
    """Check that no link leads from a folder to one of its files; the file itself may be one.

    Parameters
    ----------
    folder
        The folder that was chosen, which may itself be a link.
    path
        A path in it, which need not exist.

    Raises
    ------
    UnsafeFileError
        If a folder on the way is a link.
    """
    for parent in path.parents:
        if parent == folder:
            return
        if parent.is_symlink():
            raise UnsafeFileError(
                parent, "it is a link to another folder; put the folder itself in its place"
            )
    raise ValueError(f"{path} is not in {folder}")


@contextlib.contextmanager
def naming(path: Path, *others: Path) -> Iterator[None]:
    """Add the name of a file to each OSError that has none, or one that no user knows.

    Errors of a write name no file: the descriptor knows no path.

    Parameters
    ----------
    path
        The file.
    *others
        Names that stand for it, such as a temporary one.
    """
    try:
        yield
    except OSError as error:
        if error.filename is not None and error.filename not in map(str, others):
            raise
        reason = error.strerror or str(error)
        raise OSError(error.errno or errno.EIO, reason, str(path)) from error


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | _NO_WAIT)


def _check_regular(path: str | os.PathLike[str], status: _Status) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
    if not stat.S_ISREG(status.st_mode):
        raise UnsafeFileError(path, _PIPE)

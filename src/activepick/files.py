"""Open files in folders that are not trusted.

A folder from another person may contain a link, a pipe or a device with the name of a file that
this program reads or writes. Reading a pipe may block for ever, and writing through a link changes
a file elsewhere. Every path is therefore opened by this module, or checked by it before a library
opens it.
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
    "unquoted",
]

# Not available on every system. Pipes are opened without blocking, links are not followed.
_NO_WAIT = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOCTTY", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_PIPE = "it is a pipe or a device, not a file; leave it out"
_LINK = "it is a link to another file; replace it by a copy of that file"


class UnsafeFileError(OSError):
    """A path that is not a regular file, or through which another file would be changed."""

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
        If it is a pipe, a device or a socket.
    OSError
        If it cannot be opened; IsADirectoryError for a folder.
    """
    try:
        file = open(path, "rb", opener=_without_waiting)  # noqa: SIM115 - the caller closes it
    except BlockingIOError:  # leased by another program or computer: wait for it
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
    """Check a file before a library opens it; see `open_to_read` for the errors."""
    _check_regular(path, os.stat(path))


def open_in_place(path: str | os.PathLike[str], flags: int) -> int:
    """Return the descriptor of a file that will be overwritten, appended to or truncated.

    Parameters
    ----------
    path
        The file.
    flags
        Flags of `os.open`. The umask determines the permissions of a new file.

    Raises
    ------
    UnsafeFileError
        If it is a symbolic link, has another name (a hard link), or is not a regular file.
    OSError
        If it cannot be opened.
    """
    if not _NO_LINK and os.path.islink(path):
        raise UnsafeFileError(path, _LINK)
    try:
        handle = os.open(path, flags | _NO_LINK | _NO_WAIT, 0o666)
    except OSError as error:
        if error.errno == errno.ENXIO:  # a pipe without a reader, or a socket
            raise UnsafeFileError(path, _PIPE) from None
        # The error for a link depends on the operating system.
        if error.errno != errno.EEXIST and os.path.islink(path):
            raise UnsafeFileError(path, _LINK) from None
        raise
    try:
        status = os.fstat(handle)
        _check_regular(path, status)
        if status.st_nlink > 1:
            raise UnsafeFileError(path, "it is a hard link to another file; replace it by a copy")
    except BaseException:
        os.close(handle)
        raise
    return handle


def check_folders(folder: Path, path: Path) -> None:
    """Check that no folder between a folder and one of its files is a link; the file may be one.

    Parameters
    ----------
    folder
        The folder that the user chose. It may be a link itself.
    path
        A path in it, which need not exist.

    Raises
    ------
    UnsafeFileError
        If a folder between them is a link, or the path is not in the folder.
    """
    for parent in path.parents:
        if parent == folder and ".." not in path.relative_to(folder).parts:
            return
        if parent.is_symlink():
            raise UnsafeFileError(
                parent, "it is a link to another folder; replace it by a copy of that folder"
            )
    raise UnsafeFileError(path, f"it is not in {folder}")


@contextlib.contextmanager
def naming(path: Path, *others: Path) -> Iterator[None]:
    """Add the name of a file to each OSError without one, or with that of a temporary file.

    Errors of a write to a descriptor do not name the file.

    Parameters
    ----------
    path
        The file.
    *others
        Other names of the file, such as a temporary one.
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


def unquoted(path: str) -> str:
    """Return a path without the quotes around it that some shells do not remove.

    Parameters
    ----------
    path
        The path as it was typed. If a file has the name with quotes, the path stays as it is.
    """
    is_quoted = len(path) > 2 and path[0] == path[-1] and path[0] in "\"'"
    return path[1:-1] if is_quoted and not os.path.lexists(path) else path

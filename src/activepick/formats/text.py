"""Read text files, and write files atomically."""

import contextlib
import os
import re
from collections.abc import Iterable
from pathlib import Path

from activepick.atomic import replacing
from activepick.errors import TableError
from activepick.files import UnsafeFileError, read_whole
from activepick.formats.table_warnings import warn_table

__all__ = [
    "as_utf8",
    "put_pieces",
    "read_bytes",
    "read_text",
    "read_utf8",
    "write_pieces",
]

_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_ALLOWED = bytes(set(range(256)) - {*range(9), 11, 12, *range(14, 32)})


def read_bytes(path: Path) -> bytes:
    """Read the bytes of a file.

    Raises
    ------
    TableError
        If the file is missing, a folder, or cannot be read.
    """
    try:
        return read_whole(path)
    except FileNotFoundError:
        raise TableError(f"{path} does not exist; check the path") from None
    except IsADirectoryError:
        raise TableError(f"{path} is a folder; give the path of a table in it") from None
    except UnsafeFileError as error:
        raise TableError(f"{path}: {error.strerror}") from None
    except (OSError, ValueError) as error:
        raise TableError(f"{path}: cannot be read ({error})") from error


def as_utf8(data: bytes) -> bytes:
    """Return text without a byte order mark; UTF-16 is converted to UTF-8.

    Parameters
    ----------
    data
        Content of a file, or its beginning. Invalid UTF-16 is returned unchanged.
    """
    if data.startswith(_UTF16):  # "Unicode text" of Excel
        even = data[: len(data) // 2 * 2]
        with contextlib.suppress(UnicodeDecodeError):
            return even.decode("utf-16").encode("utf-8")
    return data.removeprefix(b"\xef\xbb\xbf")


def read_utf8(path: Path, *, may_be_empty: bool = False) -> bytes:
    """Read a text file as UTF-8 without a byte order mark, with newlines as line ends.

    UTF-16 with a byte order mark is converted to UTF-8. Other encodings than these are read as
    latin-1, in which every byte is a character, with a `TableWarning`: only accents in names may be
    wrong.

    Parameters
    ----------
    path
        The file.
    may_be_empty
        Whether an empty file is a table without rows, as in formats that have no header.

    Raises
    ------
    TableError
        If the file is missing, cannot be read, is empty, or is not text.
    """
    data = as_utf8(read_bytes(path))
    if not (may_be_empty or data.strip()):
        raise TableError(
            f"{path}: the file is empty; it may have been truncated while it was written"
        )
    if data.translate(None, _ALLOWED):
        control = _CONTROL.search(data)
        line = 1 + (data.count(b"\n", 0, control.start()) if control else 0)
        raise TableError(
            f"{path}, line {line}: contains bytes that are not text; check that this is a table of "
            "picks, saved as plain text"
        )
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if not data.isascii():
        try:
            data.decode("utf-8")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            warn_table(
                f"not UTF-8 (line {line}); read as latin-1: check accented letters in names",
                file=path,
                kind="latin-1",
            )
            data = data.decode("latin-1").encode("utf-8")
    return data


def read_text(path: Path, *, may_be_empty: bool = False) -> str:
    """Read a text file; see `read_utf8`."""
    return read_utf8(path, may_be_empty=may_be_empty).decode("utf-8")


def put_pieces(path: Path, pieces: Iterable[str | bytes]) -> None:
    """Write pieces one after the other; texts are encoded as UTF-8."""
    with path.open("wb") as file:
        file.writelines(p.encode("utf-8") if isinstance(p, str) else p for p in pieces)


def write_pieces(path: str | os.PathLike[str], pieces: Iterable[str | bytes]) -> None:
    """Write a file atomically.

    Parameters
    ----------
    path
        The file to create or replace.
    pieces
        Content of the file in pieces, so that a large table is never in memory as a whole.

    Raises
    ------
    TableError
        If it cannot be written, for example because the disk is full or the path is a folder.
    """
    try:
        with replacing(path) as temporary:
            put_pieces(temporary, pieces)
    except OSError as error:
        raise TableError(f"{os.fspath(path)}: cannot be written ({error.strerror})") from error

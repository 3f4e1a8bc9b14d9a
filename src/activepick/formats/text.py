"""Text files of tables: read whatever was saved, write whole files only."""

import os
import re
import warnings
from pathlib import Path

from activepick.atomic import replacing
from activepick.errors import TableError

__all__ = ["TableWarning", "read_text", "write_text"]

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


class TableWarning(UserWarning):
    """Something in a table was left out or read in a way that the user should know."""


def read_text(path: Path) -> str:
    """Read a text file, with line ends of any kind turned into newlines.

    UTF-8, with or without a byte order mark. Anything else is read as latin-1, in which every byte
    is a character, with a `TableWarning`: only accents in names can come out wrong.

    Raises
    ------
    TableError
        When the file is missing, cannot be read, is empty, or is not text.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise TableError(f"{path}: there is no such file; check the path") from None
    except IsADirectoryError:
        raise TableError(f"{path}: this is a folder; give the path of a table in it") from None
    except (OSError, ValueError) as error:
        raise TableError(f"{path}: cannot be read ({error})") from error
    if not data.strip():
        raise TableError(f"{path}: the file is empty; was it cut off while it was written?")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        text = data.decode("latin-1")
        if not _CONTROL.search(text):
            message = f"{path}, line {line}: not UTF-8; read as latin-1, so check accents in names"
            warnings.warn(message, TableWarning, stacklevel=4)
    if control := _CONTROL.search(text):
        line = text.count("\n", 0, control.start()) + 1
        raise TableError(
            f"{path}, line {line}: holds bytes that no text has; is this a table of picks, saved "
            "as plain text?"
        )
    return text.replace("\r\n", "\n").replace("\r", "\n")


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write a text file as UTF-8 with newlines, whole or not at all.

    Raises
    ------
    TableError
        When it cannot be written, for example because the disk is full or it is a folder.
    """
    try:
        with replacing(path) as temporary:
            temporary.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise TableError(f"{os.fspath(path)}: cannot be written ({error.strerror})") from error

"""Text files of nothing but numbers, a row a line, as EMAN and others write them."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from activepick.errors import TableError
from activepick.formats.text import read_text

__all__ = ["first_words", "read_numbers"]


def first_words(head: bytes) -> list[str]:
    """Give the words of the first line that is neither empty nor a comment."""
    for line in head.decode("latin-1").replace("\r", "\n").split("\n"):
        if line.strip() and not line.lstrip().startswith("#"):
            return line.split()
    return []


def read_numbers(
    path: Path, columns: range, what: str, *, header: bool = False
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Read rows of numbers, separated by blanks or tabs.

    Parameters
    ----------
    path
        The file. Empty lines and comments (``#``) are left out; an empty file has no rows.
    columns
        How many numbers a row may have, the same in all rows.
    what
        What a row should be, for messages.
    header
        Whether a first line that does not begin with a number is left out.

    Returns
    -------
    numbers : ndarray of float, (n, columns)
        Without rows as many columns as there have to be.
    lines : ndarray of int, (n,)
        The line of the file on which each row stands.

    Raises
    ------
    TableError
        For rows that are too short or too long and for words that are no numbers, with the line.
    """
    rows: list[list[float]] = []
    lines: list[int] = []
    for number, line in enumerate(read_text(path, may_be_empty=True).split("\n"), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if header and number == 1 and _number(words[0]) is None:
            continue
        if len(words) not in columns:
            raise TableError(f"{path}, line {number}: {len(words)} values; {what}")
        if rows and len(words) != len(rows[0]):
            raise TableError(
                f"{path}, line {number}: {len(words)} values where the line before has "
                f"{len(rows[0])}; the file may be cut off"
            )
        values = [_number(word) for word in words]
        if None in values:
            word = words[values.index(None)]
            raise TableError(f"{path}, line {number}: {word[:40]!r} is not a number; {what}")
        rows.append([value for value in values if value is not None])
        lines.append(number)
    width = len(rows[0]) if rows else columns[0]
    return np.array(rows, dtype=np.float64).reshape(-1, width), np.array(lines, dtype=np.int64)


def _number(word: str) -> float | None:
    """Give the number that a word is; underscores within, which Python takes, are none."""
    try:
        return None if "_" in word else float(word)
    except ValueError:
        return None

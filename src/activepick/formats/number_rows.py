"""Read text files of numbers with one row per line, as written by EMAN and others."""

import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from activepick.errors import TableError
from activepick.formats.columns import Lines
from activepick.formats.many_files import Rows
from activepick.formats.refusals import refuse_filament
from activepick.formats.text import read_utf8
from activepick.wording import counted

__all__ = ["NumberFile", "first_words", "parse_joined", "read_numbers", "rows_of_numbers"]

Floats = npt.NDArray[np.float64]
# Bytes that plain rows of numbers do not contain: comments, quotes, and underscores in digits.
_NOT_PLAIN = b"#\"'_"
_HELIX = re.compile(r"\s*#\s*helix\b", re.IGNORECASE)


@dataclass(frozen=True)
class NumberFile:
    """Describe the rows of a text file of numbers.

    Attributes
    ----------
    columns
        Allowed numbers of values in a row, the same in all rows.
    what
        Description of a valid row, for messages.
    header
        Whether a first line that does not begin with a number is left out.
    """

    columns: range
    what: str
    header: bool = False


def first_words(head: bytes) -> list[str]:
    """Return the words of the first line that is neither empty nor a comment."""
    for line in head.decode("latin-1").replace("\r", "\n").split("\n"):
        if line.strip() and not line.lstrip().startswith("#"):
            return line.split()
    return []


def read_numbers(path: Path, file: NumberFile) -> tuple[Floats, Lines]:
    """Read rows of numbers, separated by blanks or tabs.

    Parameters
    ----------
    path
        The file. Empty lines and comments (``#``) are left out; an empty file has no rows.
    file
        Description of the rows.

    Returns
    -------
    numbers : ndarray of float, (n, columns)
        Without rows, the smallest number of columns.
    lines : callable
        Returns the line number of each row, ``(n,)``.

    Raises
    ------
    TableError
        For rows that are too short or too long, for words that are not numbers, and for filaments,
        with the line.
    """
    data = read_utf8(path, may_be_empty=True)
    numbers = _at_once(_without_header(data, file), file)
    if numbers is not None:
        return numbers, lambda: _row_lines(data, file)
    return _one_by_one(data, path, file)


def rows_of_numbers(path: Path, file: NumberFile) -> Rows | None:
    """Read the rows of a file without parsing them; None if there are empty lines between them.

    The kind is the number of columns; see `activepick.formats.many_files.read_together`.
    """
    data = _without_header(read_utf8(path, may_be_empty=True), file)
    if b"\n\n" in data:
        return None
    return Rows(len(data.partition(b"\n")[0].split()) if data else None, data)


def parse_joined(data: bytes, count: int, path: Path, file: NumberFile) -> Floats:
    """Parse the joined rows of several files, ``(count, columns)``.

    Raises
    ------
    TableError
        If the rows have to be read one by one.
    """
    numbers = _at_once(data, file)
    if numbers is None or len(numbers) != count:
        raise TableError(f"{path}: the rows of these files have to be read one by one")
    return numbers


def _without_header(data: bytes, file: NumberFile) -> bytes:
    """Return the content of a file without the header and the empty lines at its end."""
    data = data.rstrip()
    if file.header and data:
        first, _, rest = data.partition(b"\n")
        words = first.split()
        if words and not words[0].startswith(b"#") and _is_heading(words[0].decode()):
            return rest
    return data


def _at_once(data: bytes, file: NumberFile) -> Floats | None:
    """Parse all rows at once; None if one has to be read separately."""
    if not data.strip():
        return np.empty((0, file.columns[0]))
    if any(byte in data for byte in _NOT_PLAIN):
        return None
    options: dict[str, Any] = {
        "sep": r"\s+",
        "header": None,
        "dtype": np.float64,
        "keep_default_na": False,
        "quoting": csv.QUOTE_NONE,
        "encoding": "utf-8",
    }
    first = len(data.lstrip().partition(b"\n")[0].split())
    if first not in file.columns:  # also spares pandas a line of a million values
        return None
    try:
        numbers = pd.read_csv(io.BytesIO(data), **options).to_numpy(np.float64)
    except (ValueError, OverflowError):
        return None
    # A row that is too short is filled with NaN.
    return None if numbers.shape[1] != first or np.isnan(numbers).any() else numbers


def _row_lines(data: bytes, file: NumberFile) -> npt.NDArray[np.int64]:
    """Return the lines of the rows of a file that was parsed at once."""
    skipped = data.count(b"\n", 0, len(data.rstrip())) - _without_header(data, file).count(b"\n")
    rows = enumerate(_without_header(data, file).split(b"\n"), 1 + skipped)
    return np.array([line for line, row in rows if row.strip()], dtype=np.int64)


def _one_by_one(data: bytes, path: Path, file: NumberFile) -> tuple[Floats, Lines]:
    """Parse row by row, to find the line of an error."""
    rows: list[list[float]] = []
    lines: list[int] = []
    for number, line in enumerate(data.decode("utf-8").split("\n"), 1):
        if _HELIX.match(line):  # e2helixboxer's segments, below a comment for each filament
            refuse_filament(path, "points on filaments (#helix)", number)
        words = line.partition("#")[0].split()
        if not words or (file.header and number == 1 and _is_heading(words[0])):
            continue
        if len(words) not in file.columns:
            raise TableError(f"{path}, line {number}: {counted(len(words), 'value')}; {file.what}")
        if rows and len(words) != len(rows[0]):
            raise TableError(
                f"{path}, line {number}: {counted(len(words), 'value')} where the line before has "
                f"{len(rows[0])}; the file may be truncated"
            )
        values = [_number(word) for word in words]
        if None in values:
            word = words[values.index(None)]
            raise TableError(f"{path}, line {number}: {word[:40]!r} is not a number; {file.what}")
        rows.append([value for value in values if value is not None])
        lines.append(number)
    width = len(rows[0]) if rows else file.columns[0]
    numbers = np.array(rows, dtype=np.float64).reshape(-1, width)
    return numbers, lambda: np.array(lines, dtype=np.int64)


def _is_heading(word: str) -> bool:
    """Return whether the first word of a line starts a heading, not a number (10,20 is neither)."""
    return _number(word) is None and word[0] not in "0123456789+-.,"


def _number(word: str) -> float | None:
    """Return the number of a word; unlike in Python, underscores are not allowed."""
    try:
        return None if "_" in word else float(word)
    except ValueError:
        return None

"""Convert the rows of a STAR table to a data frame."""

import csv
import io
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from activepick.errors import TableError
from activepick.formats.values import without_endless
from activepick.wording import counted

__all__ = ["parse_rows", "tokens_of", "without_comment"]

# A quoted token ends at a quote that is followed by a space; other quotes in it are data.
_TOKEN = r"""(?<![^ \t])(?:{double}|{single})(?![^ \t])|([^ \t]+)"""
_NONE = "((?!))"
# By whether a double and a single quote may begin a value.
_TOKENS = {
    (double, single): re.compile(
        _TOKEN.format(double='"(.*?)"' if double else _NONE, single="'(.*?)'" if single else _NONE)
    )
    for double in (False, True)
    for single in (False, True)
}
# A quote that may end a value.
_ENDS = (re.compile(r'"(?![^ \t])'), re.compile(r"'(?![^ \t])"))
_BARE = re.compile(r"[^ \t]+")
_COMMENT = re.compile(rb"(?:(?<=[ \t\n])|^)#[^\n]*")
_MISSING = ["nan", "NaN", "-nan", "<NA>"]
# Column after the last one, which is empty unless a row is too long. A missing value becomes an
# empty text, which values between spaces cannot be.
_BEYOND = "beyond the last column"


def parse_rows(
    data: bytes, columns: Sequence[str], path: Path, lines: Callable[[], npt.NDArray[np.int64]]
) -> pd.DataFrame:
    """Return rows as a data frame: numbers if a whole column is numeric, otherwise texts.

    Parameters
    ----------
    data
        The rows in UTF-8, one in each line, without other lines between them. Comments after them
        are ignored.
    columns
        The columns of the table.
    path
        The file, for messages.
    lines
        Function that returns the line number of each row, ``(n,)``; called only for messages.

    Raises
    ------
    TableError
        If a row has more or fewer values than there are columns, with the line.
    """
    if not data or b'"' in data or b"'" in data:
        return _quoted(data, columns, path, lines)
    if b"#" in data:
        data = _COMMENT.sub(b"", data)
    # pandas assumes that the first row is the widest one, and a column costs more than a value.
    first = len(data.split(b"\n", 1)[0].split())
    if first != len(columns):
        raise _wrong_width(first, len(columns), path, lines()[0])
    texts = [name for name in columns if name.endswith("Name")]
    try:
        with warnings.catch_warnings():
            # A column with mixed types has to be read in one piece.
            warnings.simplefilter("error", pd.errors.DtypeWarning)
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = _read(data, columns, texts, low_memory=True)
    except pd.errors.DtypeWarning:
        frame = _read(data, columns, texts, low_memory=False)
    except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
        _check_widths(data, len(columns), path, lines)
        raise TableError(f"{path}, from line {lines()[0]}: {error}") from error
    last = frame[columns[-1]]
    too_short = not pd.api.types.is_numeric_dtype(last) and (last == "").any()
    if too_short or frame[_BEYOND].cat.categories.tolist() != [""]:
        _check_widths(data, len(columns), path, lines)
    return frame.drop(columns=_BEYOND).apply(without_endless)


def _read(
    data: bytes, columns: Sequence[str], texts: list[str], *, low_memory: bool
) -> pd.DataFrame:
    options: dict[str, Any] = {
        "sep": r"\s+",
        "header": None,
        "names": [*columns, _BEYOND],
        "index_col": False,
        "dtype": {**dict.fromkeys(texts, str), _BEYOND: "category"},
        "keep_default_na": False,
        "na_values": {name: _MISSING for name in columns if name not in texts},
        "quoting": csv.QUOTE_NONE,
        "encoding": "utf-8",
        "low_memory": low_memory,
    }
    frame: pd.DataFrame = pd.read_csv(io.BytesIO(data), **options)
    return frame


def _check_widths(
    data: bytes, width: int, path: Path, lines: Callable[[], npt.NDArray[np.int64]]
) -> None:
    for row, line in enumerate(data.split(b"\n")):
        if len(line.split()) != width:
            raise _wrong_width(len(line.split()), width, path, lines()[row])


def _quoted(
    data: bytes, columns: Sequence[str], path: Path, lines: Callable[[], npt.NDArray[np.int64]]
) -> pd.DataFrame:
    """Read rows with quoted values, which is about twenty times slower."""
    rows = [tokens_of(row) for row in data.decode("utf-8").split("\n")] if data else []
    for row, tokens in enumerate(rows):
        if len(tokens) != len(columns):
            raise _wrong_width(len(tokens), len(columns), path, lines()[row])
    frame = pd.DataFrame(rows, columns=list(columns), dtype=str)
    for name in frame.columns:
        if not name.endswith("Name") and len(frame):
            try:
                numbers = pd.to_numeric(frame[name].mask(frame[name].isin(_MISSING)))
                frame[name] = without_endless(numbers)
            except (ValueError, TypeError, OverflowError):
                continue
    return frame


def _wrong_width(count: int, width: int, path: Path, line: int) -> TableError:
    return TableError(
        f"{path}, line {line}: {counted(count, 'value')} where the table has "
        f"{counted(width, 'column')}; the file may be "
        "truncated, or a name contains a space without quotes"
    )


def tokens_of(row: str) -> list[str]:
    """Return the values in a row, which are separated by spaces outside quotes, up to a comment.

    Parameters
    ----------
    row
        The text of one line.
    """
    if '"' not in row and "'" not in row:
        bare = _BARE.findall(row)
        if "#" not in row:
            return bare
        return list(takewhile(lambda token: not token.startswith("#"), bare))
    tokens = takewhile(lambda match: not (match[3] or "").startswith("#"), _matches(row))
    return [match[1] or match[2] or match[3] or "" for match in tokens]


def _matches(row: str) -> Iterator[re.Match[str]]:
    """Yield the values in a row with quotes, each as a match of `_TOKEN`.

    No value starts with a quote after the last quote that can end a value. Searching for the end
    from each of them would take a quadratic time.
    """
    ends = [max((m.start() for m in end.finditer(row)), default=-1) for end in _ENDS]
    position = 0
    while position < len(row):
        double, single = (position < end for end in ends)
        for match in _TOKENS[double, single].finditer(row, position):
            yield match
            position = match.end()
            if (double and position >= ends[0]) or (single and position >= ends[1]):
                break
        else:
            return


def without_comment(line: bytes) -> bytes:
    """Return a line without its comment; ``#`` inside a value or quotes does not start a comment.

    Parameters
    ----------
    line
        One line in UTF-8, without spaces around it.
    """
    if b"#" not in line:
        return line
    if b'"' not in line and b"'" not in line:
        return _COMMENT.sub(b"", line).rstrip(b" \t")
    text = line.decode("utf-8")
    starts = (m.start() for m in _matches(text) if (m[3] or "").startswith("#"))
    return text[: next(starts, None)].rstrip(" \t").encode("utf-8")

"""CSV with a header line: ``micrograph,x,y,score,label`` and any other column.

The separator is a comma, a semicolon or a tab, whichever splits the header into known columns;
with semicolons, numbers may have decimal commas. This is the one format that holds everything.
"""

import contextlib
import csv
import io
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from activepick.errors import TableError
from activepick.formats.columns import standard_names, standard_table
from activepick.formats.plain_rows import plain_rows
from activepick.formats.text import read_utf8

__all__ = ["read_csv", "read_separated", "render_csv", "sniff", "split_header"]

_SEPARATORS = ",;\t"
# Rows that are text at the same time.
_ROWS = 20_000


def split_header(line: str, separators: str = _SEPARATORS) -> tuple[str, list[str]]:
    """Give the separator that splits a header into the most known columns, and the columns."""
    best: tuple[int, str, list[str]] = (-1, separators[0], [line])
    for separator in separators:
        try:
            columns = [c.strip() for c in next(csv.reader([line], delimiter=separator))]
        except (csv.Error, StopIteration):
            continue
        known = len(standard_names(columns))
        if known > best[0]:
            best = (known, separator, columns)
    return best[1], best[2]


def sniff(head: bytes) -> bool:
    """Tell whether the first line is a header with coordinates."""
    line = head.decode("latin-1").lstrip("\ufeffï»¿").replace("\r", "\n").split("\n", 1)[0]
    found = set(standard_names(split_header(line)[1]).values())
    return {"micrograph", "x", "y"} <= found and "x_coord" not in line


def read_csv(path: Path) -> pd.DataFrame:
    """Read a CSV file; see `activepick.formats.read_table` for what comes out.

    Raises
    ------
    TableError
        For wrong columns, rows of another length, and values that are not right, with the line.
    """
    return read_separated(path, _SEPARATORS)


def read_separated(path: Path, separators: str) -> pd.DataFrame:
    """Read a table with a header line whose separator is one of these characters."""
    data = read_utf8(path)
    skipped = len(data) - len(data.lstrip(b"\n"))
    header, _, body = data[skipped:].partition(b"\n")
    separator, columns = split_header(header.decode("utf-8"), separators)
    repeated = [name for name, count in Counter(columns).items() if name and count > 1]
    if repeated:
        raise TableError(f"{path}, line 1: the column {repeated[0][:40]!r} is there twice")
    standard = standard_names(columns)
    plain = plain_rows(body, separator, columns, standard)
    if plain is not None:
        numbers = np.arange(len(plain))
        with contextlib.suppress(TableError):  # below it is said where
            return _table(plain, columns, path, lambda: numbers, False)
    lines: list[int] = []
    raw = _one_by_one(data[skipped:].decode("utf-8"), separator, columns, lines, skipped, path)
    return _table(raw, columns, path, lambda: np.array(lines, np.int64), separator == ";")


def _table(
    raw: pd.DataFrame,
    columns: list[str],
    path: Path,
    lines: Callable[[], npt.NDArray[np.int64]],
    decimal_comma: bool,
) -> pd.DataFrame:
    named = raw.loc[:, [bool(name) for name in columns]].rename(columns=standard_names(columns))
    return standard_table(named, path, lines, decimal_comma=decimal_comma)


def _one_by_one(
    text: str, separator: str, columns: list[str], lines: list[int], skipped: int, path: Path
) -> pd.DataFrame:
    """Read row by row, and note the line of each."""
    # A row has to be a line: without strictness a lone quote would swallow the rest of the file.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    rows = []
    try:
        next(reader)
        for row in reader:
            if not row or (len(row) == 1 and not row[0].strip()):
                continue
            line = reader.line_num + skipped
            if len(row) != len(columns):
                raise TableError(
                    f"{path}, line {line}: {len(row)} values where the header has {len(columns)} "
                    "columns; the file may be cut off, or a name holds the separator unquoted"
                )
            rows.append(row)
            lines.append(line)
    except csv.Error as error:
        raise TableError(f"{path}, line {reader.line_num + skipped}: {error}") from None
    return pd.DataFrame(rows, columns=columns, dtype=str)


def render_csv(table: pd.DataFrame, path: Path) -> Iterable[str]:
    """Give the text of a CSV file (tabs in `.tsv`); all columns and all digits are kept."""
    separator = "\t" if path.suffix.lower() == ".tsv" else ","
    first = [name for name in ("micrograph", "x", "y", "score", "label") if name in table]
    ordered = table[first + [name for name in table.columns if name not in first]]
    return (
        ordered.iloc[start : start + _ROWS].to_csv(
            index=False, header=start == 0, lineterminator="\n", sep=separator
        )
        for start in range(0, max(len(ordered), 1), _ROWS)
    )

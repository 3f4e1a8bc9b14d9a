"""Write many tables into one file, with a bounded number of rows in memory."""

import os
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import pandas as pd

from activepick.errors import TableError
from activepick.formats import write_table
from activepick.formats.format import Format
from activepick.formats.table_check import check_table
from activepick.formats.text import write_pieces

__all__ = ["write_merged"]

# Rows in memory at the same time, for formats that can be written piece by piece.
ROWS = 200_000


def write_merged(
    tables: Iterable[pd.DataFrame],
    path: Path,
    format: Format,
    options: Mapping[str, Any],
    rows: int = ROWS,
) -> None:
    """Write tables one after the other into one file, completely or not at all.

    For STAR and CSV only some of the tables are in memory at a time, for other formats all.

    Parameters
    ----------
    tables
        At least one table, all with the same columns.
    path
        Path of the file.
    format, options
        As for `activepick.formats.write_table`.
    rows
        Rows in memory at a time.

    Raises
    ------
    TableError
        If the file cannot be written.
    """
    groups = _groups(iter(tables), rows if format.name in ("star", "csv") else None)
    first, second = next(groups), next(groups, None)
    if second is None:
        write_table(first, path, format, **options)
        return

    def pieces() -> Iterator[str]:
        yield _text(first, path, format, options).rstrip("\n") + "\n"
        for group in chain([second], groups):
            yield "".join(f"{row}\n" for row in _rows(_text(group, path, format, options)))
        yield "\n" if format.name == "star" else ""

    write_pieces(path, pieces())


def _groups(tables: Iterator[pd.DataFrame], rows: int | None) -> Iterator[pd.DataFrame]:
    """Yield tables joined until they have enough rows; one empty table if there are no rows."""
    waiting: list[pd.DataFrame] = []
    empty: pd.DataFrame | None = None
    count = 0
    yielded = False
    for table in tables:
        empty = table.iloc[:0] if empty is None else empty
        if len(table):
            waiting.append(table)
            count += len(table)
        if rows is not None and count >= rows:
            yield _joined(waiting)
            waiting, count, yielded = [], 0, True
    if empty is None:
        raise TableError("there is nothing to write")
    if waiting or not yielded:
        yield _joined(waiting or [empty])


def _joined(tables: list[pd.DataFrame]) -> pd.DataFrame:
    whole = pd.concat(tables, ignore_index=True)
    whole.attrs = dict(tables[0].attrs)
    return whole


def _text(table: pd.DataFrame, path: Path, format: Format, options: Mapping[str, Any]) -> str:
    pieces = format.render(check_table(table, os.fspath(path)), path, **options)
    return "".join(piece if isinstance(piece, str) else piece.decode() for piece in pieces)


def _rows(text: str) -> list[str]:
    """Return the lines below the header of a CSV file, or below the labels of a STAR file."""
    lines = [line for line in text.split("\n") if line]
    tags = [k for k, line in enumerate(lines) if line.startswith("_")]
    return lines[(tags[-1] if tags else 0) + 1 :]

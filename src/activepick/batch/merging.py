"""One file out of many tables, some of them in memory at a time."""

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

# Rows that are in memory at the same time where a format can be written piece by piece.
ROWS = 200_000


def write_merged(
    tables: Iterable[pd.DataFrame],
    path: Path,
    format: Format,
    options: Mapping[str, Any],
    rows: int = ROWS,
) -> None:
    """Write tables one behind the other into one file, whole or not at all.

    In STAR and CSV only some of them are in memory at a time; in other formats all are.

    Parameters
    ----------
    tables
        With the same columns, at least one.
    path
        The file.
    format, options
        As of `activepick.formats.write_table`.
    rows
        How many are in memory at a time.

    Raises
    ------
    TableError
        When the file cannot be written.
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
    """Put tables together until they have enough rows; without any row give an empty one."""
    waiting: list[pd.DataFrame] = []
    empty: pd.DataFrame | None = None
    count = 0
    given = False
    for table in tables:
        empty = table.iloc[:0] if empty is None else empty
        if len(table):
            waiting.append(table)
            count += len(table)
        if rows is not None and count >= rows:
            yield _joined(waiting)
            waiting, count, given = [], 0, True
    if empty is None:
        raise TableError("there is nothing to write")
    if waiting or not given:
        yield _joined(waiting or [empty])


def _joined(tables: list[pd.DataFrame]) -> pd.DataFrame:
    whole = pd.concat(tables, ignore_index=True)
    whole.attrs = dict(tables[0].attrs)
    return whole


def _text(table: pd.DataFrame, path: Path, format: Format, options: Mapping[str, Any]) -> str:
    pieces = format.render(check_table(table, os.fspath(path)), path, **options)
    return "".join(piece if isinstance(piece, str) else piece.decode() for piece in pieces)


def _rows(text: str) -> list[str]:
    """Give the lines behind the header: that of CSV, or the last column of a STAR file."""
    lines = [line for line in text.split("\n") if line]
    tags = [k for k, line in enumerate(lines) if line.startswith("_")]
    return lines[(tags[-1] if tags else 0) + 1 :]

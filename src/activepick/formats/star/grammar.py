"""The blocks of a STAR file, each with the lines its rows stand on.

The ``starfile`` package is not used for reading: it pads rows that are cut off, takes files that
are not UTF-8 for empty, and knows no line numbers, all of which a person with a broken file needs.
On well-formed files both read the same, which the tests make sure of.
"""

import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from activepick.errors import TableError
from activepick.formats.star.rows import parse_rows, tokens_of

__all__ = ["Block", "read_blocks"]

_TAG = re.compile(rb"_([^\s#]+)(?:\s+#\s*\d+)?\s*")
# Where a run of rows ends: before a line that is empty, a comment, or may begin a block.
_NO_ROW = re.compile(rb"\n(?=[ \t]*(?:\n|#|data_|\Z))")


@dataclass
class Block:
    """A ``data_`` block: its name, its columns, and where its rows are.

    `runs` are pieces of the file that hold nothing but rows, each as its bytes and the number of
    its first line.
    """

    name: str
    line: int
    columns: list[str] = field(default_factory=list)
    runs: list[tuple[bytes, int]] = field(default_factory=list)

    def __len__(self) -> int:
        return sum(run.count(b"\n") + 1 for run, _ in self.runs)

    def line_numbers(self) -> npt.NDArray[np.int64]:
        """Give the line of the file on which each row stands."""
        runs = [np.arange(run.count(b"\n") + 1) + first for run, first in self.runs]
        return np.concatenate([*runs, np.empty(0, np.int64)]).astype(np.int64)

    def frame(self, path: Path) -> pd.DataFrame:
        """Give the rows as a table: numbers where a whole column is numbers, names as texts.

        Raises
        ------
        TableError
            When a row has more or fewer values than there are columns.
        """
        data = self.runs[0][0] if len(self.runs) == 1 else b"\n".join(run for run, _ in self.runs)
        return parse_rows(data, self.columns, path, self.line_numbers)


def read_blocks(data: bytes, path: Path) -> list[Block]:
    """Split a STAR file into its blocks.

    Parameters
    ----------
    data
        The file in UTF-8, with newlines as line ends.
    path
        For messages.

    Raises
    ------
    TableError
        When there is no block, or a line is in no block or no table, with the line.
    """
    blocks: list[Block] = []
    state = "outside"  # then: block (no column yet), pairs, columns (of a loop), rows
    start, number = 0, 0
    while start <= len(data):
        end = data.find(b"\n", start)
        end = len(data) if end < 0 else end
        line, number, here = data[start:end].strip(b" \t"), number + 1, start
        start = end + 1
        if not line or line.startswith(b"#"):
            continue
        if _starts_block(line) and state != "columns":
            blocks.append(Block(_text(line[5:]), number))
            state = "block"
        elif state == "outside":
            raise TableError(f"{path}, line {number}: text before the first data_ block of a STAR")
        elif line == b"loop_" and state in ("block", "pairs"):
            state = "columns"
        elif state in ("block", "pairs") and line.startswith(b"_"):
            _add_pair(blocks[-1], line, number, path)
            state = "pairs"
        elif state == "columns" and (tag := _TAG.fullmatch(line)):
            blocks[-1].columns.append(_text(tag[1]))
        elif state == "columns" and _starts_block(line) and len(blocks[-1].columns) > 1:
            # An empty table before. With one column it would be a row, with a name like data_1.mrc.
            blocks.append(Block(_text(line[5:]), number))
            state = "block"
        elif state in ("columns", "rows") and blocks[-1].columns:
            stop = _NO_ROW.search(data, here)
            end = stop.start() if stop else len(data)
            run = data[here:end]
            blocks[-1].runs.append((run, number))
            start, number = end + 1, number + run.count(b"\n")
            state = "rows"
        else:
            raise TableError(f"{path}, line {number}: values without columns in a STAR block")
    if not blocks:
        raise TableError(f"{path}: no data_ block, so this is no STAR file")
    for block in blocks:
        repeated = [name for name, count in Counter(block.columns).items() if count > 1]
        if repeated:
            raise TableError(
                f"{path}, line {block.line}: the column {repeated[0][:40]} comes twice"
            )
    return blocks


def _starts_block(line: bytes) -> bool:
    """Tell ``data_particles`` from a row that begins with a name such as ``data_1.mrc``."""
    return line.startswith(b"data_") and len(line.split(None, 1)) == 1


def _add_pair(block: Block, line: bytes, number: int, path: Path) -> None:
    """Add ``_name value``; a block of pairs is a table of one row."""
    parts = line.split(None, 1)
    if len(parts) != 2 or len(tokens_of(parts[1].decode())) != 1:
        raise TableError(
            f"{path}, line {number}: expected one name and one value; the file may be cut off, or "
            "the line loop_ is missing"
        )
    block.columns.append(_text(parts[0][1:]))
    block.runs = [(block.runs[0][0] + b" " + parts[1] if block.runs else parts[1], number)]


def _text(name: bytes) -> str:
    return name.decode("utf-8")

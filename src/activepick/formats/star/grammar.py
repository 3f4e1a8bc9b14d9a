"""Parse the tables of a STAR file, with the line numbers of their rows.

Files are read as in RELION: text before the first ``data_`` is ignored; ``#`` starts a comment at
the start of a line or after a space, also after labels, rows, ``loop_`` and ``data_``; a label ends
at a space or ``#``. In addition, a block may contain several loops, empty lines and comments may be
between rows, and keywords may be in upper case, as in files of other programs.

The ``starfile`` package is not used for reading: it pads truncated rows, reads files that are not
UTF-8 as empty, and has no line numbers, which are needed for damaged files. Both give the same
result for well-formed files, as the tests check.
"""

import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from activepick.errors import TableError
from activepick.formats.limits import check_width
from activepick.formats.star.rows import parse_rows, tokens_of, without_comment

__all__ = ["Block", "read_blocks"]

_DATA = re.compile(rb"data_(\S*)", re.IGNORECASE)
# A label is followed only by a comment, so that a row that starts with a name such as _1.mrc is not
# a label; RELION's own labels may be followed by any text.
_LABEL = re.compile(rb"_([^\s#]+)(?:\s*#.*)?|_(rln[A-Za-z0-9]+)\s.*")
_PAIR = re.compile(rb"_([^\s#]+)\s+(\S.*)")
# Where a run of rows ends: before a line that is empty, a comment, or may begin a table.
_NO_ROW = re.compile(
    rb"\n(?=[ \t]*(?:\n|#|[dD][aA][tT][aA]_|[lL][oO][oO][pP]_[ \t]*(?:[\n#]|\Z)|\Z))"
)


@dataclass
class Block:
    """A table of a STAR file: a loop, or pairs of labels and values as a table of one row.

    A ``data_`` block with several loops is as many tables of the same name.

    Attributes
    ----------
    name
        Name of the ``data_`` block, empty for ``data_``.
    line
        Line of the file on which the table begins.
    columns
        Labels without the first underscore.
    runs
        Pieces of the file that contain only rows, each as its bytes and the number of its first
        line.
    preamble
        Text of the file before its first block, such as comments.
    """

    name: str
    line: int
    columns: list[str] = field(default_factory=list)
    runs: list[tuple[bytes, int]] = field(default_factory=list)
    preamble: bytes = b""

    def __len__(self) -> int:
        return sum(run.count(b"\n") + 1 for run, _ in self.runs)

    def line_numbers(self) -> npt.NDArray[np.int64]:
        """Return the line number of each row, ``(n,)``."""
        runs = [np.arange(run.count(b"\n") + 1) + first for run, first in self.runs]
        return np.concatenate([*runs, np.empty(0, np.int64)]).astype(np.int64)

    def frame(self, path: Path) -> pd.DataFrame:
        """Return the rows as a table: numbers if a whole column is numeric, otherwise texts.

        Parameters
        ----------
        path
            The file, for messages.

        Raises
        ------
        TableError
            If a row has more or fewer values than there are columns.
        """
        data = self.runs[0][0] if len(self.runs) == 1 else b"\n".join(run for run, _ in self.runs)
        return parse_rows(data, self.columns, path, self.line_numbers)


def read_blocks(data: bytes, path: Path) -> list[Block]:
    """Split a STAR file into its tables.

    Parameters
    ----------
    data
        The file in UTF-8, with newlines as line ends.
    path
        The file, for messages.

    Raises
    ------
    TableError
        If there is no block, or, with the line number, if a line does not belong to a table.
    """
    blocks: list[Block] = []
    state = "outside"  # then: block (no label yet), pairs, labels (of a loop), rows
    start, number, first_text, preamble = 0, 0, 0, b""
    while start <= len(data):
        end = data.find(b"\n", start)
        end = len(data) if end < 0 else end
        line, number, here = data[start:end].strip(b" \t"), number + 1, start
        start = end + 1
        if not line or line.startswith(b"#"):
            continue
        bare = without_comment(line)
        if (match := _DATA.fullmatch(bare)) and not _is_row(blocks, state):
            preamble = preamble if blocks else data[:here]
            blocks.append(Block(_text(match[1]), number))
            state = "block"
        elif state == "outside":
            first_text = first_text or number
        elif bare.lower() == b"loop_":
            if state != "block":
                blocks.append(Block(blocks[-1].name, number))
            state = "labels"
        elif state == "labels" and (match := _LABEL.fullmatch(line)):
            blocks[-1].columns.append(_text(match[1] or match[2]))
        elif state == "labels" and blocks[-1].columns:
            start, number = _add_rows(blocks[-1], data, here, number)
            state = "rows"
        elif state in ("block", "pairs") and line.startswith(b"_"):
            _add_pair(blocks[-1], bare, number, path)
            state = "pairs"
        elif state == "rows" and _is_pair(bare, blocks[-1]):
            blocks.append(Block(blocks[-1].name, number))
            _add_pair(blocks[-1], bare, number, path)
            state = "pairs"
        elif state == "rows":
            start, number = _add_rows(blocks[-1], data, here, number)
        else:
            raise TableError(f"{path}, line {number}: values without columns in a STAR block")
    if not blocks:
        place = f"{path}, line {first_text}" if first_text else f"{path}"
        raise TableError(f"{place}: no data_ block, so this is not a STAR file")
    for block in blocks:
        block.preamble = preamble
        check_width(len(block.columns), path, block.line)
        repeated = [name for name, count in Counter(block.columns).items() if count > 1]
        if repeated:
            raise TableError(
                f"{path}, line {block.line}: the column {repeated[0][:40]} is repeated"
            )
    return blocks


def _is_row(blocks: list[Block], state: str) -> bool:
    """Return whether a line like ``data_1.mrc`` is a row: the first one of a single column."""
    return state == "labels" and len(blocks[-1].columns) == 1


def _add_rows(block: Block, data: bytes, here: int, number: int) -> tuple[int, int]:
    """Add rows; return the start of the next line and the line number of the last row."""
    stop = _NO_ROW.search(data, here)
    end = stop.start() if stop else len(data)
    run = data[here:end]
    block.runs.append((run, number))
    return end + 1, number + run.count(b"\n")


def _is_pair(line: bytes, block: Block) -> bool:
    """Return whether a line after the rows of a loop is a label with its value, not a row."""
    if not (match := _PAIR.fullmatch(line)) or len(tokens_of(_text(match[2]))) != 1:
        return False
    return len(block.columns) != 2 or match[1].startswith(b"rln")


def _add_pair(block: Block, line: bytes, number: int, path: Path) -> None:
    match = _PAIR.fullmatch(line)
    if match is None or len(tokens_of(_text(match[2]))) != 1:
        raise TableError(
            f"{path}, line {number}: expected one name and one value; the file may be "
            "truncated, or "
            "the line loop_ is missing"
        )
    block.columns.append(_text(match[1]))
    value = match[2]
    block.runs = [(block.runs[0][0] + b" " + value if block.runs else value, number)]


def _text(name: bytes) -> str:
    return name.decode("utf-8")

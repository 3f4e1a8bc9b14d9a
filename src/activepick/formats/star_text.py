"""The blocks of a STAR file, each with the lines its rows stand on.

The ``starfile`` package writes STAR files here, but does not read them: it pads rows that are cut
off, takes files that are not UTF-8 for empty, and knows no line numbers, all of which a person with
a broken file needs. On well-formed files both read the same, which the tests make sure of.
"""

import csv
import io
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from activepick.errors import TableError

__all__ = ["Block", "read_blocks"]

# A quoted token ends where its quote is followed by a blank; quotes within a token are data.
_TOKEN = re.compile(r"""(?<![^ \t])(?:"(.*?)"|'(.*?)')(?![^ \t])|([^ \t]+)""")
_BARE = re.compile(r"[^ \t]+")
_TAG = re.compile(r"_([^\s#]+)(?:\s+#\s*\d+)?\s*")
_MISSING = ["nan", "NaN", "<NA>"]


@dataclass
class Block:
    """A ``data_`` block: its name, its columns, and the lines of its rows."""

    name: str
    line: int
    columns: list[str] = field(default_factory=list)
    rows: list[str] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)

    def line_numbers(self) -> npt.NDArray[np.int64]:
        """Give the line of the file on which each row stands."""
        return np.array(self.lines, dtype=np.int64)

    def frame(self, path: Path) -> pd.DataFrame:
        """Give the rows as a table: numbers where a whole column is numbers, names as texts.

        Raises
        ------
        TableError
            When a row has more or fewer values than there are columns.
        """
        width = len(self.columns)
        text = "\n".join(self.rows)
        plain = text.isascii() and '"' not in text and "'" not in text
        tokens = [] if plain else [_tokens(row) for row in self.rows]
        counts = (len(row.split()) for row in self.rows) if plain else map(len, tokens)
        for row, count in enumerate(counts):
            if count != width:
                raise TableError(
                    f"{path}, line {self.lines[row]}: {count} values where the table has {width} "
                    "columns; the file may be cut off, or a name holds a blank without quotes"
                )
        if not plain or not self.rows:
            frame = pd.DataFrame(tokens, columns=self.columns, dtype=str)
            for name in frame.columns:
                if not name.endswith("Name") and len(frame):
                    try:
                        frame[name] = pd.to_numeric(frame[name].mask(frame[name].isin(_MISSING)))
                    except (ValueError, TypeError):
                        continue
            return frame
        names = [name for name in self.columns if name.endswith("Name")]
        try:
            return pd.read_csv(
                io.StringIO(text),
                sep=r"\s+",
                header=None,
                names=self.columns,
                index_col=False,
                dtype=dict.fromkeys(names, str),
                keep_default_na=False,
                na_values={name: _MISSING for name in self.columns if name not in names},
                quoting=csv.QUOTE_NONE,
                low_memory=False,
            )
        except pd.errors.ParserError as error:
            raise TableError(f"{path}, from line {self.lines[0]}: {error}") from error


def read_blocks(text: str, path: Path) -> list[Block]:
    """Split a STAR file into its blocks.

    Parameters
    ----------
    text
        The file, with newlines as line ends.
    path
        For messages.

    Raises
    ------
    TableError
        When there is no block, or a line is in no block or no table, with the line.
    """
    blocks: list[Block] = []
    state = "outside"  # then: block (no column yet), pairs, columns (of a loop), rows
    for number, raw_line in enumerate(text.split("\n"), 1):
        line = raw_line.strip(" \t")
        if not line or line.startswith("#"):
            continue
        if _starts_block(line) and state != "columns":
            blocks.append(Block(line[5:], number))
            state = "block"
        elif state == "outside":
            raise TableError(f"{path}, line {number}: text before the first data_ block of a STAR")
        elif line == "loop_" and state in ("block", "pairs"):
            state = "columns"
        elif state in ("block", "pairs") and line.startswith("_"):
            _add_pair(blocks[-1], line, number, path)
            state = "pairs"
        elif state == "columns" and (tag := _TAG.fullmatch(line)):
            blocks[-1].columns.append(tag[1])
        elif state == "columns" and _starts_block(line) and len(blocks[-1].columns) > 1:
            # An empty table before. With one column it would be a row, with a name like data_1.mrc.
            blocks.append(Block(line[5:], number))
            state = "block"
        elif state in ("columns", "rows") and blocks[-1].columns:
            blocks[-1].rows.append(line)
            blocks[-1].lines.append(number)
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


def _starts_block(line: str) -> bool:
    """Tell ``data_particles`` from a row that begins with a name such as ``data_1.mrc``."""
    return line.startswith("data_") and len(line.split(None, 1)) == 1


def _add_pair(block: Block, line: str, number: int, path: Path) -> None:
    """Add ``_name value``; a block of pairs is a table of one row."""
    parts = line.split(None, 1)
    if len(parts) != 2 or len(_tokens(parts[1])) != 1:
        raise TableError(
            f"{path}, line {number}: expected one name and one value; the file may be cut off, or "
            "the line loop_ is missing"
        )
    block.columns.append(parts[0][1:])
    block.rows = [f"{block.rows[0]} {parts[1]}" if block.rows else parts[1]]
    block.lines = [number]


def _tokens(row: str) -> list[str]:
    if '"' not in row and "'" not in row:
        return _BARE.findall(row)
    return [double or single or bare for double, single, bare in _TOKEN.findall(row)]

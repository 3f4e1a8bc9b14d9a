"""Write STAR files in RELION's layout, in pieces of some thousand rows."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from activepick.errors import TableError

__all__ = ["StarRows", "star_block", "star_pairs"]

# Number of rows that are formatted at a time, so that a file is never in memory as a whole.
_ROWS = 20_000
_WIDTH = 12
# As in RELION: six decimals. Other numbers keep all digits.
_FIXED = {
    "rlnCoordinateX",
    "rlnCoordinateY",
    "rlnAutopickFigureOfMerit",
    "rlnAnglePsi",
    "rlnMicrographPixelSize",
    "rlnMicrographOriginalPixelSize",
}


class StarRows:
    """The rows of a table, any part of which can be written as a block.

    Parameters
    ----------
    frame
        The table; its columns are the labels without the first underscore.
    path
        The file, for messages.
    missing
        Text for missing values.

    Raises
    ------
    TableError
        If a value cannot be written in STAR.
    """

    def __init__(self, frame: pd.DataFrame, path: Path, missing: str = "nan") -> None:
        self._names = list(frame.columns)
        columns = [_texts(frame[column], path, missing) for column in frame.columns]
        self._columns = [values for values, _ in columns]
        self._line = " ".join(form for _, form in columns) + "\n"
        self._count = len(frame)

    def block(
        self, name: str, comment: str = "", start: int = 0, stop: int | None = None
    ) -> Iterator[str]:
        """Yield the text of a block with a loop, in pieces.

        Parameters
        ----------
        name
            Name of the block, without ``data_``.
        comment
            Line before the block, without ``#``.
        start, stop
            First row to write, and the row after the last one.
        """
        head = f"\n# {comment}\n" if comment else ""
        tags = "".join(f"_{tag} #{number}\n" for number, tag in enumerate(self._names, 1))
        yield f"{head}\ndata_{name}\n\nloop_\n{tags}"
        last = self._count if stop is None else stop
        for first in range(start, last, _ROWS):
            rows = slice(first, min(first + _ROWS, last))
            parts = [values[rows].tolist() for values in self._columns]
            yield "".join([self._line % row for row in zip(*parts, strict=True)])
        yield "\n"


def star_block(
    name: str, frame: pd.DataFrame, path: Path, *, comment: str = "", missing: str = "nan"
) -> Iterator[str]:
    """Return the text of a block with a loop, in pieces; see `StarRows` for the parameters."""
    return StarRows(frame, path, missing).block(name, comment)


def star_pairs(name: str, pairs: dict[str, str]) -> Iterator[str]:
    """Yield the text of a block of labels and values without a loop, in pieces."""
    yield f"\ndata_{name}\n\n"
    yield from (f"_{key:<24} {value}\n" for key, value in pairs.items())
    yield "\n"


def _texts(column: "pd.Series", path: Path, missing: str) -> tuple[npt.NDArray[Any], str]:
    """Return the values of a column, and the format in which each is written."""
    if pd.api.types.is_bool_dtype(column) and not column.hasnans:
        return column.to_numpy(int), f"%{_WIDTH}d"
    if pd.api.types.is_integer_dtype(column) and not column.hasnans:
        return column.to_numpy(), f"%{_WIDTH}d"
    if pd.api.types.is_numeric_dtype(column) and not column.hasnans:
        return column.to_numpy(), f"%{_WIDTH}.6f" if column.name in _FIXED else f"%{_WIDTH}r"
    form = f"{{:{_WIDTH}.6f}}" if column.name in _FIXED else f"{{!r:>{_WIDTH}}}"
    if pd.api.types.is_numeric_dtype(column):
        texts = [missing if pd.isna(value) else form.format(value) for value in column.tolist()]
    else:
        empty = column.isna()
        values = column.astype(object).where(~empty, missing).astype(str)
        quoted = {text: _quoted(text, path) for text in values.unique()}
        texts = values.map(quoted).tolist()
    return np.array(texts, dtype=object), f"%{_WIDTH}s"


def _quoted(text: str, path: Path) -> str:
    """Return a text, quoted if it would otherwise be split or read as a comment."""
    if '"' in text or re.search(r"[\x00-\x1f]", text):
        raise TableError(
            f"{path}: {text[:60]!r} contains a quote or a line end, which STAR cannot represent"
        )
    return f'"{text}"' if not text or re.search(r"[ #]|^'", text) else text

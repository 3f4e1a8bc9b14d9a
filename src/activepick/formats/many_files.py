"""Parse files of one micrograph each together if they are alike.

Reading a file takes pandas milliseconds, however small it is. Thousands of files with the same
columns are therefore joined before they are parsed. If a file differs or contains an error, all of
them are read one by one, so that the message names the file and the line.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from activepick.errors import TableError
from activepick.formats.optics import joined_optics
from activepick.formats.outside import forget_places, join_places
from activepick.formats.scores import common_meaning, with_meaning

__all__ = ["Rows", "join_tables", "read_each", "read_together"]

# Name of the micrograph and its file.
NamedFiles = Sequence[tuple[str, Path]]


@dataclass(frozen=True)
class Rows:
    """The rows of one file before they are parsed.

    Attributes
    ----------
    kind
        Files of the same kind have the same columns and are parsed together. None is compatible
        with every kind: such a file has no rows.
    data
        The rows in UTF-8, one a line, without empty lines.
    """

    kind: Hashable
    data: bytes

    def __len__(self) -> int:
        return self.data.count(b"\n") + 1 if self.data else 0


def read_together(
    files: NamedFiles,
    split: Callable[[Path], Rows | None],
    parse: Callable[[Any, bytes, npt.NDArray[np.object_], Path], pd.DataFrame],
    read: Callable[[Path], pd.DataFrame],
) -> pd.DataFrame:
    """Read files of one format; files that are alike are parsed together.

    Parameters
    ----------
    files
        Name of the micrograph and its file.
    split
        Returns the rows of a file, or None if the file has to be read separately.
    parse
        Takes a kind, rows of this kind, the name of the micrograph of each row, ``(n,)``, and a
        path, and returns their table.
    read
        Reads one file.

    Raises
    ------
    TableError
        The error of `read` for the first invalid file.
    """
    try:
        parts = [split(path) for _, path in files]
        known = [part for part in parts if part is not None]
        kinds = {part.kind for part in known} - {None}
        if len(known) == len(files) and len(kinds) == 1:
            names = np.array([name for name, _ in files], dtype=object)
            names = names.repeat([len(part) for part in known])
            data = b"\n".join(part.data for part in known if part.data)
            return forget_places(parse(kinds.pop(), data, names, files[0][1]))
    except TableError:
        pass  # reading one by one gives the file and the line
    return read_each(files, read)


def read_each(files: NamedFiles, read: Callable[[Path], pd.DataFrame]) -> pd.DataFrame:
    """Read files one by one; rows get the given name if the file itself does not name them."""
    tables = []
    for name, path in files:
        table = read(path)
        if table.attrs.get("micrograph_from_file_name"):
            table["micrograph"] = pd.Series(name, index=table.index, dtype=str)
        tables.append(table)
    return join_tables(tables)


def join_tables(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Join tables to one; ``attrs`` contains what is common to all."""
    meaning = common_meaning(tables)
    filled = [table for table in tables if len(table)] or list(tables[:1])
    renumbered, optics = joined_optics(filled)
    plain = []
    for table in renumbered:
        plain.append(table.copy(deep=False))
        plain[-1].attrs = {}
    joined = with_meaning(pd.concat(plain, ignore_index=True), meaning)
    if optics is not None:
        joined.attrs["optics"] = optics
    join_places(tables, joined)
    return joined

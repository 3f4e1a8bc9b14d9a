"""Read and write CSV with a header line: ``micrograph,x,y,score,label`` and other columns.

The separator is the comma, semicolon or tab that splits the header into known columns;
Excel's first line ``sep=;`` states it. With semicolons, numbers may have decimal commas. A file
without a column for the micrograph contains the picks of the one that the file is named after, such
as the
true particles of CryoPPP (``X-Coordinate,Y-Coordinate``) and the points that napari saves
(``axis-0,axis-1``, of which the second is x). This is the only format that can contain all columns.

``score`` contains log-odds, as activepick writes them; numbers of other programs are in
``figure_of_merit``, and probabilities in ``confidence`` or ``probability``. Lines that begin with
``#`` are comments.
"""

import contextlib
import csv
import io
import re
from collections import Counter
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from activepick.errors import TableError
from activepick.formats.columns import (
    Lines,
    meaning_of_column,
    name_by_file,
    name_by_images,
    standard_names,
    standard_table,
)
from activepick.formats.limits import check_width
from activepick.formats.many_files import NamedFiles, Rows, read_together
from activepick.formats.plain_rows import plain_rows
from activepick.formats.scores import (
    look_like_probabilities,
    score_meaning,
    with_log_odds,
    with_meaning,
)
from activepick.formats.table_check import warn_dropped
from activepick.formats.table_warnings import warn_table
from activepick.formats.text import read_utf8
from activepick.wording import counted

__all__ = [
    "SEPARATORS",
    "quoting_for",
    "read_csv",
    "read_csv_files",
    "read_separated",
    "read_separated_files",
    "render_csv",
    "sniff",
    "split_header",
]

SEPARATORS = ",;\t"
# Lines before the header that may be comments.
_MOST_COMMENTS = 200
# Excel's statement of the separator, before the header.
_SEP = re.compile(rb"sep=(.)[ \t]*\n", re.IGNORECASE)
# A comment behind the header.
_BEHIND = re.compile(rb"(?<=\w)\s+#.*$", re.DOTALL)
# Number of rows that are converted to text at a time.
_ROWS = 20_000
# Columns of napari's shapes, a row for each corner.
_SHAPES = {"shape-type", "vertex-index"}
# The column of scores that are not log-odds.
_NUMBER = "figure_of_merit"


def split_header(line: str, separators: str = SEPARATORS) -> tuple[str, list[str]]:
    """Return the separator that splits a header into the most known columns, and the columns."""
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
    """Return whether the first line is a header with coordinates, but not that of napari's points.

    napari reads these itself.
    """
    text = head.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    line = _after_comments(_SEP.sub(b"", text, count=1), SEPARATORS)[0].decode("latin-1")
    return _has_positions(line, SEPARATORS) and "x_coord" not in line and "axis-0" not in line


def read_csv(path: Path) -> pd.DataFrame:
    """Read a CSV file; see `activepick.formats.read_table`.

    Raises
    ------
    TableError
        For wrong columns, rows of another length, and invalid values, with the line number.
    """
    return read_separated(path, SEPARATORS)


def read_csv_files(files: NamedFiles) -> pd.DataFrame:
    """Read the CSV files of several micrographs; see `activepick.formats.many_files`."""
    return read_separated_files(files, SEPARATORS)


def read_separated(path: Path, separators: str) -> pd.DataFrame:
    """Read a table with a header line.

    Parameters
    ----------
    path
        The file.
    separators
        The characters that may separate values.

    Raises
    ------
    TableError
        As `read_csv`.
    """
    skipped, separator, columns, body = _header(path, separators)
    plain = plain_rows(body, separator, columns, standard_names(columns))
    if plain is not None:
        numbers = np.arange(len(plain)) + skipped + 1
        with contextlib.suppress(TableError):  # reading row by row gives the line
            return _table(plain, columns, path, lambda: numbers)
    lines: list[int] = []
    raw = _one_by_one(body.decode("utf-8"), separator, columns, lines, skipped, path)
    comma = separator == ";"
    return _table(raw, columns, path, lambda: np.array(lines, np.int64), decimal_comma=comma)


def read_separated_files(files: NamedFiles, separators: str) -> pd.DataFrame:
    """Read the tables of several micrographs; see `activepick.formats.many_files`."""
    split = partial(_split, separators=separators)
    return read_together(files, split, _parse, partial(read_separated, separators=separators))


def _split(path: Path, separators: str) -> Rows | None:
    _, separator, columns, body = _header(path, separators)
    return Rows((separator, *columns), body.strip(b"\n"))


def _parse(
    kind: tuple[str, ...], data: bytes, names: npt.NDArray[np.object_], path: Path
) -> pd.DataFrame:
    separator, *columns = kind
    plain = plain_rows(data, separator, columns, standard_names(columns))
    if plain is None or len(plain) != len(names):
        raise TableError(f"{path}: the rows of these files have to be read one by one")
    return _table(plain, columns, path, lambda: np.arange(len(names)), names=names)


def _header(path: Path, separators: str) -> tuple[int, str, list[str], bytes]:
    """Return the number of lines up to the header, the separator, the columns and the rows."""
    data = read_utf8(path)
    text = data.lstrip(b"\n")
    if stated := _SEP.match(text):
        text = text[stated.end() :].lstrip(b"\n")
        separators = stated[1].decode("latin-1")
    header, body = _after_comments(text, separators)
    skipped = data.count(b"\n") - body.count(b"\n")
    check_width(max(header.count(c.encode()) for c in separators), path, 1)
    separator, columns = split_header(header.decode("utf-8"), separators)
    repeated = [name for name, count in Counter(columns).items() if name and count > 1]
    if repeated:
        raise TableError(f"{path}, line 1: the column {repeated[0][:40]!r} is repeated")
    return max(skipped, 1), separator, columns, body


def _after_comments(text: bytes, separators: str) -> tuple[bytes, bytes]:
    """Return the header and the rows behind it, without comments before the header.

    The header may be a comment itself, as ``numpy.savetxt`` writes it; a column may be called #.
    """
    start = 0
    for _ in range(_MOST_COMMENTS):
        end = text.find(b"\n", start)
        header = _BEHIND.sub(b"", text[start:] if end < 0 else text[start:end])
        if not header.startswith(b"#") or _has_positions(header.decode("latin-1"), separators):
            break
        within = header.lstrip(b"# \t")
        if _has_positions(within.decode("latin-1"), separators):
            header = within
            break
        if end < 0:
            header = b""
            break
        start = end + 1
    # The text is cut once, however many comments there are.
    return header, b"" if end < 0 else text[end + 1 :]


def _has_positions(line: str, separators: str) -> bool:
    return {"x", "y"} <= set(standard_names(split_header(line, separators)[1]).values())


def _table(
    raw: pd.DataFrame,
    columns: list[str],
    path: Path,
    lines: Lines,
    *,
    names: npt.NDArray[np.object_] | None = None,
    decimal_comma: bool = False,
) -> pd.DataFrame:
    if set(columns) >= _SHAPES:
        raise TableError(
            f"{path}: these are corners of napari's shapes, not points; save a points layer"
        )
    standard = standard_names(columns)
    named = raw.loc[:, [bool(name) for name in columns]].rename(columns=standard)
    if {"x", "y"} <= set(named.columns) and "micrograph" not in named:
        named = name_by_images(named, path)
    nameless = {"x", "y"} <= set(named.columns) and "micrograph" not in named
    if nameless:
        named = name_by_file(named, path.name if names is None else names)
    table = standard_table(named, path, lines, decimal_comma=decimal_comma)
    if nameless and names is None:
        table.attrs["micrograph_from_file_name"] = True
    score = next((column for column, name in standard.items() if name == "score"), "score")
    meaning = meaning_of_column(score)
    if meaning == "probability":
        return with_log_odds(table)
    table = with_meaning(table, meaning)
    if look_like_probabilities(table):
        warn_table(
            f"all scores are between 0 and 1, as probabilities are, but the column {score} holds "
            "log-odds in this format; call it confidence in a CSV file if they are probabilities",
            file=path,
            kind="scores like probabilities",
        )
    return table


def _one_by_one(
    text: str, separator: str, columns: list[str], lines: list[int], skipped: int, path: Path
) -> pd.DataFrame:
    """Read row by row, and note the line of each."""
    # A row has to be a line: without strict mode, a single quote would include the rest of the
    # file.
    # Comments become empty lines, so that lines are counted right.
    texts = ("\n" if t.startswith("#") else t for t in io.StringIO(text, newline=""))
    reader = csv.reader(texts, delimiter=separator, strict=True)
    ends_in_number = standard_names(columns).get(columns[-1], "micrograph") != "micrograph"
    rows = []
    try:
        for row in reader:
            if not any(value.strip() for value in row):  # Excel writes rows of separators only
                continue
            line = reader.line_num + skipped
            if ends_in_number:
                row = _without_comment(row, len(columns))
            if len(row) != len(columns):
                raise TableError(
                    f"{path}, line {line}: {counted(len(row), 'value')} where the header has "
                    f"{counted(len(columns), 'column')}; the file may be truncated, "
                    "or a name contains the separator without quotes"
                )
            rows.append(row)
            lines.append(line)
    except csv.Error as error:
        raise TableError(f"{path}, line {reader.line_num + skipped}: {error}") from None
    return pd.DataFrame(rows, columns=columns, dtype=str)


def _without_comment(row: list[str], width: int) -> list[str]:
    """Return a row without a comment after its last value; a comment may contain separators."""
    if len(row) < width or "#" not in row[width - 1]:
        return row
    value, comment, _ = row[width - 1].partition("#")
    is_comment = comment and value[-1:].isspace()
    return [*row[: width - 1], value.rstrip()] if is_comment else row


def quoting_for(names: pd.Series) -> Literal[0, 2]:
    """Return how texts are quoted, as of `csv.writer`.

    Parameters
    ----------
    names
        The first column. A name that begins with ``#`` would be a comment without quotes.
    """
    is_odd = any(str(name).startswith("#") for name in names.unique())
    return csv.QUOTE_NONNUMERIC if is_odd else csv.QUOTE_MINIMAL


def render_csv(table: pd.DataFrame, path: Path) -> Iterable[str]:
    """Return the text of a CSV file (tabs in `.tsv`); all columns and all digits are kept.

    Optics groups, which are not columns, are left out with a warning.
    """
    separator = "\t" if path.suffix.lower() == ".tsv" else ","
    warn_dropped(table, [], path, "CSV")
    first = [name for name in ("micrograph", "x", "y", "score", "label") if name in table]
    others = [name for name in table.columns if name not in first]
    ordered = table[first + others]
    if score_meaning(table) == "number":
        ordered = ordered.drop(columns=_NUMBER, errors="ignore").rename(columns={"score": _NUMBER})
    quoting = quoting_for(table["micrograph"])
    return (
        ordered.iloc[start : start + _ROWS].to_csv(
            index=False,
            header=start == 0,
            lineterminator="\n",
            sep=separator,
            quoting=quoting,
        )
        for start in range(0, max(len(ordered), 1), _ROWS)
    )

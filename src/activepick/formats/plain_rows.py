"""Parse the rows of a table with separators at once if none of them is special."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["plain_rows"]

_EMPTY = ["", "nan", "NaN", "<NA>", "NA", "None", "null"]


def plain_rows(
    body: bytes, separator: str, columns: Sequence[str], standard: Mapping[str, str]
) -> pd.DataFrame | None:
    """Parse rows without quotes, comments, empty lines and other special cases.

    Parameters
    ----------
    body
        The file without its header, in UTF-8 with newlines as line ends.
    separator
        The character between values.
    columns
        The header.
    standard
        Standard name of the columns that have one.

    Returns
    -------
    DataFrame or None
        A row for each line; None if the rows have to be read one by one.
    """
    body = body.rstrip(b"\n")
    if not body or b'"' in body or b"\n\n" in body or separator == ";":
        return None
    if body.startswith(b"#") or b"\n#" in body:
        return None
    values = np.frombuffer(body, np.uint8)
    ends = np.append(np.flatnonzero(values == ord("\n")), len(values))
    lengths = np.diff(ends, prepend=-1) - 1
    # Excel writes rows of separators only.
    if lengths.max() > csv.field_size_limit() or (lengths == len(columns) - 1).any():
        return None
    separators = np.searchsorted(np.flatnonzero(values == ord(separator)), ends)
    if (np.diff(separators, prepend=0) != len(columns) - 1).any():
        return None
    known = {k: standard[name] for k, name in enumerate(columns) if name in standard}
    numbers = {k for k, name in known.items() if name != "micrograph"}
    options: dict[str, Any] = {
        "sep": separator,
        "header": None,
        "names": list(range(len(columns))),
        "dtype": {k: float if k in numbers else str for k in range(len(columns))},
        "keep_default_na": False,
        "na_values": dict.fromkeys(numbers, _EMPTY),
        "quoting": csv.QUOTE_NONE,
        "encoding": "utf-8",
    }
    try:
        frame: pd.DataFrame = pd.read_csv(io.BytesIO(body), **options)
    except (ValueError, OverflowError):
        return None
    frame.columns = pd.Index(columns)
    return frame

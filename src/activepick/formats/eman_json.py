"""Read and write EMAN 2's ``info/NAME_info.json``, with centres of boxes under ``boxes``.

Each box is ``[x, y, mode]`` with the mode "manual" or the name of a picker, perhaps followed by its
score. Pairs of tilted and untilted micrographs have ``boxes_rct`` instead, tomograms ``boxes_3d``.
Other data of the micrograph in this file, such as its CTF, are kept when boxes are written.
https://blake.bcm.edu/emanwiki/EMAN2/InfoMetadata
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from activepick.errors import TableError
from activepick.formats.columns import name_by_file, standard_table
from activepick.formats.many_files import NamedFiles, read_each
from activepick.formats.refusals import refuse_tomogram
from activepick.formats.scores import score_meaning, with_meaning
from activepick.formats.table_check import warn_dropped
from activepick.formats.table_warnings import warn_table
from activepick.formats.text import read_text
from activepick.json_text import parse_json

__all__ = ["read_eman_json", "read_eman_json_files", "render_eman_json", "sniff"]

_MODE = "eman_mode"
_BOXES, _TILTED = "boxes", "boxes_rct"
# Key of activepick, beside EMAN's, for the meaning of the scores.
_MEANING, _LOG_ODDS = "boxes_score_meaning", "log-odds"


def sniff(head: bytes) -> bool:
    """Return whether a file is a JSON object with boxes."""
    return head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") and b'"boxes' in head


def read_eman_json(path: Path) -> pd.DataFrame:
    """Read the boxes of one micrograph; see `activepick.formats.read_table`.

    The micrograph is named by the file, and ``attrs["micrograph_from_file_name"]`` is True. The
    mode is in ``eman_mode``.

    Raises
    ------
    TableError
        If it is not JSON, with the line; if a box is invalid, with its number; or if the boxes are
        those of a tomogram.
    """
    rows, marked = _read_boxes(path)
    table = _table(rows, path.name, path, marked=marked)
    table.attrs["micrograph_from_file_name"] = True
    return table


def read_eman_json_files(files: NamedFiles) -> pd.DataFrame:
    """Read the boxes of several micrographs; see `activepick.formats.many_files`."""
    try:
        read = [_read_boxes(path) for _, path in files]
        names = np.array([name for name, _ in files], dtype=object)
        names = names.repeat([len(rows) for rows, _ in read])
        marks = {marked for rows, marked in read if rows}
        rows = [row for rows, _ in read for row in rows]
        return _table(rows, names, files[0][1], marked=marks == {True})
    except TableError:  # reading one by one gives the file
        return read_each(files, read_eman_json)


def _read_boxes(path: Path) -> tuple[list[tuple[float, float, float, str]], bool]:
    """Read x, y, score and mode of each box, and whether the scores are marked as log-odds."""
    info = _read_info(path)
    key = _TILTED if _TILTED in info and not info.get(_BOXES) else _BOXES
    boxes = info.get(key, [])
    if not isinstance(boxes, list):
        raise TableError(
            f"{path}: {key!r} is not a list; check that this is an info file of EMAN 2"
        )
    if not boxes and info.get("boxes_3d"):
        refuse_tomogram(path, "boxes in a tomogram (boxes_3d)")
    if key == _BOXES and info.get(_TILTED):
        warn_table(
            f"{_TILTED}, the boxes of a tilted pair, are left out beside {_BOXES}", file=path
        )
    rows = []
    for number, box in enumerate(boxes, 1):
        if not (isinstance(box, list) and len(box) >= 2 and all(map(_is_number, box[:2]))):
            raise TableError(
                f"{path}: box {number} is {str(box)[:40]!r}, which is not [x, y, mode]"
            )
        mode = str(box[2]) if len(box) > 2 else "manual"
        score = float(box[3]) if len(box) > 3 and _is_number(box[3]) else np.nan
        rows.append((float(box[0]), float(box[1]), score, mode))
    return rows, info.get(_MEANING) == _LOG_ODDS


def _table(
    rows: list[tuple[float, float, float, str]],
    names: str | npt.NDArray[np.object_],
    path: Path,
    *,
    marked: bool,
) -> pd.DataFrame:
    raw = pd.DataFrame(rows, columns=["x", "y", "score", _MODE]).astype(
        {"x": float, "y": float, "score": float, _MODE: str}
    )
    if len(raw) and bool(raw["score"].isna().all()):
        raw = raw.drop(columns="score")
    # JSON may be on a single line, so messages give the number of a box, which is that of its row.
    numbers = np.arange(1, len(raw) + 1)
    table = standard_table(name_by_file(raw, names), path, lambda: numbers, unit="box")
    return with_meaning(table, "log-odds" if marked else "number")


def render_eman_json(table: pd.DataFrame, path: Path) -> Iterable[str]:
    """Return the text of a file with the boxes of one micrograph.

    All other keys of an existing file are kept.

    Parameters
    ----------
    table
        Checked table of one micrograph in original pixels.
    path
        The file, which should be called ``NAME_info.json``.

    Raises
    ------
    TableError
        If the existing file is not a JSON object.
    """
    known = {"micrograph", "x", "y", "score", _MODE}
    dropped = [name for name in table.columns if name not in known]
    warn_dropped(table, dropped, path, "EMAN's info file")
    info = _read_info(path) if path.is_file() else {}
    modes = table[_MODE].astype(str) if _MODE in table else pd.Series(["manual"] * len(table))
    scores = table["score"] if "score" in table else pd.Series([np.nan] * len(table))
    info[_BOXES] = [
        [round(x, 3), round(y, 3), mode] + ([] if np.isnan(score) else [round(score, 6)])
        for x, y, mode, score in zip(table["x"], table["y"], modes, scores, strict=True)
    ]
    info.pop(_MEANING, None)
    if score_meaning(table) == "log-odds":
        info[_MEANING] = _LOG_ODDS
    return (json.dumps(info, indent=0, sort_keys=True), "\n")


def _read_info(path: Path) -> dict[str, Any]:
    try:
        info = parse_json(read_text(path), only_finite=False)
    except json.JSONDecodeError as error:
        raise TableError(
            f"{path}, line {error.lineno}: not JSON ({error.msg}); the file may be truncated"
        ) from None
    except ValueError as error:
        raise TableError(f"{path}: not valid JSON ({error})") from None
    if not isinstance(info, dict):
        raise TableError(f"{path}: not a JSON object, so this is not an info file of EMAN 2")
    return info


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        float(value)
    except OverflowError:
        return False
    return True

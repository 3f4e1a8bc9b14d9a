"""EMAN 2's ``info/NAME_info.json``: under ``boxes`` the centres of a micrograph's boxes.

Each box is ``[x, y, mode]`` with the mode "manual" or the name of a picker, perhaps followed by its
score. The same file holds what else EMAN knows of the micrograph, such as its CTF, which stays when
boxes are written. https://blake.bcm.edu/emanwiki/EMAN2/InfoMetadata
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from activepick.errors import TableError
from activepick.formats.columns import standard_table
from activepick.formats.names import micrograph_stem
from activepick.formats.table_check import warn_dropped
from activepick.formats.text import read_text

__all__ = ["read_eman_json", "render_eman_json", "sniff"]

_MODE = "eman_mode"


def sniff(head: bytes) -> bool:
    """Tell whether it is a JSON object with boxes."""
    return head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") and b'"boxes' in head


def read_eman_json(path: Path) -> pd.DataFrame:
    """Read the boxes of one micrograph; see `activepick.formats.read_table`.

    The micrograph is named by the file, and ``attrs["micrograph_from_file_name"]`` is True. The
    mode is in ``eman_mode``.

    Raises
    ------
    TableError
        When it is no JSON, with the line, or a box is no box, with its number.
    """
    info = _read_info(path)
    boxes = info.get("boxes", [])
    if not isinstance(boxes, list):
        raise TableError(f"{path}: 'boxes' is no list; is this an info file of EMAN 2?")
    if not boxes and info.get("boxes_3d"):
        raise TableError(f"{path}: has boxes of a tomogram only, and tomograms are not supported")
    rows: list[dict[str, Any]] = []
    for number, box in enumerate(boxes, 1):
        if not (isinstance(box, list) and len(box) >= 2 and all(map(_is_number, box[:2]))):
            raise TableError(f"{path}: box {number} is {str(box)[:40]!r}, which is no [x, y, mode]")
        row: dict[str, Any] = {"x": float(box[0]), "y": float(box[1])}
        row[_MODE] = str(box[2]) if len(box) > 2 else "manual"
        row["score"] = float(box[3]) if len(box) > 3 and _is_number(box[3]) else np.nan
        rows.append(row)
    raw = pd.DataFrame(rows, columns=["x", "y", "score", _MODE]).astype(
        {"x": float, "y": float, "score": float, _MODE: str}
    )
    if len(raw) and bool(raw["score"].isna().all()):
        raw = raw.drop(columns="score")
    raw.insert(0, "micrograph", micrograph_stem(path.name))
    # JSON may stand on one line, so a box is named by its number, which is that of the row.
    table = standard_table(raw, path, lambda: np.arange(1, len(raw) + 1), unit="box")
    table.attrs["micrograph_from_file_name"] = True
    return table


def render_eman_json(table: pd.DataFrame, path: Path) -> Iterable[str]:
    """Give the text of a file with the boxes of one micrograph.

    All else that is in an existing file stays.

    Parameters
    ----------
    table
        Checked table of one micrograph in original pixels.
    path
        The file, which should be called ``NAME_info.json``.

    Raises
    ------
    TableError
        When there is a file that is no JSON object.
    """
    known = {"micrograph", "x", "y", "score", _MODE}
    dropped = [name for name in table.columns if name not in known]
    warn_dropped(table, dropped, path, "EMAN's info file")
    info = _read_info(path) if path.is_file() else {}
    modes = table[_MODE].astype(str) if _MODE in table else pd.Series(["manual"] * len(table))
    scores = table["score"] if "score" in table else pd.Series([np.nan] * len(table))
    info["boxes"] = [
        [round(x, 3), round(y, 3), mode] + ([] if np.isnan(score) else [round(score, 6)])
        for x, y, mode, score in zip(table["x"], table["y"], modes, scores, strict=True)
    ]
    return (json.dumps(info, indent=0, sort_keys=True), "\n")


def _read_info(path: Path) -> dict[str, Any]:
    try:
        info = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise TableError(
            f"{path}, line {error.lineno}: no JSON ({error.msg}); the file may be cut off"
        ) from None
    except (RecursionError, ValueError) as error:
        raise TableError(f"{path}: no JSON that can be read ({error})") from None
    if not isinstance(info, dict):
        raise TableError(f"{path}: no JSON object, so this is no info file of EMAN 2")
    return info


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return not np.isinf(float(value))
    except OverflowError:
        return False

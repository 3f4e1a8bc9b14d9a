"""crYOLO's ``CBOX/NAME.cbox``: boxes of one micrograph with their confidence.

A STAR file with ``data_global`` (``_cbox_format_version 1.0``), ``data_cryolo`` and, in files of
newer versions, ``data_cryolo_include``. ``_CoordinateX`` and ``_CoordinateY`` are corners with the
smaller coordinates. The confidence is a probability; scores are its log-odds. Up to version 1.7 the
file was a list of numbers: corner x, corner y, width, height, confidence, estimated width and
height. https://cryolo.readthedocs.io and the box manager's reader (``box_manager.io.cbox``).
"""

import re
from collections.abc import Iterable
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from activepick.errors import TableError
from activepick.formats.boxes import BOX_COLUMNS, box_sizes
from activepick.formats.columns import standard_table
from activepick.formats.coordinates import box_centre, box_corner
from activepick.formats.names import micrograph_stem
from activepick.formats.number_rows import read_numbers
from activepick.formats.star.grammar import read_blocks
from activepick.formats.star.writer import star_block, star_pairs
from activepick.formats.table_check import warn_dropped
from activepick.formats.text import read_utf8
from activepick.formats.values import to_numbers

__all__ = ["read_cbox", "render_cbox", "sniff"]

_OLD = ("CoordinateX", "CoordinateY", "Width", "Height", "Confidence", "EstWidth", "EstHeight")
# In the order of crYOLO's own files; what is not known is <NA>.
_COLUMNS = (
    *("CoordinateX", "CoordinateY", "CoordinateZ", "Width", "Height", "Depth"),
    *("EstWidth", "EstHeight", "Confidence", "NumBoxes", "Angle"),
)
_TAG = re.compile(r"[A-Za-z][^\s#\"']*")
# Log-odds beyond this are a confidence of 0 or 1 in double precision.
_HIGHEST = 36.0


def sniff(head: bytes) -> bool:
    """Tell whether there is a block of crYOLO."""
    return re.search(rb"^\s*data_cryolo\s*$", head, re.MULTILINE) is not None


def read_cbox(path: Path) -> pd.DataFrame:
    """Read the boxes of one micrograph; see `activepick.formats.read_table`.

    The micrograph is named by the file, and ``attrs["micrograph_from_file_name"]`` is True.

    Raises
    ------
    TableError
        For wrong columns, values that are not right, with the line, and for tomograms.
    """
    data = read_utf8(path, may_be_empty=True)
    if re.search(rb"^\s*data_", data, re.MULTILINE):
        blocks = [b for b in read_blocks(data, path) if b.name == "cryolo"]
        if not blocks:
            raise TableError(f"{path}: no block data_cryolo, so this is no CBOX file")
        raw, lines = blocks[0].frame(path), blocks[0].line_numbers()
    else:
        numbers, lines = read_numbers(
            path, range(5, 8), "a line of an old CBOX file is x, y, width, height and confidence"
        )
        raw = pd.DataFrame(numbers, columns=list(_OLD[: numbers.shape[1]]))
    missing = [name for name in _OLD[:4] if name not in raw]
    if missing:
        raise TableError(f"{path}: data_cryolo has no column _{' and _'.join(missing)}")
    for name in _OLD[:4]:
        # Words that are no numbers stay, for the message with the line.
        values = to_numbers(raw[name])
        if values.isna().any():
            row = int(np.flatnonzero(values.isna())[0])
            shown = str(raw[name].iloc[row])[:40]
            raise TableError(f"{path}, line {lines[row]}: _{name} is {shown!r}, no number")
        raw[name] = values.astype(float)
    depth = raw.get("CoordinateZ", pd.Series(dtype=float)).dropna()
    if depth.nunique() > 1:
        raise TableError(f"{path}: these are boxes in a tomogram, and tomograms are not supported")
    rest = raw.drop(columns=[*_OLD[:4], "Confidence"], errors="ignore").dropna(axis=1, how="all")
    table = pd.DataFrame({"micrograph": [micrograph_stem(path.name)] * len(raw)}, dtype=str)
    table["x"] = box_centre(raw["CoordinateX"], raw["Width"], "cryolo")
    table["y"] = box_centre(raw["CoordinateY"], raw["Height"], "cryolo")
    if "Confidence" in raw and (raw["Confidence"].notna().any() or not len(raw)):
        table["score"] = _scores(raw["Confidence"], path, lines)
    table[list(BOX_COLUMNS)] = raw[["Width", "Height"]].to_numpy(float)
    rest = rest[[name for name in rest.columns if name not in table]]
    table = standard_table(pd.concat([table, rest], axis=1), path, lambda: lines)
    table.attrs["micrograph_from_file_name"] = True
    return table


def _scores(confidence: pd.Series, path: Path, lines: np.ndarray) -> pd.Series:
    values = to_numbers(confidence)
    wrong = np.flatnonzero(~(values.between(0, 1) | confidence.isna()).to_numpy())
    if len(wrong):
        shown = str(confidence.iloc[wrong[0]])[:40]
        raise TableError(
            f"{path}, line {lines[wrong[0]]}: _Confidence is {shown!r}, which is no probability"
        )
    with np.errstate(divide="ignore"):
        return pd.Series(logit(values.to_numpy())).clip(-_HIGHEST, _HIGHEST)


def render_cbox(table: pd.DataFrame, path: Path, *, box_size: float | None = None) -> Iterable[str]:
    """Give the text of a file with the boxes of one micrograph.

    Parameters
    ----------
    table
        Checked table of one micrograph in original pixels.
    path
        The file, which should be called as the micrograph.
    box_size
        Side of the boxes in pixels; without it that of the table's ``box_width_px`` and
        ``box_height_px``.

    Raises
    ------
    TableError
        When there is no box size.
    """
    width, height = box_sizes(table, box_size, path)
    frame = pd.DataFrame(
        {
            "CoordinateX": np.round(box_corner(table["x"], width, "cryolo"), 4),
            "CoordinateY": np.round(box_corner(table["y"], height, "cryolo"), 4),
            "Width": width,
            "Height": height,
            # Not estimated: readers that need a number find the box.
            "EstWidth": table.get("EstWidth", pd.Series(width)),
            "EstHeight": table.get("EstHeight", pd.Series(height)),
            "Confidence": expit(table["score"]) if "score" in table else np.nan,
        },
        index=table.index,
    )
    dropped = []
    for name in table.columns:
        if name in frame or name in ("micrograph", "x", "y", "score", *BOX_COLUMNS):
            continue
        if name != "label" and isinstance(name, str) and _TAG.fullmatch(name):
            frame[name] = table[name]
        else:
            dropped.append(str(name))
    warn_dropped(table, dropped, path, "CBOX")
    for name in _COLUMNS:
        if name not in frame:
            frame[name] = np.nan
    order = [*_COLUMNS, *(name for name in frame.columns if name not in _COLUMNS)]
    boxes = star_block("cryolo", frame[order], path, missing="<NA>")
    include = star_block("cryolo_include", pd.DataFrame({"slice_index": []}), path)
    version = star_pairs("global", {"cbox_format_version": "1.0"})
    return chain(version, boxes, include)

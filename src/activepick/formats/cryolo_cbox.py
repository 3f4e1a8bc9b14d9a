"""Read and write crYOLO's ``CBOX/NAME.cbox``: boxes of one micrograph with confidences.

A STAR file with ``data_global`` (``_cbox_format_version 1.0``), ``data_cryolo`` and, in files of
newer versions, ``data_cryolo_include``. ``_CoordinateX`` and ``_CoordinateY`` are corners with the
smaller coordinates. The confidence is a probability; scores are its log-odds. Up to version 1.7 the
file was a list of numbers: corner x, corner y, width, height, confidence, estimated width and
height. Files of filaments have ``_filamentid`` and ``data_filament_vertices``, those of tomograms
several ``_CoordinateZ``; both are refused. https://cryolo.readthedocs.io and the box manager's
reader (``box_manager.io.cbox``).
"""

import re
from collections.abc import Iterable
from itertools import chain
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from activepick.errors import TableError
from activepick.formats.boxes import BOX_COLUMNS, box_sizes
from activepick.formats.columns import Lines, name_by_file, standard_table
from activepick.formats.coordinates import box_centre, box_corner
from activepick.formats.many_files import NamedFiles, Rows, read_together
from activepick.formats.number_rows import NumberFile, parse_joined, read_numbers
from activepick.formats.refusals import refuse_filament, refuse_tomogram, varies
from activepick.formats.scores import (
    from_probability,
    score_meaning,
    to_probability,
    with_meaning,
)
from activepick.formats.star.grammar import Block, read_blocks
from activepick.formats.star.rows import parse_rows
from activepick.formats.star.writer import star_block, star_pairs
from activepick.formats.table_check import warn_dropped
from activepick.formats.table_warnings import warn_table
from activepick.formats.text import read_utf8
from activepick.formats.values import to_numbers

__all__ = ["read_cbox", "read_cbox_files", "render_cbox", "sniff"]

_OLD = ("CoordinateX", "CoordinateY", "Width", "Height", "Confidence", "EstWidth", "EstHeight")
_OLD_FILE = NumberFile(
    range(5, 8), "a line of an old CBOX file is x, y, width, height and confidence"
)
# In the order of crYOLO's own files; unknown values are <NA>.
_COLUMNS = (
    *("CoordinateX", "CoordinateY", "CoordinateZ", "Width", "Height", "Depth"),
    *("EstWidth", "EstHeight", "Confidence", "NumBoxes", "Angle"),
)
# Column for scores that are not confidences.
_OTHER_SCORE = "FigureOfMerit"
_TAG = re.compile(r"[A-Za-z][^\s#\"']*")
_STAR = re.compile(rb"^[^\S\n]*data_", re.MULTILINE)


def sniff(head: bytes) -> bool:
    """Return whether a file has a block of crYOLO."""
    return re.search(rb"^[^\S\n]*data_cryolo[^\S\n]*$", head, re.MULTILINE) is not None


def read_cbox(path: Path) -> pd.DataFrame:
    """Read the boxes of one micrograph; see `activepick.formats.read_table`.

    The micrograph is named by the file, and ``attrs["micrograph_from_file_name"]`` is True.

    Raises
    ------
    TableError
        For wrong columns and for invalid values, with the line number, and for tomograms and
        filaments.
    """
    data = read_utf8(path, may_be_empty=True)
    if _STAR.search(data):
        block = _boxes(data, path)
        raw, lines = block.frame(path), block.line_numbers
    else:
        numbers, lines = read_numbers(path, _OLD_FILE)
        raw = pd.DataFrame(numbers, columns=list(_OLD[: numbers.shape[1]]))
    table = _table(raw, path.name, path, lines)
    table.attrs["micrograph_from_file_name"] = True
    return table


def read_cbox_files(files: NamedFiles) -> pd.DataFrame:
    """Read the boxes of several micrographs; see `activepick.formats.many_files`."""
    return read_together(files, _split, _parse, read_cbox)


def _split(path: Path) -> Rows | None:
    data = read_utf8(path, may_be_empty=True)
    if not data.strip():
        return Rows(None, b"")
    if not _STAR.search(data):
        rows = data.strip()
        width = len(rows.partition(b"\n")[0].split())
        return None if b"\n\n" in rows else Rows(_OLD[:width], rows)
    block = _boxes(data, path)
    return Rows(tuple(block.columns), b"\n".join(run for run, _ in block.runs))


def _parse(
    kind: tuple[str, ...], data: bytes, names: npt.NDArray[np.object_], path: Path
) -> pd.DataFrame:
    def lines() -> npt.NDArray[np.int64]:
        return np.arange(1, len(names) + 1)

    if kind == _OLD[: len(kind)]:
        numbers = parse_joined(data, len(names), path, _OLD_FILE)
        raw = pd.DataFrame(numbers, columns=list(kind))
    else:
        raw = parse_rows(data, kind, path, lines)
    return _table(raw, names, path, lines)


def _boxes(data: bytes, path: Path) -> Block:
    """Return the block of boxes, and refuse files of filaments and tomograms."""
    blocks = read_blocks(data, path)
    found = [block for block in blocks if block.name == "cryolo"]
    for block in blocks:
        if block.name == "filament_vertices" and len(block):
            refuse_filament(path, "filaments (data_filament_vertices)", block.line)
        several = block.name == "cryolo_include" and len(block) > 1
        if several and varies(block.frame(path).get("slice_index", [])):
            refuse_tomogram(path, "boxes in a tomogram (_slice_index varies)", block.line)
    if not found:
        raise TableError(f"{path}: no block data_cryolo, so this is not a CBOX file")
    return found[0]


def _table(
    raw: pd.DataFrame, names: str | npt.NDArray[np.object_], path: Path, lines: Lines
) -> pd.DataFrame:
    missing = [name for name in _OLD[:4] if name not in raw]
    if missing:
        raise TableError(f"{path}: data_cryolo has no column _{' and _'.join(missing)}")
    for name in _OLD[:4]:
        values = to_numbers(raw[name])
        words = (values.isna() & raw[name].notna()).to_numpy()
        if words.any():
            row = int(np.flatnonzero(words)[0])
            shown = str(raw[name].iloc[row])[:40]
            raise TableError(
                f"{path}, line {lines()[row]}: _{name} is {shown!r}, which is not a number"
            )
        raw[name] = values.astype(float)
    if "CoordinateZ" in raw and varies(raw["CoordinateZ"]):
        refuse_tomogram(path, "boxes in a tomogram (_CoordinateZ varies)")
    table = pd.DataFrame(
        {
            "x": box_centre(raw["CoordinateX"], raw["Width"], "cryolo"),
            "y": box_centre(raw["CoordinateY"], raw["Height"], "cryolo"),
        }
    )
    rest = raw.drop(columns=[*_OLD[:4], "Confidence"], errors="ignore").dropna(axis=1, how="all")
    is_number = False
    if "Confidence" in raw and (raw["Confidence"].notna().any() or not len(raw)):
        table["score"] = _scores(raw["Confidence"], path, lines)
    elif _OTHER_SCORE in rest:
        table["score"] = rest.pop(_OTHER_SCORE)
        is_number = True
    table[list(BOX_COLUMNS)] = raw[["Width", "Height"]].to_numpy(float)
    rest = rest[[name for name in rest.columns if name not in table]]
    table = name_by_file(pd.concat([table, rest], axis=1), names)
    table = standard_table(table, path, lines)
    return with_meaning(table, "number" if is_number else "log-odds")


def _scores(confidence: pd.Series, path: Path, lines: Lines) -> npt.NDArray[np.float64]:
    values = to_numbers(confidence)
    infinite = np.isinf(values)  # left out with their rows
    wrong = np.flatnonzero(~(values.between(0, 1) | confidence.isna() | infinite).to_numpy())
    if len(wrong):
        shown = str(confidence.iloc[wrong[0]])[:40]
        raise TableError(
            f"{path}, line {lines()[wrong[0]]}: _Confidence is {shown!r}, which is not a "
            "probability"
        )
    return np.where(infinite, np.inf, from_probability(values.mask(infinite)))


def render_cbox(table: pd.DataFrame, path: Path, *, box_size: float | None = None) -> Iterable[str]:
    """Return the text of a file with the boxes of one micrograph.

    Log-odds are written as confidences. Numbers of another program are written as confidences if
    all of them are between 0 and 1, otherwise in a column of their own; both with a warning.

    Parameters
    ----------
    table
        Checked table of one micrograph in original pixels.
    path
        The file, which should have the name of the micrograph.
    box_size
        Side of the boxes in pixels; without it that of the table's ``box_width_px`` and
        ``box_height_px``.

    Raises
    ------
    TableError
        If no box size is known.
    """
    width, height = box_sizes(table, box_size, path)
    confidence, other = _confidences(table, path)
    frame = pd.DataFrame(
        {
            "CoordinateX": np.round(box_corner(table["x"], width, "cryolo"), 4),
            "CoordinateY": np.round(box_corner(table["y"], height, "cryolo"), 4),
            "Width": width,
            "Height": height,
            # Not estimated: the size of the box is written for readers that need a number.
            "EstWidth": table.get("EstWidth", pd.Series(width)),
            "EstHeight": table.get("EstHeight", pd.Series(height)),
            "Confidence": confidence,
        },
        index=table.index,
    )
    if other is not None:
        frame[_OTHER_SCORE] = other
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


def _confidences(
    table: pd.DataFrame, path: Path
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64] | None]:
    """Return the confidences, and the scores that are not confidences."""
    nothing = np.full(len(table), np.nan)
    if score_meaning(table) == "none":
        return nothing, None
    score = table["score"].to_numpy(np.float64)
    if score_meaning(table) == "log-odds":
        return to_probability(score), None
    fits = bool((np.isnan(score) | ((score >= 0) & (score <= 1))).all())
    where = "_Confidence" if fits else f"_{_OTHER_SCORE}, and _Confidence is empty"
    warn_table(
        "the scores are from another program and not probabilities; they are written "
        f"without conversion, to {where}",
        file=path,
    )
    return (score, None) if fits else (nothing, score)

"""Read and write picks in cryoSPARC's ``.cs`` files, as needed by Inspect Picks and Extract.

Positions are fractions of the micrograph's width and height. Micrographs are identified by UIDs
that only cryoSPARC assigns: they are taken from the exposures that the user gives. See `cs_file`
for the file, and `coordinates.from_fraction` for the positions. Fields and types are those of
cryoSPARC's pickers (``location`` and ``pick_stats``).

Scores are numbers of cryoSPARC's pickers, usually cross-correlations. activepick writes its
log-odds both as ``pick_stats/ncc_score`` and as ``pick_stats/power``, which are different
quantities in cryoSPARC's picks: if both are equal, scores are log-odds. Where both are 0
for all picks, there are no scores.
"""

import hashlib
import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from activepick.errors import TableError
from activepick.formats.columns import standard_table
from activepick.formats.coordinates import from_fraction, to_fraction
from activepick.formats.cs_file import FieldType, load_fields, pack_fields
from activepick.formats.cs_group import dataset_with, is_group
from activepick.formats.exposures import Exposures, read_exposures
from activepick.formats.many_files import NamedFiles, join_tables
from activepick.formats.outside import leave_out_outside
from activepick.formats.scores import score_meaning, with_meaning
from activepick.formats.table_check import warn_dropped
from activepick.formats.table_warnings import warn_table
from activepick.formats.values import to_numbers

__all__ = ["read_cs", "read_cs_folder", "render_cs", "shapes_in"]

_PATH, _SHAPE = "location/micrograph_path", "location/micrograph_shape"
_X, _Y = "location/center_x_frac", "location/center_y_frac"
_SCORE, _POWER = "pick_stats/ncc_score", "pick_stats/power"
# Zeros in both fields mean that there are no scores, so scores that are all 0 are written as this.
_NEARLY_ZERO = np.finfo(np.float32).tiny
_KNOWN = {
    _PATH: FieldType(is_text=True),
    _SHAPE: FieldType(length=2),
    **dict.fromkeys((_X, _Y, _SCORE, _POWER), FieldType()),
}
_VECTOR = re.compile(r"(.+)\[(\d+(?:,\d+)*)\]")
_TYPES: dict[str, str] = {
    "uid": "<u8",
    "location/micrograph_uid": "<u8",
    "location/exp_group_id": "<u4",
    _SHAPE: "<u4",
    _X: "<f4",
    _Y: "<f4",
    "location/micrograph_psize_A": "<f4",
    _SCORE: "<f4",
    _POWER: "<f4",
    "pick_stats/template_idx": "<u4",
    "pick_stats/angle_rad": "<f4",
}


def read_cs(path: Path) -> pd.DataFrame:
    """Read picks or particles; see `activepick.formats.read_table`.

    The score is ``pick_stats/ncc_score`` as it is; where it and ``pick_stats/power`` are all 0, as
    for picks by hand, there are no scores. All other fields are columns under their own
    names, vectors one column for each number (``location/micrograph_shape[0]``).

    Parameters
    ----------
    path
        The file, or a group file (``.csg``), of which the dataset with the locations is read.

    Raises
    ------
    TableError
        If it is not a dataset with locations, or a value is invalid, with the row.
    """
    path = dataset_with(path, "location")
    return _table(load_fields(path, _KNOWN), path)


def read_cs_folder(files: NamedFiles) -> pd.DataFrame:
    """Read the datasets in the folder of a job as one table, without those that have no positions.

    Parameters
    ----------
    files
        Name and file of each.

    Raises
    ------
    TableError
        As for `read_cs`; if no file has positions; and if picks of the same micrograph are in
        several files, which are usually the same particles after several iterations, or selected
        and excluded particles.
    """
    # Group files name the datasets beside them.
    read = {path: load_fields(path, _KNOWN) for _, path in files if not is_group(path)}
    with_picks = [path for path, fields in read.items() if not _missing(fields)]
    left_out = [path for path in read if path not in with_picks]
    tables = []
    places: dict[str, str] = {}
    for path in with_picks or left_out[:1]:  # one without positions says what it is instead
        table = _table(read[path], path)
        for name in table["micrograph"].unique():
            other = places.setdefault(name, path.name)
            if other != path.name:
                raise TableError(
                    f"{path.parent}: picks of {name} are in {other} and in {path.name}, possibly "
                    "from two iterations, or selected and excluded ones; give one of the files"
                )
        tables.append(table)
    if left_out:
        more = f" and {len(left_out) - 5} more" if len(left_out) > 5 else ""
        names = ", ".join(path.name for path in left_out[:5])
        warn_table(f"left out, without positions: {names}{more}", file=left_out[0].parent)
    return join_tables(tables)


def _missing(fields: Mapping[str, object]) -> list[str]:
    return [name for name in (_PATH, _SHAPE, _X, _Y) if name not in fields]


def _table(fields: dict[str, npt.NDArray[Any]], path: Path) -> pd.DataFrame:
    if missing := _missing(fields):
        raise TableError(f"{path}: no field {', '.join(missing)}, so these are {_kind(fields)}")
    shape = fields[_SHAPE]
    raw: dict[str, Any] = {"micrograph": fields.pop(_PATH)}
    raw["x"] = from_fraction(fields.pop(_X), shape[:, 1])
    raw["y"] = from_fraction(fields.pop(_Y), shape[:, 0])
    log_odds = False
    if _SCORE in fields:
        raw["score"] = fields.pop(_SCORE).astype(float)
        log_odds = _POWER in fields and np.array_equal(raw["score"], fields[_POWER])
        if log_odds and len(raw["score"]) and not raw["score"].any():
            del raw["score"]
    for name, values in fields.items():
        if values.ndim == 1:
            raw[f"{name}_2" if name in raw else name] = values
        for place in np.ndindex(values.shape[1:]) if values.ndim > 1 else ():
            raw[f"{name}[{','.join(map(str, place))}]"] = values[:, *place]
    frame = pd.DataFrame(raw).astype({"micrograph": str})
    table = standard_table(frame, path, lambda: np.arange(len(frame)), unit="row")
    return with_meaning(table, "log-odds" if log_odds else "number")


def _kind(fields: Mapping[str, object]) -> str:
    """Describe a dataset without positions, and where they may be."""
    slots = {name.partition("/")[0] for name in fields}
    if slots & {"micrograph_blob", "micrograph_blob_non_dw", "movie_blob"}:
        return "exposures, not picks; give the .cs file of a picking job"
    if slots & {"blob", "alignments2D", "alignments3D"}:
        return (
            "particles without their positions; these are in the passthrough file of the same job, "
            "such as J9_passthrough_particles_selected.cs"
        )
    return "not picks; the locations may be in the passthrough file of the same job"


def render_cs(
    table: pd.DataFrame, path: Path, *, exposures: Path | Exposures | None = None
) -> Iterable[bytes]:
    """Return the bytes of a dataset for cryoSPARC.

    Positions outside of their micrographs are left out with a warning.

    Parameters
    ----------
    table
        Checked table in original pixels.
    path
        The file.
    exposures
        The ``.cs`` of the exposures in the project; names are matched as
        `activepick.formats.match_names` does. Not needed for picks that came from a ``.cs``.

    Raises
    ------
    TableError
        If a micrograph is not among the exposures, or all positions are outside.
    """
    fields: dict[str, npt.NDArray[Any]]
    if exposures is not None:
        known = exposures if isinstance(exposures, Exposures) else read_exposures(Path(exposures))
        shapes = known.shapes_by_name(table["micrograph"])
        table = leave_out_outside(table, shapes, source=path)
        fields = known.locations(table["micrograph"], path)
    elif "location/micrograph_uid" in table and f"{_SHAPE}[1]" in table:
        table = leave_out_outside(table, shapes_in(table), source=path)
        fields = {_PATH: table["micrograph"].to_numpy(object)}
        fields[_SHAPE] = table[[f"{_SHAPE}[0]", f"{_SHAPE}[1]"]].to_numpy()
    else:
        raise TableError(
            f"{path}: cryoSPARC identifies micrographs by numbers of its own: give the .cs "
            "file of the exposures, such as J2/exposures_accepted.cs",
            option="--exposures",
        )
    height, width = fields[_SHAPE][:, 0], fields[_SHAPE][:, 1]
    fields[_X] = to_fraction(table["x"], width)
    fields[_Y] = to_fraction(table["y"], height)
    meaning = score_meaning(table)
    score = table["score"].fillna(0.0).to_numpy() if "score" in table else np.zeros(len(table))
    if meaning != "none" and bool((np.abs(score) < _NEARLY_ZERO).all()):
        score = np.full(len(table), _NEARLY_ZERO)
    fields[_SCORE] = score
    if meaning != "number":
        fields[_POWER] = score
    dropped = _add_others(fields, table)
    fields.setdefault(_POWER, np.zeros(len(table)))
    warn_dropped(table, dropped, path, ".cs", optics=exposures is None)
    zeros = np.zeros(len(table))
    fields.setdefault("uid", _new_uids(fields))
    for name in ("location/exp_group_id", "pick_stats/template_idx", "pick_stats/angle_rad"):
        fields.setdefault(name, zeros)
    first = [name for name in ("uid", _PATH, *_TYPES) if name in fields]
    order = list(dict.fromkeys([*first, *fields]))
    return pack_fields({name: _typed(fields[name], name) for name in order})


def shapes_in(table: pd.DataFrame) -> dict[str, tuple[int, int]]:
    """Return height and width by name of the micrograph, if the table has cryoSPARC's shapes."""
    columns = ["micrograph", f"{_SHAPE}[0]", f"{_SHAPE}[1]"]
    if not set(columns) <= set(table.columns):
        return {}
    # Tables of other programs may have columns of these names with anything in them.
    sides = table[columns[1:]].apply(to_numbers)
    known = table[columns[:1]].join(sides[np.isfinite(sides).all(axis=1)], how="inner")
    rows = known.drop_duplicates("micrograph").itertuples(index=False)
    return {str(name): (int(height), int(width)) for name, height, width in rows}


def _add_others(fields: dict[str, npt.NDArray[Any]], table: pd.DataFrame) -> list[str]:
    """Add columns that are cryoSPARC's fields, and return the names of the other columns."""
    vectors: dict[str, dict[tuple[int, ...], npt.NDArray[Any]]] = {}
    dropped = []
    for column in map(str, table.columns):
        if column in ("micrograph", "x", "y", "score"):
            continue
        if column != "uid" and "/" not in column:
            dropped.append(column)
        elif (match := _VECTOR.fullmatch(column)) and match[1] not in fields:
            place = tuple(map(int, match[2].split(",")))
            vectors.setdefault(match[1], {})[place] = table[column].to_numpy()
        elif not match and column not in fields:
            fields[column] = table[column].to_numpy()
    for name, parts in vectors.items():
        shape = tuple(1 + max(index) for index in zip(*parts, strict=False))
        if math.prod(shape) != len(parts) or set(parts) != set(np.ndindex(shape)):
            dropped.append(name)
            continue
        fields[name] = np.zeros((len(table), *shape), np.result_type(*parts.values()))
        index: Any
        for index, values in parts.items():
            fields[name][(slice(None), *index)] = values
    return dropped


def _typed(values: npt.NDArray[Any], name: str) -> npt.NDArray[Any]:
    if name in _TYPES:
        return values.astype(_TYPES[name])
    if values.dtype.kind in "OUT":
        return values.astype(object)
    if values.dtype.kind == "f" and np.array_equal(values, values.astype("<f4"), equal_nan=True):
        return values.astype("<f4")
    if values.dtype.kind in "iu" and (not len(values) or 0 <= values.min() <= values.max() < 2**32):
        return values.astype("<u8" if name.endswith("uid") else "<u4")
    return values


def _new_uids(fields: dict[str, npt.NDArray[Any]]) -> npt.NDArray[np.uint64]:
    """Return a unique number for each pick, which depends only on the pick."""
    digest = hashlib.blake2b(digest_size=16)
    digest.update("\n".join(map(str, pd.unique(fields[_PATH]))).encode())
    for name in (_X, _Y):
        digest.update(np.ascontiguousarray(fields[name], np.float64).tobytes())
    random = np.random.default_rng(int.from_bytes(digest.digest(), "little"))
    uids = np.empty(0, np.uint64)
    while len(uids) < len(fields[_X]):
        more = random.integers(1, 2**63, len(fields[_X]) - len(uids), dtype=np.uint64)
        uids = np.unique(np.concatenate([uids, more]))
    return random.permutation(uids)

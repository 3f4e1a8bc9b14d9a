"""Write STAR files of RELION 3.0 and later; see `relion_star` for the format."""

import re
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pandas as pd

from activepick.errors import TableError
from activepick.formats.kind_columns import KIND_COLUMN, KIND_NAME_COLUMN
from activepick.formats.optics import optics_in_words, with_exposure_groups
from activepick.formats.relion_micrographs import magnified_pixel_size
from activepick.formats.relion_star import NO_SCORE, RELION_TAGS
from activepick.formats.scores import LOG_ODDS_MARK, score_meaning
from activepick.formats.star.writer import StarRows, star_block
from activepick.formats.table_check import warn_dropped
from activepick.formats.table_warnings import warn_table
from activepick.formats.values import to_numbers

__all__ = ["VERSIONS", "relion_version", "render_star", "render_star_files"]

# Later versions differ only in lists of coordinate files, see `relion_job`.
VERSIONS = ("3.0", "3.1", "4", "5")
_COMMENT = "version 30001"
# The order of RELION's own files. The name is not the first column, where names such as data_1.mrc
# or _1.mrc would be read as the start of a block or a column.
_ORDER = (
    "rlnCoordinateX rlnCoordinateY rlnAutopickFigureOfMerit rlnClassNumber rlnAnglePsi "
    "rlnMicrographName rlnOpticsGroup"
)
_TAG = re.compile(r"[A-Za-z][^\s#\"']*")
# Columns that are integers in RELION. Other programs write whole numbers with a decimal point if a
# value is missing somewhere in the column.
_INTEGER = re.compile(r"rln\w*(Number|Group|Subset|ID)")
# Columns that 3.0 has for each particle, and later versions for each optics group.
_OF_GROUP = (
    *("rlnVoltage", "rlnSphericalAberration", "rlnAmplitudeContrast"),
    *("rlnBeamTiltX", "rlnBeamTiltY"),
)
_SIZE, _ORIGINAL_SIZE = "rlnMicrographPixelSize", "rlnMicrographOriginalPixelSize"
# The pixel size in files of 3.0: pixel of the detector in micrometres, and magnification.
_DETECTOR, _MAGNIFICATION = "rlnDetectorPixelSize", "rlnMagnification"
_GROUP, _GROUP_NAME = "rlnOpticsGroup", "rlnOpticsGroupName"


def relion_version(version: str, path: Path | str) -> str:
    """Check a version of RELION and return it; "4.0" is "4" and "5.0" is "5".

    Parameters
    ----------
    version
        The version.
    path
        The file or option, for the message.

    Raises
    ------
    TableError
        If the version is none of `VERSIONS`.
    """
    plain = {"4.0": "4", "5.0": "5"}.get(version, version)
    if plain not in VERSIONS:
        raise TableError(f"{path}: RELION version {version!r}; choose one of {', '.join(VERSIONS)}")
    return plain


def render_star(
    table: pd.DataFrame,
    path: Path,
    *,
    version: str = "5",
    pixel_size_angstrom: float | None = None,
    per_micrograph: bool = False,
) -> Iterable[str]:
    """Return the text of a STAR file for RELION, in pieces of some thousand rows.

    Other columns than the standard ones are kept under their names, except ``label``, for which
    RELION has no column. Names with spaces are quoted, which RELION supports since 3.1. If only
    some scores are known, the others are -999, as in RELION's own files.

    Pixel size, voltage and aberrations are in optics groups since 3.1, and in each row in 3.0; they
    are converted as needed.

    Parameters
    ----------
    table
        Checked table in original pixels, with optics groups in ``attrs["optics"]`` where there are
        any.
    path
        The file.
    version
        "3.1", "4" or "5", with optics groups, or "3.0", one block.
    pixel_size_angstrom
        Å per pixel, instead of the one in the table.
    per_micrograph
        Whether to write the ``NAME_autopick.star`` of one micrograph, as `render_star_files` does.

    Raises
    ------
    TableError
        If an option or a name is invalid.
    """
    version = _checked(version, pixel_size_angstrom, path)
    table = with_exposure_groups(table)
    if per_micrograph:
        if table["micrograph"].nunique() > 1:
            raise TableError(
                f"{path}: a file for one micrograph cannot contain several; use a folder"
            )
        return next(render_star_files(table, path, [slice(0, len(table))], version=version))
    mark = _mark(table)
    _warn_of_shifts(table, version, path)
    if version != "3.0":
        table = _with_groups(table)
        optics = star_block(
            "optics", _optics(table, pixel_size_angstrom, path), path, comment=_COMMENT
        )
        particles = star_block("particles", _particles(table, path), path, comment=_COMMENT)
        return chain(mark, optics, particles)
    table = _without_groups(table, path)
    if pixel_size_angstrom is not None:
        table = _with_magnification(table, float(pixel_size_angstrom))
    return chain(mark, star_block("", _particles(table, path).drop(columns=_GROUP), path))


def render_star_files(
    table: pd.DataFrame,
    folder: Path,
    rows: Iterable[slice],
    *,
    version: str = "5",
    pixel_size_angstrom: float | None = None,
) -> Iterator[Iterable[str]]:
    """Return the text of a ``NAME_autopick.star`` for each micrograph, without names and optics.

    Parameters
    ----------
    table
        Checked table of all micrographs in original pixels.
    folder
        The folder, for messages.
    rows
        The rows of each micrograph.
    version, pixel_size_angstrom
        As of `render_star`.

    Raises
    ------
    TableError
        As `render_star`, before the first file.
    """
    version = _checked(version, pixel_size_angstrom, folder)
    particles = _particles(table, folder).drop(columns=["rlnMicrographName", "rlnOpticsGroup"])
    comment = "" if version == "3.0" else _COMMENT
    whole = StarRows(particles, folder)
    mark = _mark(table)
    return (chain(mark, whole.block("", comment, part.start, part.stop)) for part in rows)


def _warn_of_shifts(table: pd.DataFrame, version: str, path: Path) -> None:
    """Warn of shifts of an alignment in the unit of another version, which are kept unchanged."""
    known, other = ("Angst", "") if version != "3.0" else ("", "Angst")
    shifts = [f"rlnOrigin{axis}{other}" for axis in "XY" if f"rlnOrigin{axis}{other}" in table]
    if (table[shifts] != 0).any(axis=None) and f"rlnOriginX{known}" not in table:
        unit = "Å (rlnOriginXAngst)" if version != "3.0" else "pixels (rlnOriginX)"
        warn_table(
            f"RELION {version} reads shifts of an alignment in {unit}, and these are in "
            f"rlnOriginX{other}, which it leaves out",
            file=path,
            option="--apply-origins moves the positions by them",
        )


def _mark(table: pd.DataFrame) -> tuple[str, ...]:
    """Return the comment for figures of merit that are log-odds; empty for others."""
    return (f"{LOG_ODDS_MARK}\n",) if score_meaning(table) == "log-odds" else ()


def _checked(version: str, pixel_size_angstrom: float | None, path: Path) -> str:
    if pixel_size_angstrom is not None and not 0 < pixel_size_angstrom < float("inf"):
        raise TableError(f"{path}: the pixel size {pixel_size_angstrom} Å must be above 0")
    return relion_version(version, path)


def _particles(table: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Return the columns in RELION's order, and warn about those that are left out."""
    columns: dict[str, Any] = {
        tag: table[name] for tag, name in RELION_TAGS.items() if name in table
    }
    if "score" in table:
        if len(table) and bool(table["score"].isna().all()):
            del columns["rlnAutopickFigureOfMerit"]
        else:
            columns["rlnAutopickFigureOfMerit"] = table["score"].fillna(NO_SCORE)
    columns["rlnClassNumber"] = table.get("rlnClassNumber", 0)
    columns["rlnAnglePsi"] = table.get("rlnAnglePsi", 0.0)
    columns["rlnOpticsGroup"] = table.get("rlnOpticsGroup", 1)
    dropped = ["label"] if "label" in table else []
    for name in table.columns:
        if name in columns or name in RELION_TAGS.values() or name == "label":
            continue
        if name == KIND_NAME_COLUMN and KIND_COLUMN in table:
            continue  # RELION has numbers of classes
        if isinstance(name, str) and _TAG.fullmatch(name):
            columns[name] = table[name]
        else:
            dropped.append(str(name))
    warn_dropped(table, dropped, path, "RELION", optics=False)
    frame = pd.DataFrame(columns, index=table.index)
    for name in filter(_INTEGER.fullmatch, map(str, frame)):
        values = frame[name]
        if (
            pd.api.types.is_float_dtype(values)
            and ((values % 1 == 0) & (values.abs() < 2**53)).all()
        ):
            frame[name] = values.astype("int64")
    first = [name for name in _ORDER.split() if name in frame]
    return frame[first + [name for name in frame.columns if name not in first]]


def _optics(table: pd.DataFrame, pixel_size_angstrom: float | None, path: Path) -> pd.DataFrame:
    """Return the optics groups of the table, or one for each group number in it.

    A block has the same columns for all groups. If the table does not describe one of the groups,
    the others are left out, with a warning.
    """
    groups = table.get(_GROUP, pd.Series([1])).unique().tolist() or [1]
    records = table.attrs.get("optics")
    described = {record.get(_GROUP) for record in records or []}
    if records and set(groups) <= described:
        optics = pd.DataFrame(records)
    else:
        if said := optics_in_words(table):
            unknown = ", ".join(str(group) for group in groups if group not in described)
            warn_table(
                f"the table does not describe the optics groups {unknown} of its rows, so the "
                f"{said} are left out",
                file=path,
            )
        optics = pd.DataFrame({_GROUP: groups})
        optics[_GROUP_NAME] = [f"opticsGroup{group}" for group in groups]
    if pixel_size_angstrom is not None:
        optics[_SIZE] = optics[_ORIGINAL_SIZE] = float(pixel_size_angstrom)
    return optics


def _with_groups(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table of RELION 3.0 with optics groups, one for each pixel size and microscope.

    A table with optics groups, or without a pixel size in each row, is returned as it is.
    """
    if table.attrs.get("optics") or not {_DETECTOR, _MAGNIFICATION} <= set(table):
        return table
    facts = pd.DataFrame(
        {
            _SIZE: magnified_pixel_size(table[_DETECTOR], table[_MAGNIFICATION]),
            **{name: table[name] for name in (_GROUP, *_OF_GROUP) if name in table},
        },
        index=table.index,
    )
    if not len(table) or facts[_SIZE].isna().any():
        return table
    groups = facts.drop_duplicates().reset_index(drop=True)
    if _GROUP in groups and not groups[_GROUP].duplicated().any():
        numbers = table[_GROUP].to_numpy()
    else:  # Groups in the table do not distinguish pixel sizes or microscopes.
        keys = [name for name in facts.columns if name != _GROUP]
        groups = facts[keys].drop_duplicates().reset_index(drop=True)
        groups.insert(0, _GROUP, range(1, len(groups) + 1))
        numbers = facts[keys].merge(groups, on=keys, how="left")[_GROUP].to_numpy()
    groups.insert(1, _GROUP_NAME, [f"opticsGroup{number}" for number in groups[_GROUP]])
    groups[_ORIGINAL_SIZE] = groups[_SIZE]
    moved = [_DETECTOR, _MAGNIFICATION, *(name for name in _OF_GROUP if name in table)]
    grouped = table.drop(columns=moved).assign(**{_GROUP: numbers})
    grouped.attrs = {**table.attrs, "optics": groups.to_dict("records")}
    return grouped


def _without_groups(table: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Return a table with the data of its optics groups in each row, and warn about losses."""
    records = table.attrs.get("optics") or []
    tags = list(dict.fromkeys(tag for record in records for tag in record))
    facts = [tag for tag in tags if tag not in (_GROUP, _GROUP_NAME, _ORIGINAL_SIZE)]
    if not facts:
        return table
    numbers = table.get(_GROUP, pd.Series(1, index=table.index))
    of_group = {record.get(_GROUP): record for record in records}
    used = [of_group.get(number, {}) for number in numbers.unique()] or records
    kept = [tag for tag in (_SIZE, *_OF_GROUP) if all(not _is_empty(r.get(tag)) for r in used)]
    rows = {tag: numbers.map({k: r.get(tag) for k, r in of_group.items()}) for tag in kept}
    result = table.assign(**{t: v for t, v in rows.items() if t != _SIZE and t not in table})
    if _SIZE in kept:
        result = _with_magnification(result, to_numbers(rows[_SIZE]))
    lost = [tag for tag in facts if tag not in kept]
    left_out = f"; left out: {', '.join(lost[:20])}" if lost else ""
    warn_table(
        f"RELION 3.0 has no optics groups; written in each row: {', '.join(kept) or 'nothing'}"
        f"{left_out}",
        file=path,
    )
    return result


def _with_magnification(
    table: pd.DataFrame, pixel_size_angstrom: float | pd.Series
) -> pd.DataFrame:
    return table.assign(**{_MAGNIFICATION: 10000.0, _DETECTOR: pixel_size_angstrom})


def _is_empty(value: object) -> bool:
    return value is None or bool(pd.isna(value))  # type: ignore[call-overload]

"""Writing STAR files of RELION 3.0 and later; see `relion_star` for what is what."""

import re
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pandas as pd

from activepick.errors import TableError
from activepick.formats.optics import with_exposure_groups
from activepick.formats.relion_star import NO_SCORE, RELION_TAGS
from activepick.formats.scores import LOG_ODDS_MARK, score_meaning
from activepick.formats.star.writer import StarRows, star_block
from activepick.formats.table_check import warn_dropped

__all__ = ["VERSIONS", "relion_version", "render_star", "render_star_files"]

# What the later versions write differently are lists of coordinate files, see `relion_job`.
VERSIONS = ("3.0", "3.1", "4", "5")
_COMMENT = "version 30001"
# The order of RELION's own files. The name is not first, where names such as data_1.mrc or _1.mrc
# would be taken for the start of a block or a column.
_ORDER = (
    "rlnCoordinateX rlnCoordinateY rlnAutopickFigureOfMerit rlnClassNumber rlnAnglePsi "
    "rlnMicrographName rlnOpticsGroup"
)
_TAG = re.compile(r"[A-Za-z][^\s#\"']*")


def relion_version(version: str, path: Path | str) -> str:
    """Check a version of RELION; "4.0" is "4" and "5.0" is "5".

    Raises
    ------
    TableError
        When it is none that is known.
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
    """Give the text of a STAR file for RELION, some thousand rows at a time.

    Columns beside the standard ones are kept under their names; ``label`` is not, as RELION has no
    column for it. Names with blanks are put in quotes, which RELION reads since 3.1. Scores are
    logits; where only some are known the others are -999, as RELION writes it itself.

    Parameters
    ----------
    table
        Checked table in original pixels.
    path
        The file.
    version
        "3.1", "4" or "5", with an optics group, or "3.0", one block.
    pixel_size_angstrom
        Written for RELION where it is known; it overrides the one in ``attrs["optics"]``.
    per_micrograph
        One micrograph's ``NAME_autopick.star``, as of `render_star_files`.

    Raises
    ------
    TableError
        When an option or a name is not right.
    """
    version = _checked(version, pixel_size_angstrom, path)
    table = with_exposure_groups(table)
    if per_micrograph:
        if table["micrograph"].nunique() > 1:
            raise TableError(f"{path}: a file for one micrograph cannot hold several; use a folder")
        return next(render_star_files(table, path, [slice(0, len(table))], version=version))
    particles = _particles(table, path)
    mark = _mark(table)
    if version != "3.0":
        optics = star_block("optics", _optics(table, pixel_size_angstrom), path, comment=_COMMENT)
        return chain(mark, optics, star_block("particles", particles, path, comment=_COMMENT))
    particles = particles.drop(columns="rlnOpticsGroup")
    if pixel_size_angstrom is not None:
        # How 3.0 knows a pixel size: detector pixel in micrometres over the magnification.
        particles = particles.assign(
            rlnMagnification=10000.0, rlnDetectorPixelSize=float(pixel_size_angstrom)
        )
    return chain(mark, star_block("", particles, path))


def render_star_files(
    table: pd.DataFrame,
    folder: Path,
    rows: Iterable[slice],
    *,
    version: str = "5",
    pixel_size_angstrom: float | None = None,
) -> Iterator[Iterable[str]]:
    """Give the text of a ``NAME_autopick.star`` for each micrograph: no names, no optics.

    Parameters
    ----------
    table
        Checked table of all micrographs in original pixels.
    folder
        For messages.
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


def _mark(table: pd.DataFrame) -> tuple[str, ...]:
    """Return the comment that states that the figures of merit are log-odds, where they are."""
    return (f"{LOG_ODDS_MARK}\n",) if score_meaning(table) == "log-odds" else ()


def _checked(version: str, pixel_size_angstrom: float | None, path: Path) -> str:
    if pixel_size_angstrom is not None and not 0 < pixel_size_angstrom < float("inf"):
        raise TableError(f"{path}: the pixel size {pixel_size_angstrom} Å has to be above 0")
    return relion_version(version, path)


def _particles(table: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Put the columns in RELION's order and say which ones are left out."""
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
        if isinstance(name, str) and _TAG.fullmatch(name):
            columns[name] = table[name]
        else:
            dropped.append(str(name))
    warn_dropped(table, dropped, path, "RELION", optics=False)
    frame = pd.DataFrame(columns, index=table.index)
    first = [name for name in _ORDER.split() if name in frame]
    return frame[first + [name for name in frame.columns if name not in first]]


def _optics(table: pd.DataFrame, pixel_size_angstrom: float | None) -> pd.DataFrame:
    """Give the optics groups the table came with, or one for each group number in it."""
    groups = table.get("rlnOpticsGroup", pd.Series([1])).unique().tolist() or [1]
    records = table.attrs.get("optics")
    if records and set(groups) <= {record.get("rlnOpticsGroup") for record in records}:
        optics = pd.DataFrame(records)
    else:
        optics = pd.DataFrame({"rlnOpticsGroup": groups})
        optics["rlnOpticsGroupName"] = [f"opticsGroup{group}" for group in groups]
    if pixel_size_angstrom is not None:
        optics["rlnMicrographPixelSize"] = float(pixel_size_angstrom)
        optics["rlnMicrographOriginalPixelSize"] = float(pixel_size_angstrom)
    return optics

"""Writing STAR files of RELION 3.0, 3.1 and later; see `relion_star` for what is what."""

import re
import warnings
from pathlib import Path
from typing import Any

import pandas as pd
import starfile

from activepick.errors import TableError
from activepick.formats.relion_star import RELION_TAGS
from activepick.formats.text import TableWarning, write_text

__all__ = ["write_coordinate_index", "write_star"]

# The order of RELION's own files. The name is not first, where names such as data_1.mrc or _1.mrc
# would be taken for the start of a block or a column.
_ORDER = (
    "rlnCoordinateX rlnCoordinateY rlnAutopickFigureOfMerit rlnClassNumber rlnAnglePsi "
    "rlnMicrographName rlnOpticsGroup"
)
_TAG = re.compile(r"[A-Za-z][^\s#\"']*")


def write_star(
    table: pd.DataFrame,
    path: Path,
    *,
    version: str = "3.1",
    pixel_size_angstrom: float | None = None,
    per_micrograph: bool = False,
) -> None:
    """Write picks for RELION.

    Columns beside the standard ones are kept under their names; ``label`` is not, as RELION has no
    column for it. Names with blanks are put in quotes, which RELION reads since 3.1. Scores are
    logits; where only some are known the others are ``nan``.

    Parameters
    ----------
    table
        Checked table in original pixels.
    path
        The file.
    version
        "3.1", with an optics group (RELION 3.1 and later), or "3.0", one block.
    pixel_size_angstrom
        Written for RELION where it is known; it overrides the one in ``attrs["optics"]``.
    per_micrograph
        One micrograph's ``NAME_autopick.star``: no names, no optics.

    Raises
    ------
    TableError
        When an option or a name is not right.
    """
    if version not in ("3.0", "3.1"):
        raise TableError(f"{path}: RELION version {version!r}; choose 3.1 (also for later) or 3.0")
    if pixel_size_angstrom is not None and not 0 < pixel_size_angstrom < float("inf"):
        raise TableError(f"{path}: the pixel size {pixel_size_angstrom} Å has to be above 0")
    if per_micrograph and table["micrograph"].nunique() > 1:
        raise TableError(f"{path}: a file for one micrograph cannot hold several; write one each")
    optics = _optics(table, pixel_size_angstrom)
    particles = _particles(table, path)
    if per_micrograph:
        particles = particles.drop(columns=["rlnMicrographName", "rlnOpticsGroup"])
    elif version == "3.0":
        particles = particles.drop(columns="rlnOpticsGroup")
        if pixel_size_angstrom is not None:
            # How 3.0 knows a pixel size: detector pixel in micrometres over the magnification.
            particles = particles.assign(
                rlnMagnification=10000.0, rlnDetectorPixelSize=float(pixel_size_angstrom)
            )
    if per_micrograph or version == "3.0":
        write_text(path, _block("", particles, path, version))
    else:
        blocks = {"optics": optics, "particles": particles}
        write_text(path, "".join(_block(n, b, path, version) for n, b in blocks.items()))


def write_coordinate_index(files: dict[str, str], path: Path) -> None:
    """Write the ``autopick.star`` of RELION 4 and later, which lists coordinate files.

    Parameters
    ----------
    files
        Path of the coordinates by name of the micrograph, both as RELION is to see them, so exactly
        as in its ``micrographs.star`` and from the project folder.
    path
        The file.
    """
    frame = pd.DataFrame(
        {"rlnMicrographName": list(files), "rlnMicrographCoordinates": list(files.values())},
        dtype=str,
    )
    write_text(path, _block("coordinate_files", frame, Path(path), "3.1"))


def _particles(table: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Put the columns in RELION's order and say which ones are left out."""
    columns: dict[str, Any] = {
        tag: table[name] for tag, name in RELION_TAGS.items() if name in table
    }
    if "score" in table and bool(table["score"].isna().all()) and len(table):
        del columns["rlnAutopickFigureOfMerit"]
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
    if dropped:
        message = f"{path}: RELION has no column for {', '.join(dropped)}; use CSV to keep it"
        warnings.warn(message, TableWarning, stacklevel=4)
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


def _block(name: str, frame: pd.DataFrame, path: Path, version: str) -> str:
    """Give a block as text, in the layout of RELION."""
    frame = frame.copy()
    for column in frame.columns:
        if not pd.api.types.is_numeric_dtype(frame[column]):
            texts = frame[column].astype(object).where(frame[column].notna(), "nan").astype(str)
            quoted = {text: _quoted(text, path) for text in texts.unique()}
            frame[column] = texts.map(quoted).astype(object)
    # The first line says when and by which package the file was made; equal picks give equal files.
    text = starfile.to_string({name: frame}, na_rep="nan").split("\n", 1)[1].strip("\n")
    head = "" if version == "3.0" else "\n# version 30001\n"
    return f"{head}\n{text}\n\n"


def _quoted(text: str, path: Path) -> str:
    """Quote what would otherwise be split or taken for a comment."""
    if '"' in text or re.search(r"[\x00-\x1f]", text):
        raise TableError(f"{path}: {text[:60]!r} holds a quote or a line end, which STAR cannot")
    # starfile puts quotes around texts that are empty or hold a blank.
    return f'"{text}"' if " " not in text and re.search(r"#|^'", text) else text

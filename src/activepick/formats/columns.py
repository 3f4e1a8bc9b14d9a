"""Convert the columns of a file to the standard columns of a table."""

import contextlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from activepick.errors import TableError
from activepick.formats.names import is_image_name, micrograph_stem, without_image_number
from activepick.formats.outside import note_places
from activepick.formats.refusals import refuse_filament, refuse_tomogram, varies
from activepick.formats.scores import ScoreMeaning
from activepick.formats.table_warnings import warn_table
from activepick.formats.values import Where, checked_labels, to_numbers, without_endless

__all__ = [
    "ALIASES",
    "Lines",
    "meaning_of_column",
    "name_by_file",
    "name_by_images",
    "rename_tags",
    "standard_names",
    "standard_table",
    "varies_within",
    "without_positions",
]

# Returns the line of the file of each row, (n,); called only if a row is wrong.
Lines = Callable[[], npt.NDArray[np.int64]]

# Names in other programs, compared without case and punctuation, the preferred ones first.
ALIASES: dict[str, tuple[str, ...]] = {
    "micrograph": (
        "micrograph",
        "rlnmicrographname",
        "micrographname",
        *("micrographfilename", "micrographsfilename", "micrographfile", "micrographpath"),
        *("micname", "mic", "micrographs"),
        "imagename",
        "image",
        *("imagefilename", "imagefile", "imagepath"),
        "filename",
        "file",
        *("filepath", "path"),
    ),
    "x": (
        *("x", "rlncoordinatex", "xcoord", "xcoordinate", "coordinatex", "coordx"),
        *("centerx", "xcenter", "centrex", "xcentre", "positionx", "xposition", "posx", "xpos"),
    ),
    "y": (
        *("y", "rlncoordinatey", "ycoord", "ycoordinate", "coordinatey", "coordy"),
        *("centery", "ycenter", "centrey", "ycentre", "positiony", "yposition", "posy", "ypos"),
    ),
    "score": (
        *("score", "rlnautopickfigureofmerit", "autopickfigureofmerit", "figureofmerit", "fom"),
        *("confidence", "conf", "probability", "prob"),
        *("ncc", "nccscore", "cc", "ccc", "crosscorrelation"),
    ),
    "label": ("label",),
}
# Those of scores that are log-odds and that are probabilities.
_LOG_ODDS = ("score",)
_PROBABILITIES = ("confidence", "conf", "probability", "prob")
# Text that programs write for unknown numbers.
_EMPTY = ("", "nan", "-nan", "<na>", "na", "n/a", "#n/a", "none", "null")
# The axes of napari's points, which are the dimensions of the array.
_AXES = ("axis0", "axis1", "axis2")
# Units after a name that are ignored: x (px), x_px.
_PIXELS = ("px", "pix", "pixel", "pixels", "")
_LONGEST_NAME = 200
# Columns whose values show that rows are not picks of single particles in single micrographs,
# compared as above. The number of a filament may be 0 in the second, but not in the first ones.
_FILAMENTS = ("rlnhelicaltubeid", "helicaltubeid", "filamentfilamentuid")
_FILAMENTS_FROM_0 = ("filamentid",)
_TOMOGRAMS = ("rlntomoname", "tomoname")
_DEPTHS = ("z", "rlncoordinatez", "coordinatez", "zcoord", "zcoordinate", "zcoor")
# If no column names the micrograph: its movie or its stack of particle images, which identify it,
_IMAGES = (
    *("rlnmicrographnamenodw", "rlnmicrographmoviename", "rlnmicrographoriginalname"),
    *("rlnmoviename", "rlnimageoriginalname", "rlnimagename"),
)
# and numbers that are the same for all particles of one micrograph.
_ONE_PER_MICROGRAPH = (
    *("slice", "frame", "axis0", "micrographid", "rlnmicrographid"),
    *("rlngroupname", "rlngroupnumber", "rlnopticsgroup"),
)
# Texts in columns with such names, which no known program writes, are names of micrographs, too.
_LIKE_NAMES = re.compile(r"mic|image|img|file|path")
_NEEDED = "required are the name of the micrograph, x and y in pixels"


def standard_names(columns: Sequence[str]) -> dict[str, str]:
    """Return the standard name of each column that has one, by its name in the file."""
    plain = {_plain(column): column for column in reversed(columns)}
    found = {}
    for standard, aliases in ALIASES.items():
        for alias in aliases:
            if alias in plain:
                found[plain[alias]] = standard
                break
    if not {"x", "y"} & set(found.values()) and _AXES[1] in plain and _AXES[0] in plain:
        axes = [plain[axis] for axis in _AXES if axis in plain]
        found[axes[-2]], found[axes[-1]] = "y", "x"
    return found


def meaning_of_column(column: str) -> ScoreMeaning:
    """Return the meaning of the scores in a column by its name: log-odds, probabilities or numbers.

    Parameters
    ----------
    column
        Name in the file.
    """
    plain = _plain(column)
    if plain in _LOG_ODDS:
        return "log-odds"
    return "probability" if plain in _PROBABILITIES else "number"


def _plain(column: str) -> str:
    """Return a name without case, punctuation and "pixels"; other units are kept."""
    name = column[:_LONGEST_NAME].strip().lower()
    if name.endswith((")", "]")):
        name, _, unit = name[:-1].replace("[", "(").rpartition("(")
        if unit.strip() not in _PIXELS:
            return column.lower()
    words = re.split(r"[\s_-]+", name)
    if len(words) > 1 and words[-1] in _PIXELS:
        words = words[:-1]
    return re.sub(r"[^a-z0-9]", "", "".join(words))


def without_positions(columns: Iterable[str]) -> str:
    """Return a description of a table without positions, and where the positions may be.

    Parameters
    ----------
    columns
        Names as in the file, those of RELION with or without other columns.
    """
    plain = {_plain(column) for column in columns}
    if "rlnimagename" in plain and not plain & {"rlnctfimage", "rlnreferenceimage"}:
        return (
            "these are particle images without positions; give the particles.star of their "
            "extraction, or the files of picks"
        )
    if plain & {"rlnclassdistribution", "rlnreferenceimage"}:
        return "these are classes, not picks; give the particles with their positions"
    if plain & {"rlnmicrographname", "micrograph", "micrographname"}:
        return "this may be a list of micrographs, or a truncated file"
    return "this may be another kind of table, or a truncated file"


def rename_tags(raw: pd.DataFrame, tags: Mapping[str, str]) -> pd.DataFrame:
    """Rename columns to their standard names; "2" is appended to other columns of that name.

    Parameters
    ----------
    raw
        The columns as read.
    tags
        Standard name by the name in the file.
    """
    meant = {tags[name] for name in raw.columns if name in tags}
    taken = {name: f"{name}_2" for name in raw.columns if name in meant and f"{name}_2" not in raw}
    clash = [name for name in raw.columns if name in meant and name not in taken]
    return raw.drop(columns=clash).rename(columns={**taken, **tags})


def name_by_file(raw: pd.DataFrame, name: str | npt.NDArray[np.object_]) -> pd.DataFrame:
    """Insert the column ``micrograph`` as the first one.

    Parameters
    ----------
    raw
        The columns of a file that does not name the micrograph.
    name
        Path of the file, from which the name is taken, or the names of the rows, ``(n,)``.
    """
    if isinstance(name, str):
        names = pd.Series([micrograph_stem(name)] * len(raw), index=raw.index, dtype=str)
    else:
        names = pd.Series(name, index=raw.index, dtype=str)
    rest = raw.drop(columns="micrograph", errors="ignore")
    return pd.concat([names.rename("micrograph"), rest], axis=1)


def standard_table(
    raw: pd.DataFrame,
    path: Path,
    lines: Lines,
    *,
    decimal_comma: bool = False,
    unit: str = "line",
) -> pd.DataFrame:
    """Convert the columns of a file to the standard columns, first, followed by all the others.

    Rows without a position or with a negative one stay in the table; `outside.leave_out_outside`
    leaves them out. Numbers of images in stacks (``000001@``) in front of names are removed.

    Parameters
    ----------
    raw
        The columns as read, already with standard names; texts or numbers.
    path
        For messages.
    lines
        Returns the line of the file from which each row comes, ``(n,)``, for messages.
    decimal_comma
        Whether numbers may be written ``1,5``.
    unit
        What `lines` counts, for messages.

    Raises
    ------
    TableError
        For missing columns, for words instead of numbers and values that are no label, with the
        line, and for particles in tomograms and points on filaments.
    """
    missing = [name for name in ("micrograph", "x", "y") if name not in raw]
    if missing:
        have = ", ".join(map(str, raw.columns[:12])) + (", ..." if len(raw.columns) > 12 else "")
        images = "rlnimagename" in {_plain(str(name)) for name in raw.columns}
        raise TableError(
            f"{path}: no column for {' and '.join(missing)} (found: {have[:300] or 'none'}); "
            + (without_positions(map(str, raw.columns)) if images else _NEEDED)
        )

    def where(row: int) -> str:
        return f"{path}, {unit} {lines()[row]}"

    table = pd.DataFrame({"micrograph": _names(raw["micrograph"], path)})
    for name in ("x", "y", "score", "label"):
        if name in raw:
            table[name] = _numbers(raw[name], name, where, decimal_comma)
    if "label" in table:
        table["label"] = checked_labels(table["label"], where)
    others = raw.drop(columns=[name for name in ALIASES if name in raw])
    for name in others.columns:
        column = others[name]
        if not pd.api.types.is_numeric_dtype(column):
            with contextlib.suppress(ValueError, TypeError, OverflowError):
                column = without_endless(pd.to_numeric(column)) if len(column) else column
        others[name] = column
    _refuse_unsupported(others, path)
    table = pd.concat([table, others], axis=1)
    note_places(table, lambda row: f"{unit} {lines()[row]}")
    return table


def _names(column: pd.Series, path: Path) -> pd.Series:
    """Return names of micrographs, without the numbers of images in stacks."""
    names = column.astype(str)
    numbered = [name for name in names.unique() if name != without_image_number(name)]
    if not numbered:
        return names
    warn_table(
        f"micrographs are named without the number of the image, such as {numbered[0]}",
        file=path,
        kind="numbers of images",
    )
    return names.map(without_image_number)


def _refuse_unsupported(others: pd.DataFrame, path: Path) -> None:
    """Refuse particles in tomograms and points on filaments."""
    plain = {_plain(str(name)): str(name) for name in others.columns}
    for known in (*_FILAMENTS, *_FILAMENTS_FROM_0):
        values = others[plain[known]] if known in plain else pd.Series(dtype=float)
        none = 0 if known in _FILAMENTS else np.nan
        if (values.notna() & (values != none)).any():
            refuse_filament(path, f"points on filaments ({plain[known]})")
    for known in _TOMOGRAMS:
        if known in plain and others[plain[known]].notna().any():
            refuse_tomogram(path, f"particles in tomograms ({plain[known]})")
    for known in _DEPTHS:
        if known in plain and varies(others[plain[known]]):
            refuse_tomogram(path, f"particles in tomograms (the column {plain[known]} varies)")


def name_by_images(raw: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Insert the column ``micrograph`` where the columns distinguish several micrographs.

    Parameters
    ----------
    raw
        The columns of a file that does not name the micrograph. Images name it: those in
        ``000001@stack.mrcs`` are of the micrograph ``stack``.
    path
        For messages.

    Returns
    -------
    DataFrame
        The columns as they are where nothing speaks against a single micrograph.

    Raises
    ------
    TableError
        If there are several micrographs, and nothing names them.
    """
    plain = {_plain(str(name)): str(name) for name in raw.columns}
    found = next((plain[name] for name in _IMAGES if name in plain), None)
    if found is None and "image" in plain:
        images = map(str, raw[plain["image"]])
        found = plain["image"] if any(n != without_image_number(n) for n in images) else None
    if found is None:
        found = _column_of_files(raw)
    known = [plain[name] for name in _ONE_PER_MICROGRAPH if name in plain]
    if found is not None and len(raw):
        names = raw[found].astype(str).map(without_image_number)
        named = name_by_file(raw, names.to_numpy(object))
        _refuse_several([name for name in known if varies_within(named, name)], path)
        warn_table(
            f"micrographs are named after {found}, such as {names.iloc[0]}",
            file=path,
            kind=f"named after {found}",
        )
        return named
    known += [name for name in _texts(raw) if _LIKE_NAMES.search(_plain(name))]
    _refuse_several([name for name in known if varies_within(raw, name)], path)
    return raw


def varies_within(raw: pd.DataFrame, column: str) -> bool:
    """Return whether a column varies within a micrograph; without names all rows are of one."""
    if "micrograph" not in raw:
        return bool(raw[column].nunique() > 1)
    return bool((raw.groupby("micrograph")[column].nunique() > 1).any())


def _refuse_several(columns: Sequence[str], path: Path) -> None:
    """Raise TableError if these columns distinguish several micrographs without names."""
    if columns:
        raise TableError(
            f"{path}: these positions are in several micrographs or images of a stack (the column "
            f"{columns[0]} varies), and no column names them: add one, or save a file for each"
        )


def _texts(raw: pd.DataFrame) -> list[str]:
    """Return the columns with values that are not numbers."""
    return [
        str(name)
        for name in raw.columns
        if not pd.api.types.is_numeric_dtype(raw[name])
        and pd.to_numeric(raw[name].mask(raw[name] == ""), errors="coerce").count()
        < (raw[name] != "").sum()
    ]


def _column_of_files(raw: pd.DataFrame) -> str | None:
    """Return the column whose values are all names of image files; None if there is none."""
    for name in _texts(raw):
        if all(is_image_name(str(value)) for value in raw[name].unique()):
            return name
    return None


def _numbers(column: pd.Series, name: str, where: Where, decimal_comma: bool) -> pd.Series:
    """Return numbers, NaN where the column is empty; words are an error."""
    if pd.api.types.is_numeric_dtype(column):
        return column.astype(float)
    text = column.astype(str).str.strip()
    if decimal_comma:
        text = text.str.replace(",", ".", regex=False)
    empty = text.str.lower().isin(_EMPTY)
    values = to_numbers(text.mask(empty))
    wrong = np.flatnonzero((values.isna() & ~empty).to_numpy())
    if len(wrong):
        row = int(wrong[0])
        shown = str(column.iloc[row])
        shown = shown if len(shown) <= 40 else shown[:40] + "..."
        raise TableError(f"{where(row)}: {name} is {shown!r}, which is not a number")
    return values

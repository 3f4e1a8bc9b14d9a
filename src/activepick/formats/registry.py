"""The list of table formats, and reading and writing a table in any of them."""

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pandas as pd

from activepick.errors import TableError
from activepick.files import open_to_read
from activepick.formats import (
    coords_text,
    cryolo_cbox,
    cryosparc_cs,
    cs_file,
    cs_group,
    csv_table,
    eman_box,
    eman_json,
    relion_job,
    relion_star,
    relion_star_writer,
    topaz_txt,
    xmipp_pos,
)
from activepick.formats.format import Format
from activepick.formats.outside import Outside, leave_out_outside
from activepick.formats.refusals import refuse_tomogram
from activepick.formats.table_check import check_table
from activepick.formats.table_warnings import joined_warnings
from activepick.formats.text import as_utf8, write_pieces

__all__ = ["FORMATS", "check_options", "choose_format", "read_rows", "read_table", "write_table"]

_HEAD_BYTES = 65536


def _read_star(path: Path) -> pd.DataFrame:
    return relion_job.read_star_or_job(path, read_rows)


_ALL = (
    Format(
        name="star",
        title="RELION STAR",
        extensions=(".star",),
        ending="_autopick.star",
        sniff=relion_star.sniff,
        read=_read_star,
        render=relion_star_writer.render_star,
        render_files=relion_star_writer.render_star_files,
        options=frozenset({"version", "pixel_size_angstrom", "per_micrograph"}),
        score_meaning="number",
    ),
    Format(
        name="csv",
        title="CSV",
        extensions=(".csv", ".tsv"),
        ending=".csv",
        sniff=csv_table.sniff,
        read=csv_table.read_csv,
        render=csv_table.render_csv,
        read_files=csv_table.read_csv_files,
    ),
    Format(
        name="topaz",
        title="Topaz text",
        extensions=(".txt", ".tab"),
        ending=".txt",
        sniff=topaz_txt.sniff,
        read=topaz_txt.read_topaz,
        render=topaz_txt.render_topaz,
        options=frozenset({"scale"}),
        read_files=topaz_txt.read_topaz_files,
    ),
    Format(
        name="cs",
        title="cryoSPARC dataset",
        extensions=(".cs",),
        shared_extensions=(".csg",),
        ending=".cs",
        sniff=lambda head: cs_file.sniff(head) or cs_group.sniff(head),
        read=cryosparc_cs.read_cs,
        render=cryosparc_cs.render_cs,
        options=frozenset({"exposures"}),
        score_meaning="number",
    ),
    Format(
        name="cbox",
        title="crYOLO CBOX",
        extensions=(".cbox",),
        ending=".cbox",
        sniff=cryolo_cbox.sniff,
        read=cryolo_cbox.read_cbox,
        render=cryolo_cbox.render_cbox,
        options=frozenset({"box_size"}),
        one_micrograph=True,
        score_meaning="probability",
        read_files=cryolo_cbox.read_cbox_files,
    ),
    Format(
        name="box",
        title="EMAN box",
        extensions=(".box",),
        ending=".box",
        sniff=eman_box.sniff,
        read=eman_box.read_box,
        render=eman_box.render_box,
        options=frozenset({"box_size"}),
        one_micrograph=True,
        score_meaning="number",
        read_files=eman_box.read_boxes,
    ),
    Format(
        name="eman",
        title="EMAN 2 info",
        extensions=(".json",),
        ending="_info.json",
        sniff=eman_json.sniff,
        read=eman_json.read_eman_json,
        render=eman_json.render_eman_json,
        one_micrograph=True,
        score_meaning="number",
        read_files=eman_json.read_eman_json_files,
    ),
    Format(
        name="coords",
        title="plain coordinates",
        extensions=(".coords", ".coord"),
        shared_extensions=(".txt",),
        ending=".coords",
        sniff=coords_text.sniff,
        read=coords_text.read_coords,
        render=coords_text.render_coords,
        one_micrograph=True,
        score_meaning="none",
        read_files=coords_text.read_coords_files,
    ),
    Format(
        name="xmipp",
        title="Xmipp pos",
        extensions=(".pos", ".xmd"),
        ending=".pos",
        sniff=xmipp_pos.sniff,
        read=xmipp_pos.read_pos,
        render=xmipp_pos.render_pos,
        one_micrograph=True,
        score_meaning="number",
        read_files=xmipp_pos.read_pos_files,
    ),
)
FORMATS: Mapping[str, Format] = MappingProxyType({entry.name: entry for entry in _ALL})


def choose_format(
    path: str | os.PathLike[str], format: str | Format | None = None, *, sniff: bool = True
) -> Format:
    """Return the format by its name, by the extension, or by the content, in this order.

    If formats share an extension (``.txt``), they are distinguished by the content. A `Format` is
    returned unchanged, so that formats outside of `FORMATS` can also be read and written.

    Parameters
    ----------
    path
        The file.
    format
        A name in `FORMATS`, or a custom format.
    sniff
        Whether the file may be opened to check its content.

    Raises
    ------
    TableError
        If the name is unknown, or neither the extension nor the content shows the format; for tilt
        series.
    """
    if isinstance(format, Format):
        return format
    names = ", ".join(FORMATS)
    if format is not None:
        if format not in FORMATS:
            raise TableError(f"{path}: the format {format!r} is unknown; choose one of {names}")
        return FORMATS[format]
    extension = Path(path).suffix.lower()
    if extension == ".tomostar":
        refuse_tomogram(path, "images of a tilt series (.tomostar)")
    found = [entry for entry in FORMATS.values() if extension in entry.extensions]
    others = [entry for entry in FORMATS.values() if extension in entry.shared_extensions]
    if sniff and (others or not found):
        head = read_head(Path(path))
        candidates = [*found, *others] or FORMATS.values()
        found = [entry for entry in candidates if entry.sniff(head)] or found
    if not found:
        tried = "extension and content do not show" if sniff else "the extension does not show"
        raise TableError(
            f"{path}: {tried} the format; name one of {names}, or end the file name in "
            f"{', '.join(entry.extensions[0] for entry in FORMATS.values())} (a folder's name has "
            "no dot, or a slash at its end)"
        )
    return found[0]


def read_table(
    path: str | os.PathLike[str],
    format: str | Format | None = None,
    *,
    outside: Outside = "drop",
) -> pd.DataFrame:
    """Read a table of picks, labels or true particles.

    Parameters
    ----------
    path
        The file; see `activepick.formats.read_folder` for a folder of files.
    format
        A name in `FORMATS`, or a format of your own; without it the extension decides, and then
        the content.
    outside
        Whether rows with negative positions are left out with a warning, or an error; see
        `activepick.formats.outside`.

    Returns
    -------
    DataFrame
        Columns ``micrograph`` (str), ``x``, ``y`` (float, original pixels), ``score`` (float, NaN
        where it is empty) and ``label`` (0 or 1) if the file has them, then all other columns under
        their own names. Facts about the whole table are in ``attrs``, among them the meaning of the
        scores, see `activepick.formats.scores`.

    Raises
    ------
    TableError
        If the file cannot be read. The message names the file and, if possible, the line.
    """
    return leave_out_outside(read_rows(path, format), source=path, outside=outside)


def read_rows(path: str | os.PathLike[str], format: str | Format | None = None) -> pd.DataFrame:
    """Read a table like `read_table`, including rows with negative positions."""
    chosen = choose_format(path, format)
    try:
        with joined_warnings():  # a list names many files
            return chosen.read(Path(path))
    except TableError as error:
        head = read_head(Path(path)) if Path(path).is_file() else b""
        likely = [entry.name for entry in FORMATS.values() if entry.sniff(head)]
        if likely and chosen.name not in likely:
            raise TableError(
                f"{error} (it was read as {chosen.title}, but looks like "
                f"{FORMATS[likely[0]].title}: try the format {likely[0]})",
                option=error.option,
            ) from None
        raise


def write_table(
    table: pd.DataFrame,
    path: str | os.PathLike[str],
    format: str | Format | None = None,
    **options: object,
) -> None:
    """Write a table of picks, labels or true particles; an invalid table is not written.

    Parameters
    ----------
    table
        As returned by `read_table`. Columns that the format cannot hold are named in a
        `TableWarning`.
    path
        The file to create or replace; it is written atomically.
    format
        A name in `FORMATS`, or a format of your own; without it the extension decides.
    **options
        Options of the format, see its `options` and its writing function.

    Raises
    ------
    TableError
        If the table, an option or the path is invalid.
    """
    chosen = choose_format(path, format, sniff=False)
    check_options(chosen, options, path)
    clean = check_table(table, os.fspath(path))
    if chosen.one_micrograph and clean["micrograph"].nunique() > 1:
        raise TableError(
            f"{path}: a file of {chosen.title} contains picks of one micrograph, but these are of "
            f"{clean['micrograph'].nunique()}: write them to a folder"
        )
    write_pieces(path, chosen.render(clean, Path(path), **options))


def check_options(
    chosen: Format, options: Mapping[str, object], path: str | os.PathLike[str]
) -> None:
    """Check that a format has all of these options.

    Raises
    ------
    TableError
        If an option is unknown.
    """
    unknown = sorted(set(options) - chosen.options)
    if unknown:
        raise TableError(
            f"{path}: {chosen.title} has no option {', '.join(unknown)}; "
            f"it has {', '.join(sorted(chosen.options)) or 'none'}"
        )


def read_head(path: Path) -> bytes:
    """Read the first 64 kB of a file; text is in UTF-8.

    Raises
    ------
    TableError
        If the file cannot be read.
    """
    try:
        with open_to_read(path) as file:
            return as_utf8(file.read(_HEAD_BYTES))
    except (OSError, ValueError) as error:
        raise TableError(f"{path}: cannot be read ({error}); check the path") from None

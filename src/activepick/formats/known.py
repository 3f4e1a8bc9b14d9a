"""The formats that are known: what they are called, how to know, read and write them."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import pandas as pd

from activepick.formats import (
    coords_text,
    cryolo_cbox,
    cryosparc_cs,
    cs_file,
    csv_table,
    eman_box,
    eman_json,
    relion_job,
    relion_star,
    relion_star_writer,
    topaz_txt,
    xmipp_pos,
)

__all__ = ["FORMATS", "Format"]


@dataclass(frozen=True, kw_only=True)
class Format:
    """A format: what it is called, how to know it, how to read and write it.

    Attributes
    ----------
    name, title
        For options and for messages.
    extensions
        Endings of file names, the usual one first.
    shared_extensions
        Endings that another format has too, so that the content has to decide.
    ending
        Of the file of one micrograph, behind its name.
    sniff
        Tells from the first 64 kB whether a file is of this format.
    read
        Gives the table of a file.
    render
        Takes a checked table, the path of the file, and the `options`, and gives what goes into it,
        piece by piece.
    render_files
        Takes a checked table, the folder, the rows of each file and the `options`, and gives the
        pieces of each file; for formats whose file of one micrograph is another one.
    options
        Options of writing.
    one_micrograph
        Whether a file holds the picks of one micrograph only.
    """

    name: str
    title: str
    extensions: tuple[str, ...]
    ending: str
    shared_extensions: tuple[str, ...] = ()
    sniff: Callable[[bytes], bool]
    read: Callable[[Path], pd.DataFrame]
    render: Callable[..., Iterable[str | bytes]]
    render_files: Callable[..., Iterator[Iterable[str | bytes]]] | None = None
    options: frozenset[str] = field(default_factory=frozenset)
    one_micrograph: bool = False


_ALL = (
    Format(
        name="star",
        title="RELION STAR",
        extensions=(".star",),
        ending="_autopick.star",
        sniff=relion_star.sniff,
        read=relion_job.read_star_or_job,
        render=relion_star_writer.render_star,
        render_files=relion_star_writer.render_star_files,
        options=frozenset({"version", "pixel_size_angstrom", "per_micrograph"}),
    ),
    Format(
        name="csv",
        title="CSV",
        extensions=(".csv", ".tsv"),
        ending=".csv",
        sniff=csv_table.sniff,
        read=csv_table.read_csv,
        render=csv_table.render_csv,
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
    ),
    Format(
        name="cs",
        title="cryoSPARC dataset",
        extensions=(".cs",),
        ending=".cs",
        sniff=cs_file.sniff,
        read=cryosparc_cs.read_cs,
        render=cryosparc_cs.render_cs,
        options=frozenset({"exposures"}),
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
    ),
    Format(
        name="xmipp",
        title="Xmipp pos",
        extensions=(".pos",),
        ending=".pos",
        sniff=xmipp_pos.sniff,
        read=xmipp_pos.read_pos,
        render=xmipp_pos.render_pos,
        one_micrograph=True,
    ),
)
FORMATS: Mapping[str, Format] = MappingProxyType({entry.name: entry for entry in _ALL})

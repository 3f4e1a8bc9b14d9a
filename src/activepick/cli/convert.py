"""`activepick convert`."""

from pathlib import Path
from typing import Annotated, cast, get_args

import typer

from activepick.cli import arguments as a
from activepick.cli.console import say
from activepick.cli.convert_names import renamed, shapes_of
from activepick.cli.micrograph_source import MicrographSource
from activepick.cli.writing import target_format, write_out
from activepick.errors import SettingsError
from activepick.formats import FORMATS, find_duplicates, read_picks
from activepick.formats.coordinates import Flip
from activepick.formats.transform import Unmatched, flip_table, scale_table

__all__ = ["convert"]

_NAMES = ", ".join(FORMATS)
# Flipping twice along one axis changes nothing.
_FLIPS: dict[tuple[bool, bool], Flip] = {
    (False, False): "none",
    (True, False): "y",
    (False, True): "x",
    (True, True): "both",
}


def convert(
    source: Annotated[
        Path, typer.Argument(metavar="IN", help="The table to read, or a folder of tables.")
    ],
    target: Annotated[
        Path,
        typer.Argument(
            metavar="OUT", help="The table to write, or a folder for one file a micrograph."
        ),
    ],
    read_as: a.ReadAs = None,
    write_as: Annotated[
        str | None,
        typer.Option("--to", help=f"{_NAMES}; else told by the file name, star for folders."),
    ] = None,
    micrographs: Annotated[
        Path | None,
        typer.Option(
            help="What micrographs are called from now on: their folder, RELION's "
            "micrographs_ctf.star (with its optics groups), or cryoSPARC's exposures .cs."
        ),
    ] = None,
    unmatched: Annotated[
        str, typer.Option(help="Names that are not among the micrographs: error, keep or drop.")
    ] = "error",
    exposures: Annotated[
        Path | None,
        typer.Option(help="cryoSPARC's .cs of the exposures; needed for .cs and --uids add."),
    ] = None,
    uids: Annotated[
        str | None,
        typer.Option(help="add or remove the numbers that cryoSPARC puts before file names."),
    ] = None,
    scale: Annotated[
        float, typer.Option(help="Multiply positions by this, such as 4 after picking in bin 4.")
    ] = 1.0,
    flip_y: Annotated[
        bool, typer.Option("--flip-y", help="Turn rows over, as RELION does with TIFF files.")
    ] = False,
    flip_x: Annotated[bool, typer.Option("--flip-x", help="Turn columns over.")] = False,
    size: Annotated[
        str | None,
        typer.Option(help="Size of all micrographs, WIDTHxHEIGHT, to flip without the files."),
    ] = None,
    ending: Annotated[
        str | None,
        typer.Option(help="End of file names in a folder, such as .star for crYOLO."),
    ] = None,
    box_size: a.BoxSize = None,
    duplicates: Annotated[
        float, typer.Option(help="Report picks of one micrograph this close, in pixels.")
    ] = 0.5,
    remove_duplicates: Annotated[
        bool, typer.Option("--remove-duplicates", help="Keep the best of picks that close.")
    ] = False,
    relion: a.Relion = "5",
    pixel_size: a.PixelSize = None,
    preview: Annotated[
        Path | None,
        typer.Option(help="Draw the picks on a micrograph in the four flips: which one fits?"),
    ] = None,
    preview_micrograph: Annotated[
        str | None, typer.Option(help="Which one is drawn; by default the one with most picks.")
    ] = None,
    radius: Annotated[
        float | None, typer.Option(help="Particle radius in pixels, about, for --preview.")
    ] = None,
) -> None:
    """Convert picks between the formats of RELION, cryoSPARC, crYOLO, EMAN, Topaz and others."""
    if unmatched not in get_args(Unmatched):
        raise SettingsError(f"--unmatched {unmatched}: use {', '.join(get_args(Unmatched))}.")
    if uids not in (None, "add", "remove"):
        raise SettingsError(f"--uids {uids}: use add or remove.")
    table = read_picks(source, read_as)
    chosen = target_format(target, write_as)
    table = scale_table(table, scale)
    if "label" in table and chosen.name != "csv":
        others = table["label"].eq(0).fillna(False).to_numpy(bool)
        if others.any():
            say(f"warning: {int(others.sum())} rows with label 0 are no particles, and left out")
        table = table[~others].reset_index(drop=True).drop(columns="label")
    images = None if micrographs is None else MicrographSource(micrographs)
    table = renamed(table, images, exposures, uids, cast(Unmatched, unmatched))
    flip = _FLIPS[flip_y, flip_x]
    if flip != "none":
        table = flip_table(table, shapes_of(table, images, size), flip)
    drop = find_duplicates(table, duplicates)
    if drop.any():
        name = table["micrograph"].iloc[int(drop.argmax())]
        say(
            f"{int(drop.sum())} picks are within {duplicates:g} px of another one of the same "
            f"micrograph, such as of {name}"
        )
        if remove_duplicates:
            table = table[~drop].reset_index(drop=True)
    if preview is not None:
        from activepick.cli.convert_preview import draw_preview

        draw_preview(table, images, preview, preview_micrograph, radius)
    options = {"version": relion, "box_size": box_size, "exposures": exposures}
    write_out(table, target, chosen, images, ending, pixel_size_angstrom=pixel_size, **options)
    say(f"{len(table)} rows of {table['micrograph'].nunique()} micrographs: {target}")

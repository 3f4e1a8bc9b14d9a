"""`activepick convert`."""

from pathlib import Path
from typing import Annotated, cast, get_args

import pandas as pd
import typer

from activepick.cli import arguments as a
from activepick.cli.console import say
from activepick.cli.convert_names import (
    known_shapes,
    renamed,
    shapes_of,
    with_optics_of_exposures,
)
from activepick.cli.micrograph_source import MicrographSource
from activepick.cli.writing import target_format, write_out
from activepick.errors import SettingsError
from activepick.formats import FORMATS, find_duplicates, read_picks
from activepick.formats.alignment import apply_origins, largest_origin_angstrom
from activepick.formats.coordinates import Flip
from activepick.formats.outside import checked_outside, leave_out_outside, picked_on_smaller
from activepick.formats.scores import keep_scores
from activepick.formats.transform import Unmatched, flip_table, scale_table, swap_axes
from activepick.wording import counted

__all__ = ["convert"]

_NAMES = ", ".join(FORMATS)
# Two flips along the same axis cancel.
_FLIPS: dict[tuple[bool, bool], Flip] = {
    (False, False): "none",
    (True, False): "y",
    (False, True): "x",
    (True, True): "both",
}
# Shifts of an alignment that are larger than this are reported.
_LARGE_SHIFT_ANGSTROM = 10.0


def convert(
    source: Annotated[
        Path, typer.Argument(metavar="IN", help="The table to read, or a folder of tables.")
    ],
    target: Annotated[
        a.OutputPath,
        typer.Argument(
            parser=a.output_path,
            metavar="OUT",
            help="The table to write, or a folder for one file for each micrograph. A slash at the "
            "end marks a folder.",
        ),
    ],
    read_as: a.ReadAs = None,
    write_as: Annotated[
        str | None,
        typer.Option("--to", help=f"{_NAMES}; by default that of the file name, star for folders."),
    ] = None,
    micrographs: Annotated[
        Path | None,
        typer.Option(
            help="Micrographs whose names are used in the output: their folder, RELION's "
            "micrographs_ctf.star (with its optics groups), or cryoSPARC's exposures (.cs). "
            "Positions outside of these micrographs are left out."
        ),
    ] = None,
    unmatched: Annotated[
        str, typer.Option(help="Rows whose name is not among the micrographs: error, keep or drop.")
    ] = "error",
    exposures: Annotated[
        Path | None,
        typer.Option(help="cryoSPARC's exposures (.cs); needed for .cs and --uids add."),
    ] = None,
    uids: Annotated[
        str | None,
        typer.Option(help="add or remove the numbers with which cryoSPARC prefixes file names."),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            help="Lowest probability of a pick, for scores that are log-odds or confidences."
        ),
    ] = None,
    min_score: Annotated[
        float | None,
        typer.Option(
            help="Lowest score of a pick, in the units of the table; for CBOX the log-odds of "
            "the confidence."
        ),
    ] = None,
    outside: a.Outside = "drop",
    origins: Annotated[
        bool,
        typer.Option(
            "--apply-origins",
            help="Move aligned particles to their centres: subtract the shifts of the alignment "
            "(rlnOriginX/YAngst) from the positions, and set them to 0.",
        ),
    ] = False,
    swap: Annotated[bool, typer.Option("--swap-xy", help="Exchange x and y.")] = False,
    scale: Annotated[
        float,
        typer.Option(help="Factor for positions, such as 4 for picks on micrographs binned by 4."),
    ] = 1.0,
    flip_y: Annotated[
        bool,
        typer.Option(
            "--flip-y",
            help="Reverse the order of rows, as RELION does with TIFF files; angles and shifts of "
            "aligned particles are changed accordingly.",
        ),
    ] = False,
    flip_x: Annotated[bool, typer.Option("--flip-x", help="Reverse the order of columns.")] = False,
    size: Annotated[
        str | None,
        typer.Option(help="Size of all micrographs, WIDTHxHEIGHT, for flipping without the files."),
    ] = None,
    ending: Annotated[
        str | None,
        typer.Option(help="End of file names in a folder, such as .star for crYOLO."),
    ] = None,
    overwrite: a.Overwrite = False,
    box_size: a.BoxSize = None,
    duplicates: Annotated[
        float,
        typer.Option(help="Report picks of a micrograph that are closer than this, in pixels."),
    ] = 0.5,
    remove_duplicates: Annotated[
        bool, typer.Option("--remove-duplicates", help="Keep only the best of such picks.")
    ] = False,
    relion: a.Relion = "5",
    pixel_size: a.PixelSize = None,
    preview: Annotated[
        Path | None,
        typer.Option(
            help="Draw the picks on a micrograph in the four flips, to see which one fits."
        ),
    ] = None,
    preview_micrograph: Annotated[
        str | None, typer.Option(help="Micrograph to draw; by default the one with the most picks.")
    ] = None,
    radius: Annotated[
        float | None, typer.Option(help="Approximate particle radius in pixels, for --preview.")
    ] = None,
) -> None:
    """Convert picks between the formats of RELION, cryoSPARC, crYOLO, EMAN, Topaz and others."""
    if unmatched not in get_args(Unmatched):
        raise SettingsError(f"--unmatched {unmatched}: use {', '.join(get_args(Unmatched))}.")
    if uids not in (None, "add", "remove"):
        raise SettingsError(f"--uids {uids}: use add or remove.")
    rule = checked_outside(outside)
    table = read_picks(source, read_as, outside=rule)
    chosen = target_format(target, write_as)
    table = _with_scores_from(table, threshold, min_score)
    # The pixel size that is given is that of the output.
    table = _centred(table, origins, None if pixel_size is None else pixel_size * scale)
    if swap:
        table = swap_axes(table)
    table = scale_table(table, scale)
    if "label" in table and chosen.name != "csv":
        table = _particles(table)
    images = None if micrographs is None else MicrographSource(micrographs)
    table = renamed(table, images, exposures, uids, cast(Unmatched, unmatched))
    if chosen.name == "star":
        table = with_optics_of_exposures(table, images, exposures)
    flip = _FLIPS[flip_y, flip_x]
    if flip != "none":
        shapes = shapes_of(table, images, size)
        table = flip_table(table, shapes, flip, source=source, outside=rule)
    else:
        shapes = known_shapes(table, images, exposures, size)
        table = leave_out_outside(table, shapes, source=source, outside=rule)
        if factor := picked_on_smaller(table, shapes):
            say(
                f"warning: {source}: all positions lie in the first 1/{factor:g} of the width and "
                "height of their micrographs: if they were picked on binned micrographs, pass "
                f"--scale {factor:g}"
            )
    drop = find_duplicates(table, duplicates)
    if drop.any():
        name = table["micrograph"].iloc[int(drop.argmax())]
        say(
            f"{counted(int(drop.sum()), 'pick is', 'picks are')} within {duplicates:g} px of "
            f"another one in the same micrograph, such as in {name}"
        )
        if remove_duplicates:
            table = table[~drop].reset_index(drop=True)
    if preview is not None:
        from activepick.cli.convert_preview import draw_preview

        draw_preview(table, images, preview, preview_micrograph, radius, scale)
    options = {"version": relion, "box_size": box_size, "exposures": exposures}
    options["pixel_size_angstrom"] = pixel_size
    write_out(table, target, chosen, images, ending, overwrite, **options)
    names = counted(table["micrograph"].nunique(), "micrograph")
    say(f"{counted(len(table), 'row')} of {names}: {target}")


def _with_scores_from(
    table: pd.DataFrame, threshold: float | None, min_score: float | None
) -> pd.DataFrame:
    """Return the rows that reach the threshold, and print the number of others."""
    kept = keep_scores(table, threshold=threshold, min_score=min_score)
    if len(kept) < len(table):
        below = len(table) - len(kept)
        say(f"{below} of {counted(len(table), 'pick')} below the threshold: left out")
    return kept


def _centred(table: pd.DataFrame, apply: bool, pixel_size_angstrom: float | None) -> pd.DataFrame:
    """Apply the shifts of an alignment if requested; otherwise report large ones."""
    if apply:
        return apply_origins(table, pixel_size_angstrom)
    largest = largest_origin_angstrom(table)
    if largest > _LARGE_SHIFT_ANGSTROM:
        say(
            f"warning: these are aligned particles, whose centres are up to {largest:.0f} Å from "
            "their positions (rlnOriginX/YAngst): pass --apply-origins to apply the shifts"
        )
    return table


def _particles(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that are particles, without the column of labels."""
    others = table["label"].eq(0).fillna(False).to_numpy(bool)
    if others.any():
        say(f"warning: {counted(int(others.sum()), 'row')} with label 0 (not a particle) left out")
    return table[~others].reset_index(drop=True).drop(columns="label")

"""`activepick classes`."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import pandas as pd
import typer

from activepick.cli import arguments as a
from activepick.cli.console import print_json, progress_bar, say
from activepick.cli.inputs import group_by_micrograph, named_micrographs
from activepick.errors import ActivepickError, SettingsError, TableError, on_command_line
from activepick.formats import choose_format, read_picks, write_table
from activepick.formats.outside import checked_outside
from activepick.formats.relion_micrographs import read_relion_micrographs
from activepick.formats.values import to_number, to_numbers
from activepick.micrograph.discovery import FoundMicrograph
from activepick.wording import counted

if TYPE_CHECKING:
    from activepick.micrograph import Micrograph
    from activepick.simulate.optics import Microscope

__all__ = ["classes"]

_CLASS = "rlnClassNumber"
_DEFOCUS = ("rlnDefocusU", "rlnDefocusV")
_HIGHEST = 10_000


def classes(
    picks: Annotated[
        Path,
        typer.Argument(
            metavar="PICKS",
            help="Picks of any program: a file, or a folder. With --select or --reject, the STAR "
            "file of class members that an earlier run has written.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            help="The stack of averages to write, such as averages.mrcs; the class members (.star) "
            "and a picture (.png) are written beside it. With --select or --reject, the table to "
            "write.",
            show_default=False,
        ),
    ],
    micrographs: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the micrographs, a list of them, or one file. Phases are flipped if a "
            "list of RELION or cryoSPARC, or the picks, contain the defocus.",
            show_default=False,
        ),
    ] = None,
    diameter: Annotated[
        float | None, typer.Option(help="Particle diameter in Å.", show_default=False)
    ] = None,
    count: Annotated[int, typer.Option(help="Number of classes.")] = 20,
    most: Annotated[
        int,
        typer.Option(
            help="Largest number of picks to average; the others are assigned to these classes."
        ),
    ] = 2000,
    select: Annotated[
        str | None,
        typer.Option(help="Keep only the members of these classes, such as 1,2,5-9."),
    ] = None,
    reject: Annotated[
        str | None, typer.Option(help="Leave out the members of these classes.")
    ] = None,
    side: Annotated[
        int, typer.Option(help="Side of a crop in pixels, 1.5 particle diameters.")
    ] = 64,
    voltage: Annotated[
        float | None,
        typer.Option(help="Voltage in kV; by default that of the optics group, or 300."),
    ] = None,
    seed: Annotated[
        int,
        typer.Option(
            help="Seed for the choice of the picks with which classes begin, if more than 2000 "
            "are averaged. The same seed gives the same classes."
        ),
    ] = 0,
    pixel_size: a.PixelSize = None,
    recursive: a.Recursive = False,
    outside: a.Outside = "drop",
    invert: a.Invert = False,
    device: a.Device = "auto",
    json: a.Json = False,
) -> None:
    """Average the picks by class, or keep the members of some classes.

    Look at the picture, then run the command again on the members with --select or --reject.
    """
    rule = checked_outside(outside)
    table = read_picks(picks, outside=rule)
    if select is not None or reject is not None:
        kept = _chosen(table, select, reject, picks)
        write_table(kept, out, choose_format(out, sniff=False).name)
        report = {"out": str(out), "picks": len(table), "kept": len(kept)}
        if json:
            print_json(report)
        else:
            print(f"kept {len(kept)} of {counted(len(table), 'pick')}: {out}")
        return
    if micrographs is None or diameter is None:
        raise SettingsError("Give --micrographs and --diameter to average picks.")
    if count < 1 or most < 1 or seed < 0 or side < 16 or side % 4:
        raise SettingsError(
            "--count and --most must be 1 or more, --seed 0 or more, and --side a multiple of 4 "
            "that is 16 or more."
        )
    if out.suffix.lower() not in (".mrcs", ".mrc"):
        raise SettingsError(
            f"--out {out}: averages are written as a stack; give a name that ends in .mrcs."
        )
    if voltage is not None and not 0 < voltage < math.inf:
        raise SettingsError(f"--voltage {voltage:g}: give a number above 0, in kV.")
    star, picture = out.with_suffix(".star"), out.with_suffix(".png")
    if star.resolve() == picks.resolve():
        raise SettingsError(
            f"{star}, the file of class members, would replace the picks: choose another --out."
        )
    found = named_micrographs([micrographs], pixel_size, invert, recursive=recursive)
    groups = group_by_micrograph(table, found, picks, outside)
    defocus = [_defocus(one, group) for one, group in zip(found, groups, strict=True)]
    if all(value is None for value in defocus):
        say("note: the defocus is not known, so phases are not flipped")
    from activepick.classes.crops import CropScale
    from activepick.classes.output import draw_averages, write_averages
    from activepick.classes.picks import MicrographPicks, average_picks

    parts = [
        MicrographPicks(
            one.micrograph(),
            group[["x", "y"]].to_numpy(float),
            group["score"].fillna(0.0).to_numpy(float)
            if "score" in group
            else np.zeros(len(group)),
            value,
        )
        for one, group, value in zip(found, groups, defocus, strict=True)
    ]
    scale = CropScale(diameter, side)
    with progress_bar(1) as bar:

        def failed(micrograph: "Micrograph", error: ActivepickError) -> None:
            say(f"warning: {on_command_line(error)}")

        sorted_picks = average_picks(
            parts,
            scale,
            count,
            most=most,
            assign_all=True,
            seed=seed,
            microscope=_microscope(table, micrographs, voltage),
            device=device,
            progress=bar.part,
            failed=failed,
        )
    averages, of_pick = sorted_picks.averages.averages, sorted_picks.classes
    # The largest class is number 1, as in the picture and in RELION.
    sizes = np.bincount(of_pick[of_pick >= 0], minlength=len(averages))
    order = np.argsort(-sizes, kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(1, len(order) + 1)
    kept = pd.concat(groups)[of_pick >= 0].assign(**{_CLASS: place[of_pick[of_pick >= 0]]})
    kept.attrs = dict(table.attrs)
    write_averages(averages[order], out, scale.pixel_size_angstrom)
    captions = [f"{number}: {size}" for number, size in enumerate(sizes[order].tolist(), 1)]
    draw_averages(averages[order], captions, picture)
    write_table(kept, star, "star")
    if json:
        files = {"averages": str(out), "members": str(star), "picture": str(picture)}
        print_json({**files, "picks": len(kept), "sizes": sizes[order].tolist()})
    else:
        in_classes = counted(len(sizes), "class", "classes")
        print(f"{counted(len(kept), 'pick')} in {in_classes}: {out}, {star}, {picture}")


def _chosen(
    table: pd.DataFrame, select: str | None, reject: str | None, source: Path
) -> pd.DataFrame:
    """Return the members of the classes to keep."""
    if select is not None and reject is not None:
        raise SettingsError("Give either --select or --reject.")
    if _CLASS not in table:
        raise TableError(
            f"{source}: no column {_CLASS}: give the STAR file of class members that this command "
            "has written beside the averages."
        )
    option, text = ("--select", select) if select is not None else ("--reject", reject or "")
    named = _numbers(option, text or "")
    unknown = sorted(named - set(table[_CLASS].unique().tolist()))
    if unknown:
        say(f"warning: {option}: no pick is of class {', '.join(map(str, unknown[:10]))}")
    kept = table[table[_CLASS].isin(named) == (select is not None)]
    kept.attrs = dict(table.attrs)
    return kept


def _numbers(option: str, text: str) -> set[int]:
    """Return the numbers in a text such as "1,2,5-9"."""
    found: set[int] = set()
    for part in text.split(","):
        first, _, last = part.strip().partition("-")
        if not (first.isdecimal() and (last or first).isdecimal()):
            raise SettingsError(f"{option} {text}: give numbers of classes, such as 1,2,5-9.")
        start, stop = int(first), int(last or first)
        if not 0 < start <= stop <= _HIGHEST:
            raise SettingsError(f"{option} {text}: give numbers of classes from 1 to {_HIGHEST}.")
        found.update(range(start, stop + 1))
    return found


def _defocus(micrograph: FoundMicrograph, group: pd.DataFrame) -> float | None:
    """Return the mean defocus in Å of a micrograph, from its list or from its picks."""
    if micrograph.defocus_angstrom is not None:
        return micrograph.defocus_angstrom
    known = [name for name in _DEFOCUS if name in group]
    values = group[known].apply(to_numbers).to_numpy(float)
    values = values[np.isfinite(values)]
    return float(values.mean()) if len(values) else None


def _microscope(table: pd.DataFrame, micrographs: Path, voltage: float | None) -> "Microscope":
    """Return the microscope from the option, or the optics groups of the picks or the list."""
    from activepick.simulate.optics import Microscope

    groups = table.attrs.get("optics") or []
    if micrographs.suffix.lower() == ".star":
        groups = [*groups, *read_relion_micrographs(micrographs).optics]

    def known(tag: str, otherwise: float) -> float:
        values = (to_number(group.get(tag)) for group in groups)
        return next((value for value in values if math.isfinite(value)), otherwise)

    plain = Microscope()
    return Microscope(
        voltage or known("rlnVoltage", plain.voltage_kv),
        known("rlnSphericalAberration", plain.spherical_aberration_mm),
        known("rlnAmplitudeContrast", plain.amplitude_contrast),
    )

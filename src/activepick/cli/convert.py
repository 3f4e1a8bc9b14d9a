"""`activepick convert`."""

from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from activepick.cli import arguments as a
from activepick.cli.console import say
from activepick.errors import SettingsError, TableError
from activepick.formats import FORMATS, choose_format, match_names, read_table, write_table

__all__ = ["convert"]

_NAMES = ", ".join(FORMATS)


def convert(
    source: Annotated[Path, typer.Argument(metavar="IN", help="The table to read.")],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="The table to write.")],
    read_as: Annotated[
        str | None, typer.Option("--from", help=f"{_NAMES}; else told by the file.")
    ] = None,
    write_as: Annotated[
        str | None, typer.Option("--to", help=f"{_NAMES}; else told by the file name.")
    ] = None,
    micrographs: Annotated[
        Path | None,
        typer.Option(help="Folder of the micrographs, whose paths are written as names."),
    ] = None,
    scale: Annotated[
        float, typer.Option(help="Multiply positions by this, such as 4 after picking in bin 4.")
    ] = 1.0,
    relion: Annotated[
        str, typer.Option(help="Version of STAR files: 3.1 (also for 4 and 5) or 3.0.")
    ] = "3.1",
    pixel_size: a.PixelSize = None,
) -> None:
    """Convert a table of picks between formats: RELION STAR, CSV and Topaz text."""
    if not 0 < scale < float("inf"):
        raise SettingsError(f"--scale {scale}: give a number above 0.")
    table = read_table(source, read_as)
    table[["x", "y"]] *= scale
    for group in table.attrs.get("optics", []):
        for tag in ("rlnMicrographPixelSize", "rlnMicrographOriginalPixelSize"):
            if tag in group:
                group[tag] = float(group[tag]) / scale
    if "label" in table and (table["label"] == 0).any() and target.suffix.lower() != ".csv":
        say("warning: rows with label 0 are no particles, and are left out")
        table = table[table["label"] != 0]
    if micrographs is not None:
        table["micrograph"] = table["micrograph"].map(_paths(table["micrograph"], micrographs))
    chosen = choose_format(target, write_as, sniff=False)
    wanted = {"version": relion, "pixel_size_angstrom": pixel_size}
    options = {name: wanted[name] for name in chosen.options if name in wanted}
    write_table(table, target, chosen.name, **options)
    say(f"{len(table)} rows of {table['micrograph'].nunique()} micrographs: {target}")


def _paths(names: "pd.Series[str]", folder: Path) -> dict[str, str]:
    from activepick.cli.inputs import find_micrographs

    files = [m.path.as_posix() for m in find_micrographs([folder], None, False)]
    unique = [str(name) for name in names.unique()]
    matched = match_names(unique, files)
    missing = [name for name in unique if name not in matched]
    if missing:
        raise TableError(
            f"{folder}: no micrograph there, or more than one, is meant by {', '.join(missing[:5])}"
            f"{' and others' if len(missing) > 5 else ''}."
        )
    return dict(matched)

"""`activepick gui`."""

from pathlib import Path
from typing import Annotated

import typer

from activepick.errors import SettingsError
from activepick.imports import importing
from activepick.screen import screen_problem

__all__ = ["gui"]


def gui(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[FOLDER | SESSION | FILE...]",
            help="A session, a folder of micrographs, a list of micrographs (STAR, .cs, text), or "
            "micrographs.",
            show_default=False,
        ),
    ] = None,
    sample: Annotated[
        bool, typer.Option("--sample", help="Open simulated micrographs to try the program.")
    ] = False,
    watched: Annotated[
        Path | None,
        typer.Option(
            "--watch",
            metavar="FOLDER",
            help="Open a folder, and add and pick new micrographs when they are written to it.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Open napari with the widget, for labelling and picking."""
    named = paths or []
    for path in [*named, *([watched] if watched else [])]:
        if not path.exists():
            raise SettingsError(f"{path} does not exist; check the path.")
    if sample and (named or watched):
        raise SettingsError("--sample cannot be combined with files or folders to open.")
    if watched and named:
        raise SettingsError("--watch cannot be combined with other files or folders to open.")
    if problem := screen_problem():
        raise SettingsError(problem)
    with importing():
        from activepick._napari.window import run_window

    run_window(named, sample=sample, watched=watched)

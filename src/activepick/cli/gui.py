"""`activepick gui`."""

from pathlib import Path
from typing import Annotated

import typer

from activepick.errors import SettingsError
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
        bool, typer.Option("--sample", help="Open simulated micrographs to try it out.")
    ] = False,
    watched: Annotated[
        Path | None,
        typer.Option(
            "--watch",
            metavar="FOLDER",
            help="Open a folder, and add and pick new micrographs as they are written to it.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Open napari with the widget, to label and to pick."""
    named = paths or []
    for path in [*named, *([watched] if watched else [])]:
        if not path.exists():
            raise SettingsError(f"{path}: there is no such file or folder; check the path.")
    if sample and (named or watched):
        raise SettingsError("--sample: give it without other files.")
    if watched and named:
        raise SettingsError("--watch: give it without other files.")
    if problem := screen_problem():
        raise SettingsError(problem)
    from activepick._napari.window import run_window

    run_window(named, sample=sample, watched=watched)

"""Draw the picture of `activepick convert --preview`."""

from pathlib import Path

import pandas as pd

from activepick.cli.console import say
from activepick.cli.micrograph_source import MicrographSource
from activepick.errors import SettingsError
from activepick.formats.boxes import BOX_COLUMNS
from activepick.formats.orientation import clear_scale
from activepick.formats.preview import FLIP_NAMES, draw_flips
from activepick.wording import counted

__all__ = ["draw_preview"]

_REMEDY = {"y": "--flip-y", "x": "--flip-x", "both": "--flip-y and --flip-x"}


def draw_preview(
    table: pd.DataFrame,
    images: MicrographSource | None,
    path: Path,
    micrograph: str | None,
    radius_px: float | None,
    scale: float,
) -> None:
    """Draw the picks of the output in the four flips, and print which one fits.

    If none fits, other scales than the given one are tried.

    Raises
    ------
    SettingsError
        If there is no micrograph to draw on, or no radius.
    """
    if images is None:
        raise SettingsError("--preview needs the folder of the micrographs (--micrographs).")
    counts = table["micrograph"].value_counts()
    names = [str(name) for name in counts.index]
    if micrograph is not None:
        names = [name for name in names if micrograph in (name, Path(name).name, Path(name).stem)]
    found = ((name, images.image(name)) for name in names)
    name, image = next(((n, i) for n, i in found if i is not None), (None, None))
    if image is None:
        which = "none of the picks" if micrograph is None else f"no {micrograph} with picks"
        raise SettingsError(f"--preview: {which} is on a micrograph in {images.path}.")
    rows = table[table["micrograph"] == name]
    if radius_px is None and BOX_COLUMNS[0] in rows:
        radius_px = float(rows[BOX_COLUMNS[0]].median()) / 2
    if radius_px is None or not radius_px > 0:
        raise SettingsError("--preview needs the approximate particle radius in pixels (--radius).")
    result = draw_flips(image.read(), rows[["x", "y"]], radius_px, path, title=str(name))
    contrasts = ", ".join(f"{FLIP_NAMES[f]} {c:.1f}" for f, c in result.contrasts.items())
    say(f"contrast at {counted(result.picks, 'pick')} on {name}: {contrasts}; drawn in {path}")
    other = None if result.sure else clear_scale(image.read(), rows[["x", "y"]], radius_px)
    if other is not None:
        flips = "" if other.flip == "none" else f" and {_REMEDY[other.flip]}"
        say(
            f"none of the flips fits clearly, but the picks multiplied by {other.scale:.4g} do: "
            f"pass --scale {scale * other.scale:.4g}{flips}"
        )
    elif not result.sure:
        say("none of the flips fits clearly: check the scale and the micrographs")
    elif result.best == "none":
        say("the picks fit without a flip")
    else:
        say(f"the picks fit best {FLIP_NAMES[result.best]}: pass {_REMEDY[result.best]}")

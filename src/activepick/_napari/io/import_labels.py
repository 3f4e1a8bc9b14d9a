"""What is read when another program's picks are taken in."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from activepick.errors import TableError
from activepick.formats import match_names, read_table
from activepick.formats.orientation import FlipContrast
from activepick.formats.preview import FLIP_NAMES, draw_flips
from activepick.micrograph import Micrograph
from activepick.session import Session

__all__ = ["FlipCheck", "check_flips", "take_labels"]


def take_labels(session: Session, path: Path) -> str:
    """Take the rows of a table as labels of a session.

    Parameters
    ----------
    session
        The session.
    path
        In any of `activepick.formats.FORMATS`; rows without a label are particles.

    Returns
    -------
    str
        What became of the rows.

    Raises
    ------
    ActivepickError
        When the table cannot be read or does not fit the micrographs.
    """
    return f"{path.name}: {session.labels.import_table(read_table(path))}"


@dataclass(frozen=True)
class FlipCheck:
    """How picks lie on a micrograph.

    Attributes
    ----------
    verdict
        For the person.
    picture
        PNG: the picks in the four flips.
    contrast
        The figures behind it.
    """

    verdict: str
    picture: bytes
    contrast: FlipContrast


def check_flips(path: Path, micrograph: Micrograph, radius_px: float) -> FlipCheck:
    """Draw the picks of a table on a micrograph in the four flips.

    Parameters
    ----------
    path
        The table.
    micrograph
        One of its micrographs.
    radius_px
        Particle radius in pixels, about.

    Raises
    ------
    ActivepickError
        When the table cannot be read or has no pick of this micrograph.
    """
    table = read_table(path)
    names = [str(name) for name in table["micrograph"].unique()]
    found = match_names(names, [micrograph.name])
    rows = table[table["micrograph"].isin(list(found))]
    if not len(rows):
        raise TableError(
            f"{path}: it has no picks of {micrograph.name} (it has those of "
            f"{', '.join(names[:3]) or 'none'}). Show one of its micrographs first."
        )
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "flips.png"
        title = f"{path.name} on {micrograph.name}"
        contrast = draw_flips(micrograph.read(), rows[["x", "y"]], radius_px, file, title=title)
        picture = file.read_bytes()
    if not contrast.sure:
        verdict = "None of the flips fits clearly: is it the right micrograph, and the right scale?"
    elif contrast.best == "none":
        verdict = "The picks fit as they are."
    else:
        verdict = (
            f"The picks fit best {FLIP_NAMES[contrast.best]}: "
            "turn them with `activepick convert` before you take them in."
        )
    return FlipCheck(verdict, picture, contrast)

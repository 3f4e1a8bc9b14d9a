"""Import labels, and check whether picks of another program are flipped."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from activepick.errors import TableError
from activepick.formats import match_names, read_table
from activepick.formats.coordinates import Flip
from activepick.formats.orientation import FlipContrast
from activepick.formats.preview import FLIP_NAMES, draw_flips
from activepick.formats.table_warnings import CollectedWarnings
from activepick.formats.transform import flip_table, scale_table, swap_axes
from activepick.micrograph import Micrograph
from activepick.session import Session
from activepick.wording import elided

__all__ = ["FlipCheck", "Placement", "check_flips", "import_labels"]

# Longest name in the title of a picture.
_TITLE = 80


@dataclass(frozen=True)
class Placement:
    """Changes that convert the positions of a table to pixels of the micrographs.

    Attributes
    ----------
    swap
        Whether x and y are exchanged; done first.
    scale
        Factor for the positions, such as 4 for picks on micrographs binned by 4; done second.
    flip
        Axes along which the positions are mirrored.
    """

    swap: bool = False
    scale: float = 1.0
    flip: Flip = "none"


def import_labels(session: Session, path: Path, placement: Placement | None = None) -> str:
    """Add the rows of a table to a session as labels.

    Parameters
    ----------
    session
        The session.
    path
        Table in one of `activepick.formats.FORMATS`; rows without a label are particles.
    placement
        Changes of the positions; by default none.

    Returns
    -------
    str
        A sentence that reports how many rows were added or left out, and why.

    Raises
    ------
    ActivepickError
        If the table cannot be read or does not match the micrographs.
    """
    told = CollectedWarnings()
    with told:
        table = _placed(read_table(path), session, path, placement or Placement())
        report = session.labels.import_table(table, source=path)
    return "\n".join([f"{path.name}: {report}", *map(str, told.joined())])


def _placed(
    table: pd.DataFrame, session: Session, path: Path, placement: Placement
) -> pd.DataFrame:
    table = swap_axes(table) if placement.swap else table
    table = scale_table(table, placement.scale)
    if placement.flip == "none":
        return table
    names = session.state.names
    numbers = {name: number for number, name in names.items()}
    matched = match_names(table["micrograph"].astype(str).unique(), names.values())
    shapes = {name: session.micrographs.open(numbers[own]).shape for name, own in matched.items()}
    known = table["micrograph"].isin(list(matched))
    flipped = flip_table(table[known], shapes, placement.flip, source=path)
    return pd.concat(
        [flipped, table[~known]], ignore_index=True
    )  # the import reports the other rows


@dataclass(frozen=True)
class FlipCheck:
    """Comparison of the four flips of a table on a micrograph.

    Attributes
    ----------
    verdict
        A sentence that says which flip fits.
    picture
        PNG file with the picks in the four flips.
    contrast
        Contrast of the particles for each flip.
    """

    verdict: str
    picture: bytes
    contrast: FlipContrast


def check_flips(path: Path, micrograph: Micrograph, radius_px: float) -> FlipCheck:
    """Compare the four flips of the picks of a table on a micrograph.

    Parameters
    ----------
    path
        The table.
    micrograph
        One of its micrographs.
    radius_px
        Approximate particle radius in pixels.

    Raises
    ------
    ActivepickError
        If the table cannot be read or has no picks of this micrograph.
    """
    table = read_table(path)
    names = [str(name) for name in table["micrograph"].unique()]
    found = match_names(names, [micrograph.name])
    rows = table[table["micrograph"].isin(list(found))]
    if not len(rows):
        raise TableError(
            f"{path} contains no picks of {micrograph.name} (its micrographs: "
            f"{', '.join(names[:3]) or 'none'}). Display one of its micrographs first."
        )
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "flips.png"
        title = f"{elided(path.name, _TITLE)}\non {elided(micrograph.name, _TITLE)}"
        contrast = draw_flips(micrograph.read(), rows[["x", "y"]], radius_px, file, title=title)
        picture = file.read_bytes()
    if not contrast.sure:
        verdict = "None of the flips fits clearly. Check the micrograph and the scale of the picks."
    elif contrast.best == "none":
        verdict = "The picks fit without a flip."
    else:
        verdict = (
            f"The picks fit best {FLIP_NAMES[contrast.best]}: choose this flip for the import."
        )
    return FlipCheck(verdict, picture, contrast)

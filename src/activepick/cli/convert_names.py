"""Names and sizes of micrographs in `activepick convert`."""

from pathlib import Path

import pandas as pd

from activepick.cli.console import say
from activepick.cli.micrograph_source import MicrographSource
from activepick.errors import MicrographError, SettingsError
from activepick.formats import NameMatch, read_exposures
from activepick.formats.cryosparc_cs import shapes_in
from activepick.formats.transform import Unmatched, rename_micrographs, with_uids, without_uids
from activepick.wording import counted

__all__ = ["known_shapes", "renamed", "shapes_of", "with_optics_of_exposures"]


def renamed(
    table: pd.DataFrame,
    images: MicrographSource | None,
    exposures: Path | None,
    uids: str | None,
    unmatched: Unmatched,
) -> pd.DataFrame:
    """Rename micrographs, and print names that were not found.

    Parameters
    ----------
    table
        With the column ``micrograph``.
    images
        Source of the exact names; None to keep those of the table.
    exposures
        cryoSPARC's exposures, to add UIDs.
    uids
        "add", "remove" or None.
    unmatched
        Whether rows whose micrograph is not found raise an error, are kept or dropped.

    Raises
    ------
    SettingsError, TableError
        If exposures are missing, or names are not found or ambiguous.
    """
    if uids == "remove":
        table = without_uids(table)
    if images is not None:
        table, matched = rename_micrographs(table, images.names, unmatched)
        _tell(matched)
        if images.star is not None:
            table = images.star.with_optics(table)
    if uids == "add":
        if exposures is None:
            raise SettingsError("--uids add needs the exposures (--exposures FILE.cs).")
        table, matched = with_uids(table, read_exposures(exposures), unmatched)
        _tell(matched)
    return table


def with_optics_of_exposures(
    table: pd.DataFrame, images: MicrographSource | None, exposures: Path | None
) -> pd.DataFrame:
    """Return the table with the optics groups of cryoSPARC's exposures, if they are given."""
    if images is not None and images.exposures is not None:
        return images.exposures.with_optics(table)
    return table if exposures is None else read_exposures(exposures).with_optics(table)


def _tell(matched: NameMatch) -> None:
    """Print names that were not found, and names that match only loosely."""
    lost = [*matched.unmatched, *matched.ambiguous]
    if lost:
        more = f" and {len(lost) - 10} others" if len(lost) > 10 else ""
        say(
            f"warning: {counted(len(lost), 'micrograph is', 'micrographs are')} not found "
            f"or ambiguous: {', '.join(lost[:10])}{more}"
        )
    if matched.loose:
        name = matched.loose[0]
        say(
            f"warning: {counted(len(matched.loose), 'name matches', 'names match')} a micrograph "
            "only without regard to case or to suffixes of motion correction and pickers, "
            f"such as {name}, which is used for {matched[name]}"
        )


def shapes_of(
    table: pd.DataFrame, images: MicrographSource | None, size: str | None
) -> dict[str, tuple[int, int]]:
    """Return height and width in pixels by name of the micrograph.

    Parameters
    ----------
    table
        With the column ``micrograph``, and optionally cryoSPARC's shapes.
    images
        The micrographs; None if they are not known.
    size
        WIDTHxHEIGHT of all micrographs, which is used if given.

    Returns
    -------
    dict
        Height and width by name; without micrographs of unknown size.

    Raises
    ------
    SettingsError
        If `size` is not valid.
    """
    names = [str(name) for name in table["micrograph"].unique()]
    if size is not None:
        try:
            width, height = (int(side) for side in size.lower().split("x"))
        except ValueError:
            raise SettingsError(f"--size {size}: give WIDTHxHEIGHT, such as 5760x4092.") from None
        return dict.fromkeys(names, (height, width))
    shapes = shapes_in(table)
    for name in names:
        shape = None if images is None or name in shapes else _shape(images, name)
        if shape is not None:
            shapes[name] = shape
    return shapes


def known_shapes(
    table: pd.DataFrame, images: MicrographSource | None, exposures: Path | None, size: str | None
) -> dict[str, tuple[int, int]]:
    """Return all known sizes like `shapes_of`, including those in cryoSPARC's exposures."""
    shapes = shapes_of(table, images, size)
    if exposures is not None:
        shapes = {**read_exposures(exposures).shapes_by_name(table["micrograph"]), **shapes}
    return shapes


def _shape(images: MicrographSource, name: str) -> tuple[int, int] | None:
    """Return height and width; None if they are unknown, or the file is not a micrograph."""
    try:
        return images.shape(name)
    except MicrographError:
        return None

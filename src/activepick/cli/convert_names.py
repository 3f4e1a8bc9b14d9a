"""Names and sizes of micrographs in `activepick convert`."""

from pathlib import Path

import pandas as pd

from activepick.cli.console import say
from activepick.cli.micrograph_source import MicrographSource
from activepick.errors import SettingsError
from activepick.formats import NameMatch, read_exposures
from activepick.formats.transform import Unmatched, rename_micrographs, with_uids, without_uids

__all__ = ["renamed", "shapes_of"]


def renamed(
    table: pd.DataFrame,
    images: MicrographSource | None,
    exposures: Path | None,
    uids: str | None,
    unmatched: Unmatched,
) -> pd.DataFrame:
    """Call micrographs as they are to be called from now on, and say what was not found.

    Parameters
    ----------
    table
        With the column ``micrograph``.
    images
        The exact names, None to keep those of the table.
    exposures
        cryoSPARC's exposures, to add UIDs.
    uids
        "add", "remove" or None.
    unmatched
        What becomes of rows whose micrograph is not found.

    Raises
    ------
    SettingsError, TableError
        When exposures are needed, or names are not found or could mean several.
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
            raise SettingsError("--uids add: name the exposures, --exposures FILE.cs.")
        table, matched = with_uids(table, read_exposures(exposures), unmatched)
        _tell(matched)
    return table


def _tell(matched: NameMatch) -> None:
    """Say which names were not found, and which were found only about."""
    lost = [*matched.unmatched, *matched.ambiguous]
    if lost:
        more = f" and {len(lost) - 10} others" if len(lost) > 10 else ""
        say(
            f"warning: {len(lost)} micrographs are not found or could be several: "
            f"{', '.join(lost[:10])}{more}"
        )
    if matched.loose:
        name = matched.loose[0]
        say(
            f"warning: {len(matched.loose)} names fit a micrograph only in part, such as {name}, "
            f"taken for {matched[name]}"
        )


def shapes_of(
    table: pd.DataFrame, images: MicrographSource | None, size: str | None
) -> dict[str, tuple[int, int]]:
    """Give height and width of the micrographs, where the table does not say them itself."""
    if size is None and "location/micrograph_shape[1]" in table:
        return {}
    names = [str(name) for name in table["micrograph"].unique()]
    if size is not None:
        try:
            width, height = (int(side) for side in size.lower().split("x"))
        except ValueError:
            raise SettingsError(f"--size {size}: give WIDTHxHEIGHT, such as 5760x4092.") from None
        return dict.fromkeys(names, (height, width))
    found = {} if images is None else {name: images.shape(name) for name in names}
    return {name: shape for name, shape in found.items() if shape is not None}

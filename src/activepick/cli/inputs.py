"""Read the micrographs and tables that are given to commands."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from activepick.cli.console import say
from activepick.errors import SettingsError, TableError, on_command_line
from activepick.formats import match_names
from activepick.formats.outside import checked_outside, leave_out_outside
from activepick.micrograph.discovery import FoundMicrograph, find_micrographs
from activepick.wording import counted

__all__ = ["group_by_micrograph", "named_micrographs"]


def named_micrographs(
    paths: Sequence[Path],
    pixel_size_angstrom: float | None = None,
    inverted: bool = False,
    *,
    recursive: bool = False,
) -> list[FoundMicrograph]:
    """Find the micrographs of the arguments, and print which files were left out.

    Parameters
    ----------
    paths, pixel_size_angstrom, inverted, recursive
        As in `activepick.micrograph.discovery.find_micrographs`.

    Raises
    ------
    ActivepickError
        If there are no micrographs, or a list cannot be read.
    """
    micrographs = find_micrographs(paths, pixel_size_angstrom, inverted, recursive=recursive)
    for notice in micrographs.notices:
        say(f"note: {on_command_line(notice)}")
    missing = list(micrographs.missing.values())
    if not micrographs.found:
        raise SettingsError(
            missing[0] if missing else "No micrograph was given: name a file or a folder."
        )
    if missing:
        say(
            f"warning: {counted(len(missing), 'micrograph is', 'micrographs are')} left out: "
            f"{missing[0]}"
        )
    return micrographs.found


def group_by_micrograph(
    table: pd.DataFrame,
    micrographs: Sequence[FoundMicrograph],
    source: Path,
    outside: str = "drop",
) -> list[pd.DataFrame]:
    """Return the rows of a table by micrograph.

    Parameters
    ----------
    table
        Columns ``micrograph``, ``x`` and ``y``, in pixels of the micrographs.
    micrographs
        The micrographs.
    source
        The file of the table, for messages.
    outside
        "drop" leaves out positions outside of their micrograph, with a warning; "error" refuses
        them. See `activepick.formats.outside`.

    Returns
    -------
    list of DataFrame
        One for each micrograph; empty if the table has no rows for it.

    Raises
    ------
    TableError
        If a name in the table matches several micrographs, no name matches any, or all positions
        lie outside.
    """
    rule = checked_outside(outside)
    names = [found.name for found in micrographs]
    matched = match_names([str(name) for name in table["micrograph"].unique()], names)
    if matched.ambiguous:
        name, several = next(iter(matched.ambiguous.items()))
        raise TableError(
            f"{source}: the name {name} matches {' and '.join(several[:3])}. Use names that are "
            "unique."
        )
    if not matched:
        raise TableError(
            f"{source}: none of its micrograph names (such as {table['micrograph'].iloc[0]}) "
            f"matches a given micrograph (such as {names[0]})."
            if len(table)
            else f"{source}: the table is empty."
        )
    if matched.unmatched:
        count = int(table["micrograph"].isin(matched.unmatched).sum())
        some = ", ".join(matched.unmatched[:3])
        rows = counted(count, "row of another micrograph is", "rows of other micrographs are")
        say(f"warning: {source}: {rows} left out ({some})")
    by_name = {found.name: found for found in micrographs}
    shapes = {name: by_name[found].micrograph().shape for name, found in matched.items()}
    known = table[table["micrograph"].isin(matched)]
    inside = leave_out_outside(known, shapes, source=source, outside=rule)
    own = inside["micrograph"].map(matched)
    return [inside[own == name] for name in names]

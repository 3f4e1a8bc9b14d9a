"""Columns of tables with the number and the name of the kind of particle of each row."""

import re
from collections.abc import Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from activepick.errors import TableError

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "KIND_COLUMN",
    "KIND_NAME_COLUMN",
    "NO_PARTICLES",
    "kind_columns",
    "kinds_of_rows",
    "kinds_or_none",
]

KIND_COLUMN, KIND_NAME_COLUMN = "rlnClassNumber", "class"
# Names of classes of non-particles in the tables that sessions write.
NO_PARTICLES = ("contamination", "empty")
_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
# The largest number of a kind, see `activepick.session.model.settings.ParticleKind`.
_LAST = 9999


def kind_columns(
    kind: NDArray[np.integer], names: Mapping[int, str] | None = None
) -> dict[str, NDArray[Any]]:
    """Return the columns of a table for kinds of particles.

    Parameters
    ----------
    kind
        Number of the kind of each row, shape (n,).
    names
        Names of kinds by number; without them, there is no column of names.

    Returns
    -------
    dict
        Columns by name, each of shape (n,).
    """
    columns: dict[str, NDArray[Any]] = {KIND_COLUMN: kind.astype(np.int64)}
    if names:
        columns[KIND_NAME_COLUMN] = np.array([names.get(k, "") for k in kind.tolist()], object)
    return columns


def kinds_of_rows(
    table: "pd.DataFrame", column: str, source: str | PathLike[str]
) -> tuple[NDArray[np.int_], dict[int, str]]:
    """Return the number of the kind of particle of each row, and the names of the kinds by number.

    Parameters
    ----------
    table
        With the column ``label`` (1 particle, 0 not a particle). Without it, all rows are particles
        except those of the classes `NO_PARTICLES`.
    column
        Column with the names of kinds. They have the numbers of the column ``rlnClassNumber`` if it
        has a number for each of them. Otherwise, names that are whole numbers are used as numbers,
        and other names are numbered in alphabetical order.
    source
        The file, for messages.

    Returns
    -------
    numbers : array of int, shape (n,)
        Numbers of the kinds; 0 for rows that are not particles.
    names : dict
        Names of the kinds of the particles by number.

    Raises
    ------
    TableError
        If there is no such column, a particle has no kind, or one of several numbers of kinds is
        not from 1 to 9999.
    """
    if column not in table:
        raise TableError(f"{source}: there is no column {column} with kinds of particles.")
    names = np.array([_name(value) for value in table[column].tolist()], object)
    particle = (
        table["label"].to_numpy(float) == 1
        if "label" in table
        else ~np.isin(names.astype(str), NO_PARTICLES)
    )
    missing = np.flatnonzero(particle & np.isin(names.astype(str), ("", "nan", "<NA>", "None")))
    if len(missing):
        raise TableError(
            f"{source}: the particle in row {missing[0]} has no kind in the column {column}."
        )
    found = sorted(set(names[particle]))
    numbers = _numbers_beside(table, names, particle)
    if numbers is None:
        numbers = _numbers_of(found, column, source)
    kinds = np.array([numbers.get(name, 0) for name in names], int)
    return np.where(particle, kinds, 0), dict(sorted((k, name) for name, k in numbers.items()))


def kinds_or_none(
    table: "pd.DataFrame", column: str | None, source: str | PathLike[str]
) -> tuple[NDArray[np.int_], dict[int, str]] | None:
    """Return the result of `kinds_of_rows`, by default for the column ``class``.

    The parameters and errors are those of `kinds_of_rows`. The result is None if no column is given
    and there is no column ``class``.
    """
    if column is None and KIND_NAME_COLUMN not in table:
        return None
    return kinds_of_rows(table, column or KIND_NAME_COLUMN, source)


def _name(value: object) -> str:
    """Return the name of a kind in a cell; whole numbers of type float have no decimal point."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def _numbers_of(names: Sequence[str], column: str, source: str | PathLike[str]) -> dict[str, int]:
    """Return the numbers of names: the names themselves, or their alphabetical order."""
    if all(map(_WHOLE.fullmatch, names)):
        numbers = {name: int(name) for name in names}
        wrong = [name for name, number in numbers.items() if not 0 < number <= _LAST]
        if not wrong:
            return numbers
        if len(names) > 1:
            raise TableError(
                f"{source}: {wrong[0]} in the column {column} is not the number of a kind of "
                f"particle, which is from 1 to {_LAST}."
            )
    return {name: k for k, name in enumerate(names, 1)}


def _numbers_beside(
    table: "pd.DataFrame", names: NDArray[np.object_], particle: NDArray[np.bool_]
) -> dict[str, int] | None:
    """Return the numbers of names in the column of numbers; None if some are missing."""
    import pandas as pd

    if KIND_COLUMN not in table:
        return None
    beside = pd.to_numeric(table[KIND_COLUMN], errors="coerce").to_numpy(float, na_value=np.nan)
    pairs = {
        (str(name), int(number))
        for name, number in zip(names[particle], beside[particle], strict=True)
        if 0 < number <= _LAST and number == int(number)
    }
    found = dict(pairs)
    whole = len(pairs) == len(found) == len(set(found.values())) == len(set(names[particle]))
    return found if whole else None

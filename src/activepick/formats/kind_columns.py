"""Columns of tables with the number and the name of the kind of particle of each row."""

from collections.abc import Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from activepick.errors import TableError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["KIND_COLUMN", "KIND_NAME_COLUMN", "NO_PARTICLES", "kind_columns", "kinds_of_rows"]

KIND_COLUMN, KIND_NAME_COLUMN = "rlnClassNumber", "class"
# Names of classes of non-particles in the tables that sessions write.
NO_PARTICLES = ("contamination", "empty")


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
        Column with the names of kinds. Names that are whole numbers above 0 are used as numbers.
        Other names have the numbers of the column ``rlnClassNumber`` if it has a number for each of
        them; otherwise they are numbered in alphabetical order.
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
        If there is no such column, or a particle has no kind.
    """
    import pandas as pd

    if column not in table:
        raise TableError(f"{source}: there is no column {column} with kinds of particles.")
    values = table[column]
    if pd.api.types.is_float_dtype(values) and (values == values.round()).all():
        values = values.astype(int)
    names = values.astype(str).str.strip().to_numpy(object)
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
    if all(name.isascii() and name.isdigit() and 0 < int(name) <= 9999 for name in found):
        numbers = {name: int(name) for name in found}
    else:
        numbers = _numbers_beside(table, names, particle) or {n: k for k, n in enumerate(found, 1)}
    kinds = np.array([numbers.get(name, 0) for name in names], int)
    return np.where(particle, kinds, 0), dict(sorted((k, name) for name, k in numbers.items()))


def _numbers_beside(
    table: "pd.DataFrame", names: NDArray[np.object_], particle: NDArray[np.bool_]
) -> dict[str, int] | None:
    """Return the numbers of names in the column of numbers; None if some are missing."""
    if KIND_COLUMN not in table:
        return None
    pairs = {
        (str(name), int(number))
        for name, number in zip(
            names[particle], table[KIND_COLUMN].to_numpy(float)[particle], strict=True
        )
        if number == number and number > 0
    }
    found = dict(pairs)
    whole = len(pairs) == len(found) == len(set(found.values())) == len(set(names[particle]))
    return found if whole else None

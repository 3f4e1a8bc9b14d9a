"""Errors for tomograms and filaments, the same for every format."""

import os
from collections.abc import Sequence
from typing import NoReturn

import numpy as np
import numpy.typing as npt
import pandas as pd

from activepick.errors import TableError
from activepick.formats.values import to_numbers

__all__ = ["refuse_filament", "refuse_tomogram", "varies"]


def refuse_tomogram(
    path: str | os.PathLike[str], what: str = "particles in tomograms", line: int | None = None
) -> NoReturn:
    """Raise the error for a file of particles in tomograms.

    Parameters
    ----------
    path
        The file.
    what
        Content of the file, with the reason for this conclusion in brackets, such as "particles in
        tomograms (rlnTomoName)".
    line
        Line of the file, if it is known.

    Raises
    ------
    TableError
        Always.
    """
    raise TableError(
        f"{_place(path, line)}: these are {what}, and tomograms are not supported; give picks in "
        "single micrographs"
    )


def refuse_filament(
    path: str | os.PathLike[str], what: str = "points on filaments", line: int | None = None
) -> NoReturn:
    """Raise the error for a file of filaments.

    Parameters
    ----------
    path
        The file.
    what
        Content of the file, with the reason for this conclusion in brackets, such as "points on
        filaments (rlnHelicalTubeID)".
    line
        Line of the file, if it is known.

    Raises
    ------
    TableError
        Always.
    """
    raise TableError(
        f"{_place(path, line)}: these are {what}, not particles, and filaments are not supported; "
        "give picks of single particles"
    )


def varies(values: Sequence[object] | pd.Series | npt.NDArray[np.generic]) -> bool:
    """Return whether values include at least two different finite numbers.

    Programs for 2D micrographs may write a depth (``z``) that is equal in all rows; one that varies
    is a position in a tomogram.

    Parameters
    ----------
    values
        Numbers or texts, ``(n,)``; values that are not finite numbers are ignored.
    """
    numbers = to_numbers(pd.Series(values, dtype=object))
    finite = numbers[np.isfinite(numbers.to_numpy())]
    return bool(finite.nunique() > 1)


def _place(path: str | os.PathLike[str], line: int | None) -> str:
    return os.fspath(path) if line is None else f"{os.fspath(path)}, line {line}"

"""The rows of a benchmark that takes long: each run is kept, and not repeated."""

import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

__all__ = ["KeptRows"]


class KeptRows:
    """A table to which each run adds its rows when it ends.

    The program ends if the table exists with other columns, which an earlier version of a script
    has written.

    Parameters
    ----------
    folder
        Folder of the table, `rows.csv`; it is made if it is missing.
    columns
        Names of all columns.
    run
        Names of the columns that tell the runs apart.
    """

    def __init__(self, folder: Path, columns: Sequence[str], run: Sequence[str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "rows.csv"
        self._columns, self._run = list(columns), list(run)
        found = (
            list(map(str, pd.read_csv(self.path, nrows=0))) if self.path.exists() else self._columns
        )
        if sorted(found) != sorted(self._columns):
            sys.exit(
                f"{self.path} has other columns than this version of the script writes:\n"
                f"missing: {_listed(self._columns, found)}; "
                f"unknown: {_listed(found, self._columns)}.\n"
                "Move it away, or give another folder with --out; all runs are then repeated."
            )
        # Rows that are added get the same order of columns.
        self._order = found

    def has(self, *run: object) -> bool:
        """Return whether a run, given by the values of its columns, has ended before."""
        if not self.path.exists():
            return False
        known = self.read()[self._run].drop_duplicates()
        return _key(run) in set(map(_key, known.itertuples(index=False, name=None)))

    def add(self, rows: pd.DataFrame) -> None:
        """Append the rows of a run that has ended."""
        rows[self._order].to_csv(self.path, mode="a", header=not self.path.exists(), index=False)

    def read(self) -> pd.DataFrame:
        """Return the rows of all runs so far."""
        return pd.read_csv(self.path)


def _key(run: tuple[object, ...]) -> tuple[object, ...]:
    """Return values without the last digits of floats, in which the file may differ."""
    return tuple(round(value, 9) if isinstance(value, float) else value for value in run)


def _listed(some: Sequence[str], others: Sequence[str]) -> str:
    return ", ".join(name for name in some if name not in others) or "none"

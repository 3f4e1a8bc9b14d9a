"""True particles, with which the picks are evaluated."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from activepick.errors import TableError
from activepick.formats import match_names, read_table
from activepick.metrics import average_precision, match
from activepick.scoremap import Peaks
from activepick.workspace.peaks import MicrographPeaks

__all__ = ["Truth"]

GetPeaks = Callable[[int], MicrographPeaks | None]


class Truth:
    """True particles on micrographs of a session.

    Parameters
    ----------
    table
        A table with the columns ``micrograph, x, y`` in original pixels and optionally ``label``,
        where 0 is not a particle; or the path of a file with such a table.
    names
        Names of the micrographs of the session, by number.

    Attributes
    ----------
    unmatched
        Names in the table that are not found in the session or are ambiguous.

    Raises
    ------
    TableError
        If the file cannot be read, or no name in the table is found in the session.
    """

    def __init__(self, table: pd.DataFrame | Path, names: Mapping[int, str]) -> None:
        source = "the table" if isinstance(table, pd.DataFrame) else str(table)
        rows = table if isinstance(table, pd.DataFrame) else read_table(table)
        if "label" in rows:
            rows = rows[rows["label"].to_numpy(dtype=float, na_value=1) != 0]
        groups = {str(name): group for name, group in rows.groupby("micrograph")}
        matched = match_names(groups, names.values())
        numbers = {name: number for number, name in names.items()}
        self.unmatched = [*matched.unmatched, *matched.ambiguous]
        self._particles = {
            numbers[matched[name]]: groups[name][["x", "y"]].to_numpy(np.float64)
            for name in matched
        }
        # By number: head and separation that determine scores and hits, scores, and hits.
        self._matched: dict[
            int, tuple[tuple[str, float], NDArray[np.float32], NDArray[np.bool_]]
        ] = {}
        if not self._particles:
            some = ", ".join(list(groups)[:3]) or "it is empty"
            raise TableError(
                f"{source}: none of its micrographs ({some}) is in this session. Check the names."
            )

    def average_precision(
        self, separation: float, heads: Mapping[int, str], peaks: GetPeaks
    ) -> float | None:
        """Compute the average precision of all peaks, without threshold and without labels.

        The matching radius is the particle radius.

        Parameters
        ----------
        separation
            Smallest distance between two peaks, in particle radii.
        heads
            Hash of the head of the newest peaks, by the number of the micrograph. Micrographs
            without true particles are ignored.
        peaks
            Function that returns the newest peaks of a micrograph. It is called only if they
            changed since the last call.

        Returns
        -------
        float or None
            Average precision, between 0 and 1; None if no micrograph has true particles.
        """
        for number in heads.keys() & self._particles.keys():
            key = (heads[number], separation)
            if number not in self._matched or self._matched[number][0] != key:
                found = peaks(number)
                if found is not None:
                    self._matched[number] = key, *self._match(number, found.peaks, separation)
        used = [number for number in heads if number in self._matched]
        if not used:
            return None
        return average_precision(
            np.concatenate([self._matched[number][1] for number in used]),
            np.concatenate([self._matched[number][2] for number in used]),
            sum(len(self._particles[number]) for number in used),
        )

    def _match(
        self, number: int, peaks: Peaks, separation: float
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Return the scores of separated peaks, and whether each matches a true particle."""
        apart = peaks.take(peaks.separated(separation))
        return apart.score, match(apart.xy, self._particles[number], peaks.radius_px)

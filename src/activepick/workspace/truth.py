"""True particles, where somebody knows them."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from activepick.errors import TableError
from activepick.formats import match_names, read_table
from activepick.metrics import average_precision, match
from activepick.session.model.state import SessionState
from activepick.workspace.peaks import Peaks

__all__ = ["Truth"]


class Truth:
    """True particles of some micrographs of a session.

    Parameters
    ----------
    table
        Columns ``micrograph, x, y`` and optionally ``label``: rows with label 0 are no particles.
        Or a file that holds such a table.
    names
        Names of the session's micrographs in tables, by number.

    Attributes
    ----------
    unmatched
        Names in the table that no micrograph has.

    Raises
    ------
    TableError
        When the file cannot be read, or no name in it is that of a micrograph.
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
        if not self._particles:
            some = ", ".join(list(groups)[:3]) or "it is empty"
            raise TableError(
                f"{source}: none of its micrographs ({some}) is in this session. Check the names."
            )

    def average_precision(self, state: SessionState, peaks: Mapping[int, Peaks]) -> float | None:
        """Give the AP of all peaks, whatever the threshold; labels make no difference.

        The matching radius is the particle's, as everywhere.

        Parameters
        ----------
        state
            Settings.
        peaks
            By number; those without truth are left out.
        """
        scores, hits, particles = [], [], 0
        for number, one in peaks.items():
            if number in self._particles:
                apart = one.apart(state.settings.separation)
                scores.append(one.score[apart])
                hits.append(match(one.xy[apart], self._particles[number], one.radius_px))
                particles += len(self._particles[number])
        if not particles:
            return None
        return average_precision(np.concatenate(scores), np.concatenate(hits), particles)

"""Find picks at the same position."""

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.spatial import cKDTree

__all__ = ["find_duplicates"]


def find_duplicates(table: pd.DataFrame, radius_px: float) -> npt.NDArray[np.bool_]:
    """Return which rows repeat another row of the same micrograph.

    Of rows within the radius of each other, the one with the highest score is kept, or the first
    one without scores: in this order, each remaining row removes all others around it.

    Parameters
    ----------
    table
        Columns ``micrograph, x, y`` and optionally ``score``; original pixels.
    radius_px
        Pixels, inclusive; 0 finds rows at exactly the same position.

    Returns
    -------
    ndarray of bool, (n,)
        True for the rows to drop.
    """
    xy = table[["x", "y"]].to_numpy(np.float64)
    score = table["score"].fillna(-np.inf).to_numpy(np.float64) if "score" in table else None
    drop = np.zeros(len(table), dtype=bool)
    codes = pd.factorize(table["micrograph"])[0]
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
    for rows in np.split(order, starts[1:]):
        pairs = cKDTree(xy[rows]).query_pairs(radius_px, output_type="ndarray")
        if not len(pairs):
            continue
        near: dict[int, list[int]] = {}
        for one, other in pairs.tolist():
            near.setdefault(one, []).append(other)
            near.setdefault(other, []).append(one)
        best_first = sorted(near)
        if score is not None:
            best_first.sort(key=lambda row: -score[rows[row]])
        gone: set[int] = set()
        for row in best_first:
            if row not in gone:
                gone.update(near[row])
        drop[rows[list(gone)]] = True
    return drop

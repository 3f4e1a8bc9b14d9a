"""Which positions are the same, and which are far from each other."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

__all__ = ["SAME_POSITION", "far_from"]

# Two positions count as the same if they are at most this many particle radii apart: a label and a
# pick, a query and an earlier answer, a row of an imported table and a label. The oracle of the
# benchmarks uses the same distance for particles. It is smaller than the separation of picks, so
# that few labels are close to two picks.
SAME_POSITION = 0.5


def far_from(xy: ArrayLike, others: ArrayLike, distance: float) -> NDArray[np.bool_]:
    """Return which positions are farther than a distance from all others.

    Parameters
    ----------
    xy
        Positions, shape (n, 2).
    others
        Other positions, shape (m, 2).
    distance
        The distance, in the unit of the positions.

    Returns
    -------
    array of bool, shape (n,)
    """
    here = np.asarray(xy, np.float64).reshape(-1, 2)
    there = np.asarray(others, np.float64).reshape(-1, 2)
    if not len(here) or not len(there):
        return np.ones(len(here), bool)
    return np.asarray(cKDTree(there).query(here)[0] > distance)

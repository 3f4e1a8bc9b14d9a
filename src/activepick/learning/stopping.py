"""The stopping rule: whether more labels of this kind are unlikely to help.

Stabilising predictions (Bloodgood and Vijay-Shanker, CoNLL 2009): when the picks of successive
heads agree over a few rounds, further answers to this kind of question change little. The window
and `activepick benchmark` use the same rule.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial import cKDTree

from activepick.scoremap import SAME_POSITION

__all__ = ["LITTLE", "ROUNDS", "changed_positions", "settled"]

# More labels help little after this many rounds in a row, each of which changed less than this
# share of the picks. What it costs: benchmarks/calibration.py.
ROUNDS, LITTLE = 2, 0.03


def changed_positions(before: ArrayLike, after: ArrayLike, radius_px: float) -> tuple[int, int]:
    """Count how many picks of a micrograph changed from one head to another.

    Parameters
    ----------
    before, after
        Positions (n, 2) and (m, 2) of the picks of either head.
    radius_px
        Particle radius in the same pixels.

    Returns
    -------
    changed : int
        Number of picks of either head without a pick of the other at the same position.
    total : int
        Number of picks of both heads.
    """
    old = np.asarray(before, np.float64).reshape(-1, 2)
    new = np.asarray(after, np.float64).reshape(-1, 2)
    if not len(old) or not len(new):
        return len(old) + len(new), len(old) + len(new)
    reach = SAME_POSITION * radius_px
    lost = int((cKDTree(new).query(old)[0] > reach).sum())
    found = int((cKDTree(old).query(new)[0] > reach).sum())
    return lost + found, len(old) + len(new)


def settled(changed: Sequence[float | None]) -> bool:
    """Return whether more labels of this kind are unlikely to help.

    Parameters
    ----------
    changed
        The share of the picks that each round changed, the oldest first; None where it is not
        known.
    """
    last = [share for share in changed[-ROUNDS:] if share is not None]
    return len(last) == ROUNDS and max(last) < LITTLE

"""The stopping rule: detect when more labels of this kind are unlikely to improve the picks.

The method is stabilising predictions (Bloodgood and Vijay-Shanker, CoNLL 2009): if the picks of
successive heads agree over a few rounds, more answers to this kind of question change little. The
window and `activepick benchmark` use the same rule.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from activepick.scoremap import SAME_POSITION, far_from

__all__ = ["LITTLE", "ROUNDS", "changed_positions", "settled"]

# More labels are unlikely to help after this number of successive rounds, if each changed less than
# this share of the picks. The loss of accuracy is measured by benchmarks/calibration.py.
ROUNDS, LITTLE = 2, 0.03


def changed_positions(before: ArrayLike, after: ArrayLike, radius_px: float) -> tuple[int, int]:
    """Count the picks of a micrograph that differ between two heads.

    Parameters
    ----------
    before, after
        Positions x, y of the picks of each head in original pixels, shapes (n, 2) and (m, 2).
    radius_px
        Particle radius in original pixels.

    Returns
    -------
    changed : int
        Number of picks of both heads for which the other head has no pick at the same position.
    total : int
        Total number of picks of both heads.
    """
    old = np.asarray(before, np.float64).reshape(-1, 2)
    new = np.asarray(after, np.float64).reshape(-1, 2)
    reach = SAME_POSITION * radius_px
    lost, found = far_from(old, new, reach).sum(), far_from(new, old, reach).sum()
    return int(lost + found), len(old) + len(new)


def settled(changed: Sequence[float | None]) -> bool:
    """Return whether more labels of this kind are unlikely to improve the picks.

    Parameters
    ----------
    changed
        Share of the picks that changed in each round, between 0 and 1, the oldest round first; None
        where it is unknown.
    """
    last = [share for share in changed[-ROUNDS:] if share is not None]
    return len(last) == ROUNDS and max(last) < LITTLE

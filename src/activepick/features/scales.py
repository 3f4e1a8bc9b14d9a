"""Which working radii to use: the choice that decides most about accuracy.

The network was trained on particles of many sizes, and the working radius at which it does best
differs from protein to protein. It shows without any label: where the working radius suits, the
upper tail of the pretrained score map is highest (`docs/benchmarks.md`). With labels a finer scale
gains on it, so that a head looks at that radius and at a somewhat larger one side by side.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["FINE_RATIO", "LADDER", "climb", "score_tail", "side_by_side"]

LADDER = (5.0, 7.0, 10.0, 14.0, 20.0)
# Where the climb begins.
_MIDDLE = 2

# The working radius of the fine scale in working radii of the coarse one. Twice the radius takes
# 1.7 times as many operations and is no better (`benchmarks/orientations.py`).
FINE_RATIO = 1.4

# Particles cover a few percent of a micrograph and their centres a few thousandths.
_TAIL_PERCENTILE = 99.7

# The finer the scale, the smaller is the share of a map that the peaks of its particles take, and
# the lower its tail for the same quality. So much each step of the ladder is worth.
_FINER = 0.15


def score_tail(scores: NDArray[np.float32]) -> float:
    """Give the upper tail of a pretrained score map: its 99.7th percentile, a logit."""
    return float(np.percentile(scores, _TAIL_PERCENTILE))


def climb(tails: Callable[[Sequence[float]], Sequence[float]]) -> float:
    """Find the working radius whose score tail is highest, without trying more than needed.

    Parameters
    ----------
    tails
        Gives the score tail for each of some working radii.

    Returns
    -------
    float
        The best of `LADDER`, going up or down from its middle as long as that pays.
    """
    start = _around(_MIDDLE)
    known = dict(zip(start, tails(start), strict=True))
    while True:
        best = max(known, key=lambda radius: known[radius] + _FINER * LADDER.index(radius))
        missing = [radius for radius in _around(LADDER.index(best)) if radius not in known]
        if not missing:
            return best
        known.update(zip(missing, tails(missing), strict=True))


def side_by_side(radius: float, fine_ratio: float = FINE_RATIO) -> tuple[float, ...]:
    """Return the working radii of the two scales of a head when one of them suits best."""
    return radius, fine_ratio * radius


def _around(step: int) -> tuple[float, ...]:
    return LADDER[max(step - 1, 0) : step + 2]

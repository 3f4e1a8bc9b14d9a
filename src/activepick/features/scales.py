"""The ladder of working radii, whose choice affects the accuracy most.

The network was trained on particles of many sizes, and the working radius at which it does best
differs from protein to protein. It can be chosen without labels: the radius that suits is the one
at which the best peaks of the pretrained score map are highest (`docs/benchmarks.md`). With labels
a finer scale adds to it, so that a head uses that radius and a somewhat larger one side by side.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from activepick.scoremap import merge_scales, separated_peaks

__all__ = [
    "FEWEST",
    "FINE_RATIO",
    "LADDER",
    "MOST",
    "best_peaks",
    "climb",
    "score_tail",
    "side_by_side",
]

LADDER = (5.0, 7.0, 10.0, 14.0, 20.0)
# The search begins in the middle.
_MIDDLE = 2

# The working radius of the fine scale in working radii of the coarse one. Twice the radius takes
# 1.7 times as many operations and is no better (`benchmarks/orientations.py`).
FINE_RATIO = 1.4

# Between so many peaks count as would cover a 64th and an eighth of the image: the particles of a
# sparse micrograph, and a good part of those of a crowded one.
FEWEST, MOST = 1 / 64, 1 / 8

# A finer radius has to be better by so much, as a logit, for each step of the ladder: it has twice
# as many independent positions, of which noise raises some, and takes twice as long.
_FINER = 0.15

# Particles cover a few percent of a micrograph and their centres a few thousandths.
_TAIL_PERCENTILE = 99.7


def best_peaks(scores: NDArray[np.float32], stride: int, radius: float) -> NDArray[np.float32]:
    """Return the scores of the highest peaks of a score map, descending.

    Parameters
    ----------
    scores
        Score map (h, w), logits.
    stride
        Working pixels between two samples.
    radius
        Working radius in working pixels.

    Returns
    -------
    ndarray
        Shape (n,), where n discs of the radius cover an eighth of the map; the last scores are
        repeated if there are fewer peaks.
    """
    height, width = (stride * side for side in scores.shape)
    spacing = (float(stride), float(stride))
    peaks = separated_peaks(merge_scales([(scores, spacing)], 0.0, (height, width), radius))
    count = max(1, round(MOST * height * width / (math.pi * radius**2)))
    found = peaks.score[:count] if len(peaks) else scores.max()[None]
    return np.asarray(np.pad(found, (0, count - len(found)), mode="edge"), np.float32)


def score_tail(scores: NDArray[np.float32]) -> float:
    """Return the upper tail of a pretrained score map: its 99.7th percentile, a logit."""
    return float(np.percentile(scores, _TAIL_PERCENTILE))


def climb(quality: Callable[[Sequence[float]], Sequence[float]]) -> float:
    """Find the working radius of the highest quality, without trying more than necessary.

    Parameters
    ----------
    quality
        Returns the quality of each of some working radii, as a logit.

    Returns
    -------
    float
        The best of `LADDER`, going up or down from its middle as long as the quality rises.
    """
    start = _around(_MIDDLE)
    known = dict(zip(start, quality(start), strict=True))
    while True:
        best = max(known, key=lambda radius: known[radius] - _FINER * LADDER.index(radius))
        missing = [radius for radius in _around(LADDER.index(best)) if radius not in known]
        if not missing:
            return best
        known.update(zip(missing, quality(missing), strict=True))


def side_by_side(radius: float, fine_ratio: float | None = FINE_RATIO) -> tuple[float, ...]:
    """Return the working radii of a head when one of them suits best.

    Parameters
    ----------
    radius
        The working radius that suits best.
    fine_ratio
        Working radius of the second scale in working radii of the first; None for one scale.
    """
    return (radius,) if fine_ratio is None else (radius, fine_ratio * radius)


def _around(step: int) -> tuple[float, ...]:
    return LADDER[max(step - 1, 0) : step + 2]

"""The working radii among which the scale search chooses.

The choice of the working radius affects the accuracy most. The network was trained on particles of
many sizes, and the working radius at which it is most accurate differs between proteins. It can be
chosen without labels: the best radius is the one at which the highest peaks of the pretrained score
map are highest (`docs/benchmarks.md`). With labels a finer scale improves the accuracy, so that a
head uses two radii, this one and a somewhat larger one.
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
    "POLARITY_RADIUS",
    "best_peaks",
    "climb",
    "score_tail",
    "side_by_side",
]

LADDER = (5.0, 7.0, 10.0, 14.0, 20.0)
# The search begins in the middle.
_MIDDLE = 2

# The working radius at which the polarity is determined: one that is suitable for all proteins.
POLARITY_RADIUS = 10.0

# The ratio of the working radius of the fine scale to that of the coarse one. A ratio of 2 takes
# 1.7 times as many operations and is not more accurate (`benchmarks/orientations.py`).
FINE_RATIO = 1.4

# The fewest and the most peaks that count, as the share of the image that their discs would cover:
# the particles of a sparse micrograph, and a large part of those of a crowded one.
FEWEST, MOST = 1 / 64, 1 / 8

# The logit by which a finer scale has to be better for each step of `LADDER`: it has twice as many
# independent positions, the scores of some of which are raised by noise, and takes twice as long.
_FINER = 0.15

# The percentile of `score_tail`: particles cover a few percent of a micrograph, and their centres a
# few thousandths.
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
        Scores, shape (n,), where n discs of the radius cover an eighth of the map; the last score
        is repeated if there are fewer peaks.
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
    """Find the working radius of the highest quality with few evaluations.

    Parameters
    ----------
    quality
        Returns the quality of each of the given working radii, as a logit.

    Returns
    -------
    float
        The best radius of `LADDER` in working pixels. The search goes up or down from the middle
        as long as the quality rises.
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
    """Return the working radii of a head for the best working radius.

    Parameters
    ----------
    radius
        The best working radius, in working pixels.
    fine_ratio
        Ratio of the working radius of the second scale to that of the first; None for one scale.
    """
    return (radius,) if fine_ratio is None else (radius, fine_ratio * radius)


def _around(step: int) -> tuple[float, ...]:
    return LADDER[max(step - 1, 0) : step + 2]

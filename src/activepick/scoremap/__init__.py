"""Score maps and their peaks, with numpy and scipy only.

A head gives a score at every position of a micrograph (`ScoreMap`). Its local maxima are the peaks
(`find_peaks`), from which `activepick.picking.rules` selects the picks.
"""

from activepick.scoremap.peaks import (
    DEFAULT_SEPARATION,
    Peaks,
    find_peaks,
    separated_peaks,
)
from activepick.scoremap.positions import SAME_POSITION, far_from
from activepick.scoremap.score_map import KindScores, ScoreMap, merge_kinds, merge_scales

__all__ = [
    "DEFAULT_SEPARATION",
    "SAME_POSITION",
    "KindScores",
    "Peaks",
    "ScoreMap",
    "far_from",
    "find_peaks",
    "merge_kinds",
    "merge_scales",
    "separated_peaks",
]

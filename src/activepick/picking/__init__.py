"""From score maps to picks."""

from activepick.picking.rules import apply_labels, make_picks, score_threshold
from activepick.scoremap.maxima import find_peaks

__all__ = ["apply_labels", "find_peaks", "make_picks", "score_threshold"]

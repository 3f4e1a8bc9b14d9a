"""From score maps to picks."""

from activepick.picking.peaks import find_peaks
from activepick.picking.picks import apply_labels, make_picks, score_threshold

__all__ = ["apply_labels", "find_peaks", "make_picks", "score_threshold"]

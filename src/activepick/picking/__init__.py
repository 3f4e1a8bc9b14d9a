"""Pick particles: the rules that select picks, and their application to micrographs."""

from activepick.picking.rules import (
    ALL_PEAKS,
    LabelledPositions,
    PickRules,
    Picks,
    select_picks,
    within_margin,
)

__all__ = [
    "ALL_PEAKS",
    "LabelledPositions",
    "PickRules",
    "Picks",
    "select_picks",
    "within_margin",
]

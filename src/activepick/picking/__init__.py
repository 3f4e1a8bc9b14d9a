"""From score maps to picks: the rules, and a micrograph picked with them."""

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

"""Colours that colour-blind people can tell apart (Okabe and Ito, 2008)."""

__all__ = [
    "ASKED",
    "CURRENT",
    "EXCLUDED",
    "NOT_PARTICLE",
    "PARTICLE",
    "SCORES",
    "SKIPPED",
    "TRUTH",
    "of_target",
]

PARTICLE = "#56b4e9"
NOT_PARTICLE = "#e69f00"
ASKED = "#f0e442"
CURRENT = "#ffffff"
SKIPPED = "#999999"
EXCLUDED = "#d55e00"
TRUTH = "#cc79a7"
# Of picks by their score: ordered by brightness, so that it is read without seeing colours.
SCORES = "viridis"


def of_target(target: int | None) -> str:
    """Give the colour of an answer: 1 particle, 0 not a particle, None left open."""
    return {1: PARTICLE, 0: NOT_PARTICLE}.get(target, SKIPPED)

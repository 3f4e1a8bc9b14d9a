"""Colours that colour-blind people can tell apart (Okabe and Ito, 2008)."""

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from numpy.typing import NDArray

__all__ = [
    "ASKED",
    "CURRENT",
    "EMPTY",
    "EXCLUDED",
    "NOT_PARTICLE",
    "PARTICLE",
    "SCORES",
    "SKIPPED",
    "TRUTH",
    "of_score",
    "of_target",
]

PARTICLE = "#56b4e9"
NOT_PARTICLE = "#e69f00"
# A kind of junk too: of the same hue, and much darker.
EMPTY = "#8c510a"
ASKED = "#f0e442"
CURRENT = "#ffffff"
SKIPPED = "#999999"
EXCLUDED = "#d55e00"
TRUTH = "#cc79a7"
# Of picks, from the least to the most likely: ordered by brightness, so that it is read without
# seeing colours, and unlike all of the others.
SCORES = ("#0b3d2e", "#009e73", "#8cffc8")
_RAMP = LinearSegmentedColormap.from_list("scores", SCORES)


def of_score(probability: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the colours (n, 4) of picks by their probability (n,)."""
    return np.asarray(_RAMP(probability), np.float64).reshape(-1, 4)


def of_target(target: int | None) -> str:
    """Give the colour of an answer.

    1 particle, 0 not a particle, 2 carbon or empty ice, None left open.
    """
    return {1: PARTICLE, 0: NOT_PARTICLE, 2: EMPTY}.get(target, SKIPPED)

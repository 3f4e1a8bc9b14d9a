"""Colours that are distinct for colour-blind people (Okabe and Ito, 2008)."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from numpy.typing import NDArray

from activepick.session import ParticleKind, Target
from activepick.session.model.state import NOT_A_PARTICLE

__all__ = [
    "ASKED",
    "CURRENT",
    "EMPTY",
    "EXCLUDED",
    "NOT_PARTICLE",
    "PARTICLE",
    "SCORES",
    "SKIPPED",
    "TABLES",
    "TRUTH",
    "of_kinds",
    "of_score",
    "of_target",
]

PARTICLE = "#56b4e9"
NOT_PARTICLE = "#e69f00"
# Also non-particles: the same hue, much darker.
EMPTY = "#8c510a"
ASKED = "#f0e442"
CURRENT = "#ffffff"
SKIPPED = "#999999"
EXCLUDED = "#d55e00"
TRUTH = "#cc79a7"
# Tables of other programs, in the order in which they are opened.
TABLES = ("#cc79a7", "#0072b2", "#f7f7f7", "#7570b3")
# Colour ramp of picks, from the least to the most likely. It is ordered by brightness, so that it
# can be read without colour vision, and differs from all other colours.
SCORES = ("#0b3d2e", "#009e73", "#8cffc8")
_RAMP = LinearSegmentedColormap.from_list("scores", SCORES)


def of_score(probability: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the colours (n, 4), RGBA in 0 to 1, of picks with these probabilities (n,)."""
    return np.asarray(_RAMP(probability), np.float64).reshape(-1, 4)


def of_kinds(kinds: Sequence[ParticleKind]) -> dict[int, str]:
    """Return the colours of kinds of particles by number."""
    return {kind.number: kind.colour for kind in kinds}


def of_target(target: Target, kinds: Mapping[int, str] = MappingProxyType({})) -> str:
    """Return the colour of an answer, "#rrggbb".

    Parameters
    ----------
    target
        1 particle or the number of its kind, 0 not a particle, -1 carbon or empty ice, None
        skipped.
    kinds
        Colours of kinds of particles by number.
    """
    if target is None:
        return SKIPPED
    if target > 0:
        return kinds.get(target, PARTICLE)
    return NOT_PARTICLE if target == NOT_A_PARTICLE else EMPTY

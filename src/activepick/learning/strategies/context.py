"""The input of a query strategy."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from activepick.learning.head import Head
from activepick.scoremap import ScoreMap

if TYPE_CHECKING:  # which need PyTorch, or are not needed to list the strategies
    from activepick.features.feature_map import MicrographFeatures
    from activepick.learning.posterior import Posterior

__all__ = ["MayAsk", "QueryContext", "everywhere"]

Floats = NDArray[np.float64]

# Returns a mask (n,) of the positions (n, 2) on a micrograph, given by its index.
MayAsk = Callable[[int, Floats], NDArray[np.bool_]]


def everywhere(index: int, xy: Floats) -> NDArray[np.bool_]:
    """Return a mask (n,) that allows all positions (n, 2)."""
    return np.ones(len(xy), bool)


@dataclass(frozen=True, eq=False)
class QueryContext:
    """Micrographs, labels and head at the moment when queries are chosen.

    Attributes
    ----------
    micrographs
        Features of each micrograph.
    score_maps
        For each micrograph the linear scores of the head.
    labelled
        For each micrograph the labelled positions (n, 2) in original pixels.
    skipped
        For each micrograph further positions (n, 2) that must not be queried.
    head
        The current head.
    posterior
        Computes the posterior of the head.
    rng
        Random generator of the strategies.
    may_ask
        Returns a mask (n,) of the positions (n, 2) on a micrograph, given by its index, that may
        be queried; by default all.
    """

    micrographs: "Sequence[MicrographFeatures]"
    score_maps: Sequence[ScoreMap]
    labelled: Sequence[Floats]
    skipped: Sequence[Floats]
    head: Head
    posterior: "Callable[[], Posterior]"
    rng: np.random.Generator
    may_ask: MayAsk = everywhere

    @property
    def n_labels(self) -> int:
        """Number of labels on all micrographs."""
        return sum(len(xy) for xy in self.labelled)

    def answered(self, index: int) -> Floats:
        """Return the labelled and the skipped positions (n, 2) of a micrograph."""
        return np.concatenate([self.labelled[index], self.skipped[index]])

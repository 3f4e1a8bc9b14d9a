"""The input of a query strategy."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from activepick.learning.head import Head
from activepick.scoremap import ScoreMap

if TYPE_CHECKING:  # these modules need PyTorch, or are not needed to list the strategies
    from activepick.features.feature_map import MicrographFeatures
    from activepick.learning.posterior import Posterior

__all__ = ["MayAsk", "QueryContext", "everywhere"]

Floats = NDArray[np.float64]

# Function that returns which positions, shape (n, 2), may be queried on the micrograph with an
# index, as a mask of shape (n,).
MayAsk = Callable[[int, Floats], NDArray[np.bool_]]


def everywhere(index: int, xy: Floats) -> NDArray[np.bool_]:
    """Return a mask, shape (n,), that allows all positions, shape (n, 2)."""
    return np.ones(len(xy), bool)


@dataclass(frozen=True, eq=False)
class QueryContext:
    """Micrographs, labels and head from which queries are chosen.

    Attributes
    ----------
    micrographs
        Features of each micrograph.
    score_maps
        For each micrograph the map of linear scores of the head.
    labelled
        For each micrograph the labelled positions x, y in original pixels, shape (n, 2).
    skipped
        For each micrograph other positions x, y in original pixels, shape (n, 2), that must not be
        queried.
    head
        The current head.
    posterior
        Function that computes the posterior of the head.
    rng
        Random generator of the strategies.
    may_ask
        Function that returns which positions x, y in original pixels, shape (n, 2), may be queried
        on the micrograph with an index, as a mask of shape (n,). By default all may be queried.
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
        """Return the labelled and the skipped positions on a micrograph, shape (n, 2)."""
        return np.concatenate([self.labelled[index], self.skipped[index]])

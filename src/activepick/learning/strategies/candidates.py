"""Positions that can be queried."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from activepick.learning.strategies.context import QueryContext
from activepick.learning.uncertainty import entropy
from activepick.scoremap import SAME_POSITION, ScoreMap, far_from, separated_peaks
from activepick.scoremap.kinds import kind_entropy

__all__ = [
    "Candidates",
    "Find",
    "Query",
    "entropy_maxima",
    "find_candidates",
    "random_positions",
    "score_maxima",
]

Floats = NDArray[np.float64]

# Number of random positions per micrograph.
_RANDOM = 500


@dataclass(frozen=True)
class Query:
    """A position to be labelled.

    Attributes
    ----------
    micrograph
        Index of the micrograph.
    x, y
        Position in original pixels.
    score
        Linear score of the head at the position.
    """

    micrograph: int
    x: float
    y: float
    score: float


@dataclass(frozen=True, eq=False)
class Candidates:
    """Positions on all micrographs that were neither labelled nor skipped.

    Attributes
    ----------
    micrograph
        Index of the micrograph of each position, shape (n,).
    xy
        Positions x, y in original pixels, shape (n, 2).
    score
        Linear scores of the head, shape (n,).
    utility
        Measure of the usefulness of an answer, such as the entropy of the predicted answer; shape
        (n,).
    """

    micrograph: NDArray[np.intp]
    xy: Floats
    score: Floats
    utility: Floats

    def __len__(self) -> int:
        return len(self.score)

    def take(self, chosen: NDArray[np.intp] | NDArray[np.bool_]) -> "Candidates":
        """Return the candidates with the given indices, or those in a mask of shape (n,)."""
        return Candidates(
            self.micrograph[chosen], self.xy[chosen], self.score[chosen], self.utility[chosen]
        )

    def highest(self, count: int) -> "Candidates":
        """Return the `count` candidates with the highest utility, in decreasing order."""
        return self.take(np.argsort(-self.utility, kind="stable")[:count])

    def highest_of_each(self, count: int) -> "Candidates":
        """Return the `count` candidates with the highest utility on each micrograph.

        They are sorted by micrograph, and by decreasing utility.
        """
        order = np.lexsort((-self.utility, self.micrograph))
        _, first, sizes = np.unique(self.micrograph[order], return_index=True, return_counts=True)
        rank = np.arange(len(order)) - np.repeat(first, sizes)
        return self.take(order[rank < count])

    def features(self, context: QueryContext) -> NDArray[np.float32]:
        """Return the features at the positions, shape (n, D)."""
        out = np.empty((len(self), context.head.weights.size), np.float32)
        for index in np.unique(self.micrograph):
            own = self.micrograph == index
            out[own] = context.micrographs[index].at(self.xy[own])
        return out

    def queries(self) -> list[Query]:
        """Return the candidates as queries in the same order."""
        return [
            Query(int(m), float(x), float(y), float(s))
            for m, (x, y), s in zip(self.micrograph, self.xy, self.score, strict=True)
        ]


# Function that finds positions on a score map: positions in original pixels, shape (n, 2), scores,
# shape (n,), and utilities, shape (n,).
Find = Callable[[ScoreMap, np.random.Generator], tuple[Floats, Floats, Floats]]


def score_maxima(score_map: ScoreMap, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """Find the peaks of a score map, which can become picks; the utility is their entropy.

    If the head has kinds of particles, it is the entropy over the kinds and "not a particle".
    """
    peaks = separated_peaks(score_map)
    xy, score = peaks.xy.astype(np.float64), peaks.score.astype(np.float64)
    if score_map.kinds is not None:
        return xy, score, kind_entropy(score_map.kinds_at(xy))
    return xy, score, np.asarray(entropy(score), np.float64)


def entropy_maxima(score_map: ScoreMap, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """Find the maxima of the entropy within a particle radius (Kiewisz and Bepler, 2023)."""
    kinds = score_map.kinds
    values = entropy(score_map.values) if kinds is None else kind_entropy(kinds.values)
    # If all weights are zero, the entropy is constant. Noise breaks the ties.
    uncertainty = values + rng.uniform(0, 1e-7, score_map.values.shape)
    size = 2 * round(score_map.radius_px / score_map.spacing_px) + 1
    highest = ndimage.maximum_filter(uncertainty, size, mode="nearest")
    y, x = np.nonzero(uncertainty == highest)
    xy = score_map.to_original(np.stack([x, y], axis=1))
    score = score_map.values[y, x].astype(np.float64)
    return xy, score, uncertainty[y, x].astype(np.float64)


def random_positions(
    score_map: ScoreMap, rng: np.random.Generator
) -> tuple[Floats, Floats, Floats]:
    """Draw positions uniformly from the whole micrograph, with random utilities."""
    height, width = score_map.values.shape
    yx = rng.uniform(0, 1, (_RANDOM, 2)) * [height - 1, width - 1]
    nearest = np.rint(yx).astype(int)
    score = score_map.values[nearest[:, 0], nearest[:, 1]].astype(np.float64)
    return score_map.to_original(yx[:, ::-1]), score, rng.uniform(size=len(yx))


def find_candidates(context: QueryContext, find: Find = score_maxima) -> Candidates:
    """Find the candidates on all micrographs that may be queried and were not answered.

    Parameters
    ----------
    context
        Score maps, labels and random generator.
    find
        Function that finds positions on a score map.

    Returns
    -------
    Candidates
    """
    parts = []
    for index, score_map in enumerate(context.score_maps):
        xy, score, utility = find(score_map, context.rng)
        allowed = context.may_ask(index, xy)
        xy, score, utility = xy[allowed], score[allowed], utility[allowed]
        free = far_from(xy, context.answered(index), SAME_POSITION * score_map.radius_px)
        xy, score, utility = xy[free], score[free], utility[free]
        parts.append((np.full(len(xy), index, np.intp), xy, score, utility))
    if not parts:
        return Candidates(np.empty(0, np.intp), np.empty((0, 2)), np.empty(0), np.empty(0))
    return Candidates(*(np.concatenate(column) for column in zip(*parts, strict=True)))

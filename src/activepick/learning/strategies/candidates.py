"""Places that could be asked about."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree
from scipy.special import expit

from activepick.learning.learner import Learner
from activepick.scoremap import SAME_POSITION, ScoreMap, separated_peaks

__all__ = ["Find", "Pool", "Query", "anywhere", "entropy", "entropy_peaks", "peaks", "pool_of"]

Floats = NDArray[np.float64]

# Places that are looked at on a micrograph when any place will do.
_ANYWHERE = 500


@dataclass(frozen=True)
class Query:
    """A place to be labelled.

    Attributes
    ----------
    micrograph
        Index among the learner's micrographs.
    x, y
        Original pixels.
    score
        The head's logit there.
    """

    micrograph: int
    x: float
    y: float
    score: float


@dataclass(frozen=True, eq=False)
class Pool:
    """Places on all micrographs that nobody has answered or skipped.

    Attributes
    ----------
    micrograph
        Index among the learner's micrographs, shape (n,).
    xy
        Original pixels, shape (n, 2).
    score
        The head's logits, shape (n,).
    worth
        How uncertain they are, or whatever else they were found by, shape (n,).
    """

    micrograph: NDArray[np.intp]
    xy: Floats
    score: Floats
    worth: Floats

    def __len__(self) -> int:
        return len(self.score)

    def take(self, chosen: NDArray[np.intp] | NDArray[np.bool_]) -> "Pool":
        """Keep some of the places, by index or mask."""
        return Pool(
            self.micrograph[chosen], self.xy[chosen], self.score[chosen], self.worth[chosen]
        )

    def best_of_each(self, count: int) -> "Pool":
        """Keep the most worthwhile places of each micrograph, `count` of them, best first."""
        order = np.lexsort((-self.worth, self.micrograph))
        _, first, sizes = np.unique(self.micrograph[order], return_index=True, return_counts=True)
        rank = np.arange(len(order)) - np.repeat(first, sizes)
        return self.take(order[rank < count])

    def rows(self, learner: Learner) -> NDArray[np.float32]:
        """Features at the places, shape (n, D)."""
        out = np.empty((len(self), learner.pretrained.weights.size), np.float32)
        for index in np.unique(self.micrograph):
            own = self.micrograph == index
            out[own] = learner.micrographs[index].at(self.xy[own])
        return out

    def queries(self) -> list[Query]:
        """Give the places as questions, in their order."""
        return [
            Query(int(m), float(x), float(y), float(s))
            for m, (x, y), s in zip(self.micrograph, self.xy, self.score, strict=True)
        ]


# For one micrograph: positions (n, 2) in original pixels, scores (n,), worth of asking (n,).
Find = Callable[[ScoreMap, np.random.Generator], tuple[Floats, Floats, Floats]]


def entropy(score: NDArray[np.floating]) -> NDArray[np.floating]:
    """Entropy of the answer that a score predicts, in nats (Kiewisz and Bepler, Eq. 5).

    ``H(z) = -s(z) log s(z) - s(-z) log s(-z)``, between 0 and log 2.
    """
    size = np.abs(score)
    return np.asarray(np.logaddexp(0, -size) + size * expit(-size))


def peaks(map: ScoreMap, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """Peaks of the score, which are what can become a pick; worth their entropy."""
    found = separated_peaks(map)
    score = found.score.astype(np.float64)
    return found.xy.astype(np.float64), score, np.asarray(entropy(score), np.float64)


def entropy_peaks(map: ScoreMap, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """Maxima of the entropy itself within a particle radius, as in the paper."""
    # A head that starts from zero finds all places alike: a hair of noise draws lots among them.
    uncertainty = entropy(map.values) + rng.uniform(0, 1e-7, map.values.shape)
    size = 2 * round(map.radius_px / map.spacing_px) + 1
    highest = ndimage.maximum_filter(uncertainty, size, mode="nearest")
    y, x = np.nonzero(uncertainty == highest)
    score = map.values[y, x].astype(np.float64)
    return map.to_original(np.stack([x, y], axis=1)), score, uncertainty[y, x].astype(np.float64)


def anywhere(map: ScoreMap, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """Places drawn from the whole micrograph, all worth the same up to chance."""
    height, width = map.values.shape
    yx = rng.uniform(0, 1, (_ANYWHERE, 2)) * [height - 1, width - 1]
    nearest = np.rint(yx).astype(int)
    score = map.values[nearest[:, 0], nearest[:, 1]].astype(np.float64)
    return map.to_original(yx[:, ::-1]), score, rng.uniform(size=len(yx))


def pool_of(learner: Learner, rng: np.random.Generator, find: Find = peaks) -> Pool:
    """Collect the places of all micrographs that are still open.

    Parameters
    ----------
    learner
        Labels and head so far.
    rng
        Randomness of those ways to find places that need it.
    find
        Gives the places of one score map.
    """
    parts = []
    for index, features in enumerate(learner.micrographs):
        xy, score, worth = find(learner.score_map(index), rng)
        answered = np.concatenate([learner.labels[index], learner.skipped[index]])
        if len(answered) and len(xy):
            distance = cKDTree(answered).query(xy)[0]
            free = np.asarray(distance > SAME_POSITION * features.radius_px)
            xy, score, worth = xy[free], score[free], worth[free]
        parts.append((np.full(len(xy), index, np.intp), xy, score, worth))
    if not parts:
        return Pool(np.empty(0, np.intp), np.empty((0, 2)), np.empty(0), np.empty(0))
    return Pool(*(np.concatenate(column) for column in zip(*parts, strict=True)))

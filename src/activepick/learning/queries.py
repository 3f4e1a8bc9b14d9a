"""Which places to ask about next."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree
from scipy.special import expit

from activepick.errors import SettingsError
from activepick.features.feature_map import MicrographFeatures
from activepick.features.score_map import ScoreMap
from activepick.picking.score_peaks import score_peaks

__all__ = ["STRATEGIES", "Known", "Query", "ask", "entropy"]

Floats = NDArray[np.float64]

# A question is never closer to a label or a skipped place than this many particle radii.
_ANSWERED = 0.5
# A batch is spread over this many times as many candidates.
_POOL = 4


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


def entropy(score: NDArray[np.floating]) -> NDArray[np.floating]:
    """Entropy of the answer that a score predicts, in nats (Kiewisz and Bepler, Eq. 5).

    ``H(z) = -s(z) log s(z) - s(-z) log s(-z)``, between 0 and log 2.
    """
    size = np.abs(score)
    return np.asarray(np.logaddexp(0, -size) + size * expit(-size))


class Known(Protocol):
    """What questions are chosen from; `activepick.learning.learner.Learner` is one."""

    @property
    def micrographs(self) -> Sequence[MicrographFeatures]:
        """Features of each micrograph."""

    @property
    def labels(self) -> Sequence[Floats]:
        """Labelled positions of each."""

    @property
    def skipped(self) -> Sequence[Floats]:
        """Positions of each that nobody wants to be asked about again."""

    def score_map(self, index: int) -> ScoreMap:
        """Score of the head on one."""


def ask(
    learner: Known, count: int, strategy: str = "active", rng: np.random.Generator | None = None
) -> list[Query]:
    """Choose the next questions; never where a label lies already.

    Parameters
    ----------
    learner
        Labels and head so far.
    count
        Largest number of questions. There are fewer when there are not that many places.
    strategy
        One of `STRATEGIES`.
    rng
        Randomness of the strategies that need it.

    Raises
    ------
    SettingsError
        When the strategy is unknown.
    """
    if strategy not in STRATEGIES:
        raise SettingsError(f"{strategy!r}: use one of {', '.join(STRATEGIES)}.")
    rng = rng or np.random.default_rng(0)
    candidates, spread = STRATEGIES[strategy]
    places = []
    for index in range(len(learner.micrographs)):
        xy, score, worth = candidates(learner.score_map(index), rng)
        free = _unlabelled(learner, index, xy)
        order = np.argsort(-worth[free], kind="stable")
        places.append((xy[free][order], score[free][order], worth[free][order]))
    return _spread(learner, places, count, rng) if spread else _best(places, count)


# For one micrograph: positions (n, 2) in original pixels, scores (n,), worth of asking (n,).
Places = tuple[Floats, Floats, Floats]


def _at_peaks(worth: Callable[[Floats], Floats]) -> Callable[..., Places]:
    def candidates(map: ScoreMap, rng: np.random.Generator) -> Places:
        positions, score = score_peaks(map)
        return positions, score, worth(score)

    return candidates


def _entropy_peaks(map: ScoreMap, rng: np.random.Generator) -> Places:
    """Maxima of the entropy itself within a particle radius, as in the paper."""
    # A head that starts from zero finds all places alike: a hair of noise draws lots among them.
    uncertainty = entropy(map.values) + rng.uniform(0, 1e-7, map.values.shape)
    size = 2 * round(map.radius_px / map.spacing_px) + 1
    highest = ndimage.maximum_filter(uncertainty, size, mode="nearest")
    y, x = np.nonzero(uncertainty == highest)
    score = map.values[y, x].astype(np.float64)
    return map.to_original(np.stack([x, y], axis=1)), score, uncertainty[y, x].astype(np.float64)


def _anywhere(map: ScoreMap, rng: np.random.Generator) -> Places:
    height, width = map.values.shape
    yx = rng.uniform(0, 1, (500, 2)) * [height - 1, width - 1]
    nearest = np.rint(yx).astype(int)
    score = map.values[nearest[:, 0], nearest[:, 1]].astype(np.float64)
    return map.to_original(yx[:, ::-1]), score, rng.uniform(size=len(yx))


class Strategy(NamedTuple):
    """A way to choose questions.

    Attributes
    ----------
    candidates
        Gives places and what they are worth, from a score map and a random generator.
    spread
        Whether a batch is chosen to differ in features, or by worth alone.
    """

    candidates: Callable[..., Places]
    spread: bool


STRATEGIES = {
    "active": Strategy(_at_peaks(lambda score: np.asarray(entropy(score), np.float64)), True),
    "uncertain": Strategy(_at_peaks(lambda score: np.asarray(entropy(score), np.float64)), False),
    "entropy": Strategy(_entropy_peaks, False),
    "top": Strategy(_at_peaks(lambda score: score), False),
    "random": Strategy(_anywhere, False),
}


def _unlabelled(learner: Known, index: int, xy: Floats) -> NDArray[np.bool_]:
    """Mark the places that nobody has answered or skipped yet."""
    labels = np.concatenate([learner.labels[index], learner.skipped[index]])
    if not len(labels) or not len(xy):
        return np.ones(len(xy), bool)
    distance = cKDTree(labels).query(xy)[0]
    return np.asarray(distance > _ANSWERED * learner.micrographs[index].radius_px)


def _best(places: list[Places], count: int) -> list[Query]:
    """Take the most worthwhile places of all micrographs together."""
    ranked = sorted(
        (-worth[k], index, k)
        for index, (_, _, worth) in enumerate(places)
        for k in range(len(worth))
    )
    return [_query(places, index, k) for _, index, k in ranked[:count]]


def _spread(
    learner: Known, places: list[Places], count: int, rng: np.random.Generator
) -> list[Query]:
    """Take places of much entropy that differ from each other, from all micrographs.

    k-means++ (Arthur and Vassilvitskii, 2007) over the features of the best candidates: each next
    one is drawn with a probability that grows with its entropy and with the squared distance of
    its features to those already chosen.
    """
    share = -(-_POOL * count // len(places))
    pool = [
        (index, k) for index, (xy, _, _) in enumerate(places) for k in range(min(share, len(xy)))
    ]
    if not pool:
        return []
    rows = np.concatenate(
        [learner.micrographs[i].at(xy[:share]) for i, (xy, _, _) in enumerate(places)]
    )
    worth = np.array([places[index][2][k] for index, k in pool])
    chosen = [int(np.argmax(worth))]
    distance = ((rows - rows[chosen[0]]) ** 2).sum(axis=1, dtype=np.float64)
    while len(chosen) < min(count, len(pool)):
        chance = distance * (worth + 1e-12)
        chance[chosen] = 0
        if chance.sum() == 0:  # all that is left looks the same
            chance = np.isin(np.arange(len(pool)), chosen, invert=True).astype(float)
        chosen.append(int(rng.choice(len(pool), p=chance / chance.sum())))
        distance = np.minimum(distance, ((rows - rows[chosen[-1]]) ** 2).sum(axis=1))
    return [_query(places, *pool[j]) for j in chosen]


def _query(places: list[Places], index: int, k: int) -> Query:
    xy, score, _ = places[index]
    return Query(index, float(xy[k, 0]), float(xy[k, 1]), float(score[k]))

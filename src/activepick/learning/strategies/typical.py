"""Typical places first: what to ask when there are few labels or none."""

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2
from scipy.spatial import cKDTree

from activepick.learning.learner import Learner
from activepick.learning.strategies.candidates import Pool, pool_of
from activepick.learning.strategies.spread import plus_plus, spread

__all__ = ["typical", "typical_then_uncertain"]

# The best peaks are looked at: as many a micrograph hold its particles and about as many others.
_CANDIDATES = 200
# Typical is what has so many neighbours close by.
_NEIGHBOURS = 20
# So many answers show what is typical; from then on uncertain places teach more.
_ENOUGH = 10
# Directions in which the candidates differ most; distances along the others are noise.
_DIRECTIONS = 16


def typical(learner: Learner, count: int, rng: np.random.Generator) -> Pool:
    """Take the most typical place of each cluster without a label (TypiClust).

    Hacohen, Dekel and Weinshall, ICML 2022: as many clusters as there will be labels; from the
    largest ones without a label the place with the smallest mean distance to its neighbours.
    """
    pool = pool_of(learner, rng)
    by_score = Pool(pool.micrograph, pool.xy, pool.score, pool.score)
    pool = by_score.best_of_each(_CANDIDATES)
    if len(pool) <= count:
        return pool
    labelled = np.concatenate(
        [m.at(xy) for m, xy in zip(learner.micrographs, learner.labels, strict=True)]
    )
    rows = _main_directions(np.concatenate([labelled, pool.rows(learner)]))
    cluster = _clusters(rows, min(len(labelled) + count, len(rows)), rng)
    density = -cKDTree(rows).query(rows, min(_NEIGHBOURS, len(rows)))[0].mean(axis=1)
    covered, open_cluster = cluster[: len(labelled)], cluster[len(labelled) :]
    sizes = np.bincount(open_cluster, minlength=cluster.max() + 1)
    sizes[covered] = 0
    # When there are fewer open clusters than questions, the rest are the densest of all places.
    order = np.lexsort((-density[len(labelled) :], -sizes[open_cluster]))
    first = np.unique(open_cluster[order], return_index=True)[1]
    turn = np.ones(len(pool), bool)
    turn[first] = False
    return pool.take(order[np.argsort(turn, kind="stable")][:count])


def typical_then_uncertain(learner: Learner, count: int, rng: np.random.Generator) -> Pool:
    """Ask for typical places for the first labels, for uncertain ones that differ later on."""
    known = sum(len(xy) for xy in learner.labels)
    return (typical if known < _ENOUGH else spread)(learner, count, rng)


def _main_directions(rows: NDArray[np.float32]) -> NDArray[np.float64]:
    centred = rows.astype(np.float64) - rows.mean(axis=0)
    _, directions = np.linalg.eigh(centred.T @ centred)
    return np.asarray(centred @ directions[:, -_DIRECTIONS:])


def _clusters(rows: NDArray[np.float64], count: int, rng: np.random.Generator) -> NDArray[np.intp]:
    start = rows[plus_plus(rows, np.ones(len(rows)), count, rng)]
    return np.asarray(kmeans2(rows, start, iter=10, minit="matrix", missing="warn")[1])

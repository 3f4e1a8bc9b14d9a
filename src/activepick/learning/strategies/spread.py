"""Batches whose places differ from each other."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from activepick.learning.learner import Learner
from activepick.learning.strategies.candidates import Pool, pool_of

__all__ = ["POOL", "badge", "plus_plus", "spread"]

# A batch is spread over this many times as many candidates.
POOL = 4
# Gradients of places less likely than this are too small to be drawn.
_NEGLIGIBLE = 0.01


def plus_plus(
    rows: NDArray[np.floating],
    worth: NDArray[np.floating],
    count: int,
    rng: np.random.Generator,
) -> NDArray[np.intp]:
    """Choose rows that lie far from each other: k-means++ (Arthur and Vassilvitskii, 2007).

    The first is the most worthwhile one; each next is drawn with a probability that grows with
    its worth and with its squared distance to the nearest of those already chosen.

    Parameters
    ----------
    rows
        Shape (n, D).
    worth
        Not negative, shape (n,).
    count
        How many; fewer when there are not that many.
    rng
        Draws the lots.

    Returns
    -------
    array of indices
    """
    if not len(rows):
        return np.empty(0, np.intp)
    chosen = [int(np.argmax(worth))]
    distance = ((rows - rows[chosen[0]]) ** 2).sum(axis=1, dtype=np.float64)
    while len(chosen) < min(count, len(rows)):
        chance = distance * (worth + 1e-12)
        chance[chosen] = 0
        if chance.sum() == 0:  # all that is left looks the same
            chance = np.isin(np.arange(len(rows)), chosen, invert=True).astype(float)
        chosen.append(int(rng.choice(len(rows), p=chance / chance.sum())))
        distance = np.minimum(distance, ((rows - rows[chosen[-1]]) ** 2).sum(axis=1))
    return np.array(chosen, np.intp)


def spread(learner: Learner, count: int, rng: np.random.Generator) -> Pool:
    """Take peaks of much entropy that differ in their features, from all micrographs."""
    pool = pool_of(learner, rng)
    pool = pool.best_of_each(-(-POOL * count // max(1, len(learner.micrographs))))
    return pool.take(plus_plus(pool.rows(learner), pool.worth, count, rng))


def badge(learner: Learner, count: int, rng: np.random.Generator) -> Pool:
    """Take peaks whose gradients differ (BADGE; Ash et al., ICLR 2020).

    The gradient of the loss at a place, if the more likely answer were given, is the features
    times the probability of the other answer: long where the head is unsure. k-means++ over these
    vectors asks for uncertain and for different places at once.
    """
    pool = pool_of(learner, rng)
    pool = pool.take(expit(pool.score) > _NEGLIGIBLE)
    gradients = expit(-np.abs(pool.score))[:, None] * pool.rows(learner)
    length = (gradients**2).sum(axis=1)
    first_then_distance_alone = np.where(length == length.max(initial=0), 1.0, 1 - 1e-9)
    return pool.take(plus_plus(gradients, first_then_distance_alone, count, rng))

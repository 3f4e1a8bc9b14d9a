"""Questions over the whole range of scores: an honest sample of what would be picked."""

import numpy as np
from scipy.special import expit

from activepick.learning.learner import Learner
from activepick.learning.strategies.candidates import Pool, pool_of
from activepick.learning.strategies.spread import spread

__all__ = ["over_the_range", "spread_and_range"]

# Peaks less likely than this are no picks at any sensible threshold.
_LOWEST = 0.1
# Every so many questions of a batch one is drawn from the whole range.
_EVERY = 5


def over_the_range(learner: Learner, count: int, rng: np.random.Generator) -> Pool:
    """Take one peak by lot from each of `count` strata of equal size, ranked by score.

    Answers at such places show how many of the picks are right; answers at places that were chosen
    for their uncertainty do not (stratified sampling; Sawade et al., Active risk estimation, ICML
    2010).
    """
    pool = pool_of(learner, rng)
    likely = pool.take(expit(pool.score) > _LOWEST)
    if len(likely) >= count:
        pool = likely
    order = np.argsort(-pool.score, kind="stable")
    bounds = np.linspace(0, len(order), min(count, len(order)) + 1)
    drawn = rng.uniform(bounds[:-1], bounds[1:]).astype(np.intp)
    return pool.take(order[np.unique(drawn)])


def spread_and_range(learner: Learner, count: int, rng: np.random.Generator) -> Pool:
    """Ask for uncertain places that differ, and every fifth question over the whole range.

    Which one is the fifth follows from the number of answers, so that a batch of 1 is the same.
    """
    known = sum(len(xy) for xy in (*learner.labels, *learner.skipped))
    others = (known + count) // _EVERY - known // _EVERY
    drawn = over_the_range(learner, others, rng) if others else None
    chosen = spread(learner, count, rng)
    if drawn is None:
        return chosen
    places = {tuple(place) for place in np.column_stack([drawn.micrograph, drawn.xy])}
    fresh = [
        tuple(place) not in places for place in np.column_stack([chosen.micrograph, chosen.xy])
    ]
    chosen = chosen.take(np.array(fresh, bool)).take(np.arange(min(sum(fresh), count - len(drawn))))
    return Pool(
        *(
            np.concatenate([getattr(chosen, name), getattr(drawn, name)])
            for name in ("micrograph", "xy", "score", "worth")
        )
    )

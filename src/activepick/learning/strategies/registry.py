"""Which places to ask about next: the strategies, by name."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

from activepick.errors import SettingsError
from activepick.learning.learner import Learner
from activepick.learning.strategies.candidates import (
    Find,
    Pool,
    Query,
    anywhere,
    entropy,
    entropy_peaks,
    peaks,
    pool_of,
)
from activepick.learning.strategies.information import informative
from activepick.learning.strategies.mean_model import disagreeing
from activepick.learning.strategies.score_range import over_the_range, spread_and_range
from activepick.learning.strategies.spread import badge, spread
from activepick.learning.strategies.typical import typical, typical_then_uncertain

__all__ = ["STRATEGIES", "Query", "Strategy", "ask", "entropy"]


class Strategy(NamedTuple):
    """A way to choose questions.

    Attributes
    ----------
    summary
        What it asks for, in a few words.
    choose
        Gives places from labels and head so far, a largest number, and a random generator.
    """

    summary: str
    choose: Callable[[Learner, int, np.random.Generator], Pool]


def ask(
    learner: Learner,
    count: int,
    strategy: str | Strategy = "active",
    rng: np.random.Generator | None = None,
) -> list[Query]:
    """Choose the next questions; never where a label lies already.

    Parameters
    ----------
    learner
        Labels and head so far.
    count
        Largest number of questions. There are fewer when there are not that many places.
    strategy
        A name in `STRATEGIES`, or one of your own.
    rng
        Randomness of the strategies that need it.

    Raises
    ------
    SettingsError
        When the strategy is unknown.
    """
    if isinstance(strategy, str):
        if strategy not in STRATEGIES:
            raise SettingsError(f"{strategy!r}: use one of {', '.join(STRATEGIES)}.")
        strategy = STRATEGIES[strategy]
    rng = rng or np.random.default_rng(0)
    return strategy.choose(learner, count, rng).queries()


def _most_worthwhile(
    learner: Learner, count: int, rng: np.random.Generator, find: Find = peaks
) -> Pool:
    pool = pool_of(learner, rng, find)
    return pool.take(np.argsort(-pool.worth, kind="stable")[:count])


def _highest(learner: Learner, count: int, rng: np.random.Generator) -> Pool:
    pool = pool_of(learner, rng)
    return pool.take(np.argsort(-pool.score, kind="stable")[:count])


STRATEGIES = {
    "active": Strategy("uncertain peaks that differ in their features", spread),
    "uncertain": Strategy("the most uncertain peaks", _most_worthwhile),
    "badge": Strategy("peaks whose gradients are long and differ (BADGE)", badge),
    "typical": Strategy("typical peaks of what has no label yet (TypiClust)", typical),
    "typical-first": Strategy("typical peaks first, then uncertain ones", typical_then_uncertain),
    "mean-model": Strategy("where the head and its mean over the refits disagree", disagreeing),
    "information": Strategy("peaks whose answers tell most about the head (BALD)", informative),
    "range": Strategy("peaks over the whole range of scores", over_the_range),
    "mixed": Strategy("as active, and every fifth over the range of scores", spread_and_range),
    "top": Strategy("the best picks so far", _highest),
    "random": Strategy("any place", partial(_most_worthwhile, find=anywhere)),
    "entropy": Strategy(
        "peaks of the entropy, as published", partial(_most_worthwhile, find=entropy_peaks)
    ),
}

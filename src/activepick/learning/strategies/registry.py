"""The query strategies, by name."""

from collections.abc import Callable
from dataclasses import dataclass

from activepick.errors import SettingsError
from activepick.learning.strategies import (
    active,
    badge,
    entropy,
    information,
    mean_model,
    mixed,
    random,
    score_range,
    top,
    typical,
    typical_first,
    uncertain,
)
from activepick.learning.strategies.candidates import Candidates, Query
from activepick.learning.strategies.context import QueryContext

__all__ = ["STRATEGIES", "Query", "Strategy", "select_queries"]


@dataclass(frozen=True)
class Strategy:
    """A query strategy.

    Attributes
    ----------
    summary
        Description in a few words, for help texts and lists.
    select
        Function that selects candidates for a context and a largest number, in the order in which
        they are to be queried.
    in_window
        Whether the window offers the strategy. The library and `activepick benchmark` offer all
        strategies.
    """

    summary: str
    select: Callable[[QueryContext, int], Candidates]
    in_window: bool = False


STRATEGIES = {
    "active": Strategy(
        "uncertain peaks that differ in their features", active.select, in_window=True
    ),
    "uncertain": Strategy("the most uncertain peaks", uncertain.select),
    "badge": Strategy("peaks whose gradients are long and differ (BADGE)", badge.select),
    "typical": Strategy("typical peaks without a label nearby (TypiClust)", typical.select),
    "typical-first": Strategy(
        "ten typical peaks first, then as in active", typical_first.select, in_window=True
    ),
    "information": Strategy(
        "peaks whose answers are most informative about the head (BALD)", information.select
    ),
    "mean-queries": Strategy(
        "peaks where the head and its mean over the refits disagree", mean_model.select
    ),
    "range": Strategy(
        "random peaks over the whole range of scores", score_range.select, in_window=True
    ),
    "mixed": Strategy("as active, every fifth query over the range of scores", mixed.select),
    "top": Strategy("the peaks of highest score", top.select),
    "random": Strategy("random positions", random.select),
    "entropy": Strategy("maxima of the entropy, as published", entropy.select),
}


def select_queries(
    context: QueryContext, count: int, strategy: str | Strategy = "active"
) -> list[Query]:
    """Choose the next queries, which are not at labelled or skipped positions.

    Parameters
    ----------
    context
        Micrographs, labels and head.
    count
        Largest number of queries. Fewer are returned if there are fewer candidates.
    strategy
        A name in `STRATEGIES`, or a `Strategy`.

    Returns
    -------
    list of Query

    Raises
    ------
    SettingsError
        If the name is unknown.
    """
    if isinstance(strategy, str):
        if strategy not in STRATEGIES:
            raise SettingsError(
                f"The query strategy {strategy!r} is unknown: use one of {', '.join(STRATEGIES)}."
            )
        strategy = STRATEGIES[strategy]
    return strategy.select(context, count).queries()

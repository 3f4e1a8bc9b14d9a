"""An oracle that knows the true particles and answers queries."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from activepick.learning.learner import Learner
from activepick.learning.strategies.registry import Query, Strategy
from activepick.picking import within_margin
from activepick.scoremap import SAME_POSITION

__all__ = ["Oracle", "learn"]


class Oracle:
    """Answers queries from the true particle centres.

    Within half a radius of a true centre the answer is "particle", beyond one radius "not a
    particle". In between a person could not decide either, so that the query is skipped and does
    not count as an answer.

    Parameters
    ----------
    truth
        For each micrograph the true centres (n, 2) in original pixels.
    radii_px
        For each micrograph the particle radius in original pixels.
    """

    def __init__(self, truth: list[NDArray[np.float64]], radii_px: list[float]) -> None:
        self._trees = [cKDTree(xy) if len(xy) else None for xy in truth]
        self._radii = radii_px

    def answer(self, query: Query) -> float | None:
        """Return 1 for a particle, 0 for something else, None for a skipped query."""
        tree, radius = self._trees[query.micrograph], self._radii[query.micrograph]
        distance = np.inf if tree is None else float(tree.query([query.x, query.y])[0])
        if distance <= SAME_POSITION * radius:
            return 1.0
        return 0.0 if distance > radius else None


def learn(
    learner: Learner,
    oracle: Oracle,
    count: int,
    strategy: str | Strategy,
    rng: np.random.Generator,
    edge_margin: float = 0.0,
) -> int:
    """Query an oracle until `count` queries are answered, then refit once.

    Parameters
    ----------
    learner
        Receives the labels.
    oracle
        Answers the queries.
    count
        Number of answers in this round.
    strategy
        How queries are chosen; see `activepick.learning.strategies.registry`.
    rng
        Random generator of the strategy.
    edge_margin
        Smallest distance of a query from the border, in particle radii.

    Returns
    -------
    int
        Number of answers; fewer than `count` where there are no more candidates.
    """

    def may_ask(index: int, xy: NDArray[np.float64]) -> NDArray[np.bool_]:
        return within_margin(learner.micrographs[index], xy, edge_margin)

    answered = 0
    while answered < count:
        queries = learner.ask(count - answered, strategy, rng, may_ask)
        if not queries:
            break
        for query in queries:
            answer = oracle.answer(query)
            if answer is None:
                learner.skip(query.micrograph, (query.x, query.y))
            else:
                learner.add(query.micrograph, [(query.x, query.y)], [answer])
                answered += 1
    learner.refit()
    return answered

"""An oracle that knows the true particles and answers queries."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from activepick.errors import SettingsError
from activepick.learning.learner import Learner
from activepick.learning.strategies.registry import Query, Strategy
from activepick.picking import within_margin
from activepick.scoremap import SAME_POSITION

__all__ = ["Oracle", "learn"]


class Oracle:
    """Oracle that answers queries from the true particle centres.

    Within half a radius of a true centre the answer is "particle", beyond one radius it is "not a
    particle". At distances in between a user could not decide, so that the query is skipped and
    does not count as an answer.

    Parameters
    ----------
    truth
        For each micrograph the true centres (n, 2) in original pixels.
    radii_px
        For each micrograph the particle radius in original pixels.
    wrong_answers
        Probability of a wrong answer.
    seed
        Determines which answers are wrong.

    Raises
    ------
    SettingsError
        If `wrong_answers` is not between 0 and 1.
    """

    def __init__(
        self,
        truth: list[NDArray[np.float64]],
        radii_px: list[float],
        wrong_answers: float = 0.0,
        seed: int = 0,
    ) -> None:
        if not 0 <= wrong_answers <= 1:
            raise SettingsError(f"A share of wrong answers of {wrong_answers:g}: give 0 to 1.")
        self._trees = [cKDTree(xy) if len(xy) else None for xy in truth]
        self._radii = radii_px
        self._wrong_answers = wrong_answers
        # A separate generator, so that the queries are the same up to the first wrong answer.
        self._rng = np.random.default_rng([seed, 1])

    def answer(self, query: Query) -> float | None:
        """Return 1 for a particle, 0 for another object, None for a skipped query."""
        tree, radius = self._trees[query.micrograph], self._radii[query.micrograph]
        distance = np.inf if tree is None else float(tree.query([query.x, query.y])[0])
        if SAME_POSITION * radius < distance <= radius:
            return None
        wrong = self._rng.uniform() < self._wrong_answers
        return float((distance <= radius) != wrong)


def learn(
    learner: Learner,
    oracle: Oracle,
    count: int,
    strategy: str | Strategy,
    rng: np.random.Generator,
    edge_margin: float = 0.0,
) -> int:
    """Query an oracle until `count` queries are answered, then refit the head once.

    Parameters
    ----------
    learner
        Receives the labels.
    oracle
        Answers the queries.
    count
        Number of answers in this round.
    strategy
        Query strategy; see `activepick.learning.strategies.registry`.
    rng
        Random generator of the strategy.
    edge_margin
        Smallest distance of a query from the border, in particle radii.

    Returns
    -------
    int
        Number of answers; fewer than `count` if there are no more candidates.
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

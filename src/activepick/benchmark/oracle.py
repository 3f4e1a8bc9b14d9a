"""Somebody who knows where the particles are and answers questions."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from activepick.learning.learner import Learner
from activepick.learning.strategies.registry import Query, Strategy, ask

__all__ = ["Oracle", "learn"]


class Oracle:
    """Answers from the true particle centres, the same way for all methods.

    Within half a radius of a true centre the answer is "particle", beyond one radius "not a
    particle"; in between a person could not tell either, so it is skipped and costs nothing.

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
        """Give 1 for a particle, 0 for something else, None for a skip."""
        tree, radius = self._trees[query.micrograph], self._radii[query.micrograph]
        distance = np.inf if tree is None else float(tree.query([query.x, query.y])[0])
        if distance <= radius / 2:
            return 1.0
        return 0.0 if distance > radius else None


def learn(
    learner: Learner,
    oracle: Oracle,
    count: int,
    strategy: str | Strategy,
    rng: np.random.Generator,
) -> int:
    """Ask until `count` questions are answered, then refit once.

    Parameters
    ----------
    learner
        Gets the labels.
    oracle
        Answers.
    count
        Answers in this round.
    strategy
        How the questions are chosen; see `activepick.learning.strategies.registry`.
    rng
        Randomness of the strategy.

    Returns
    -------
    int
        How many were answered; fewer than `count` when there is nothing left to ask.
    """
    answered = 0
    while answered < count:
        queries = ask(learner, count - answered, strategy, rng)
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

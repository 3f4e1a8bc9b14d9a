"""From the labels and the head of a session to picks and questions."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from activepick.features.feature_map import MicrographFeatures
from activepick.learning.head import Head
from activepick.learning.learner import Learner
from activepick.learning.queries import ask
from activepick.picking.picker import pick_score_map
from activepick.picking.picks import apply_labels
from activepick.session.state import Label, SessionState

__all__ = ["new_questions", "picks_of"]


def picks_of(
    state: SessionState, micrograph: int, features: MicrographFeatures, head: Head
) -> pd.DataFrame:
    """Pick a micrograph and make true in the picks what a person said.

    Parameters
    ----------
    state
        Labels and settings.
    micrograph
        Its number.
    features
        Of the micrograph.
    head
        What decides where nobody said anything.

    Returns
    -------
    DataFrame
        Columns ``micrograph, x, y, score``, the best first.
    """
    settings, name = state.settings, state.names[micrograph]
    peaks = pick_score_map(
        features.score_map(head.weights, head.bias),
        name,
        features.shape,
        threshold=0,
        min_distance=settings.min_distance,
        edge_margin=settings.edge_margin,
    )
    labels = state.labels_of(micrograph)
    xy = _positions(labels)
    return apply_labels(
        peaks,
        xy,
        np.array([label.target for label in labels], np.float64),
        features.radius_px,
        micrograph=name,
        threshold=settings.threshold,
        label_scores=features.at(xy) @ head.weights.ravel() + head.bias,
    )


def new_questions(
    state: SessionState,
    micrographs: Sequence[int],
    features: Sequence[MicrographFeatures],
    head: Head,
    count: int,
) -> list[tuple[int, float, float, float]]:
    """Choose questions, spread over micrographs.

    Parameters
    ----------
    state
        Labels and settings.
    micrographs
        Their numbers.
    features
        Of each.
    head
        What is unsure.
    count
        Largest number of questions.

    Returns
    -------
    list of (micrograph, x, y, score)
        Never where a label lies or an answer was left open.
    """
    learner = Learner(features, head, unlabelled=np.empty((0, head.weights.size)))
    for index, micrograph in enumerate(micrographs):
        learner.labels[index] = _positions(state.labels_of(micrograph))
        learner.skip(index, _positions(state.skipped_of(micrograph)))
    rng = np.random.default_rng([state.settings.seed, state.next_id])
    asked = ask(learner, count, state.settings.strategy, rng)
    return [(micrographs[query.micrograph], query.x, query.y, query.score) for query in asked]


def _positions(labels: Sequence[Label]) -> NDArray[np.float64]:
    return np.array([(label.x, label.y) for label in labels], np.float64).reshape(-1, 2)

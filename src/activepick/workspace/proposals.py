"""From the labels and the head of a session to questions."""

from collections.abc import Callable, Sequence
from itertools import zip_longest

import numpy as np
from scipy.spatial import cKDTree

from activepick.features.feature_map import MicrographFeatures
from activepick.learning.head import Head
from activepick.learning.posterior import Posterior
from activepick.learning.strategies.context import QueryContext
from activepick.learning.strategies.registry import select_queries
from activepick.scoremap.score_map import ScoreMap
from activepick.session.model.state import ScoredPosition, SessionState, Target
from activepick.workspace.peaks import Peaks, eligible, positions

__all__ = ["new_questions", "suggestions"]


# Suggestions keep this distance from whatever was marked, and from each other, in particle radii.
_APART = 1.0


def new_questions(
    state: SessionState,
    micrographs: Sequence[int],
    features: Sequence[MicrographFeatures],
    maps: Sequence[ScoreMap],
    head: Head,
    posterior: Callable[[], Posterior],
    count: int,
    beside: Sequence[ScoredPosition] = (),
) -> list[ScoredPosition]:
    """Choose questions, spread over micrographs.

    Parameters
    ----------
    state
        Labels and settings.
    micrographs
        Their numbers.
    features, maps
        Of each.
    head
        What the maps are of.
    posterior
        Computes the posterior of the head.
    count
        Largest number of questions.
    beside
        What is asked besides: nothing is asked there again.

    Returns
    -------
    list of (micrograph, x, y, score)
        Never where a label lies or an answer was left open.
    """
    marks = [state.marks_of(number) for number in micrographs]
    besides = [[(x, y) for other, x, y, _ in beside if other == n] for n in micrographs]
    context = QueryContext(
        micrographs=features,
        score_maps=maps,
        labelled=[positions([m for m in own if m.target is not None]) for own in marks],
        skipped=[
            np.concatenate(
                [
                    positions([m for m in own if m.target is None]),
                    np.array(places, np.float64).reshape(-1, 2),
                ]
            )
            for own, places in zip(marks, besides, strict=True)
        ],
        head=head,
        posterior=posterior,
        rng=np.random.default_rng([state.settings.seed, state.next_id]),
    )
    asked = select_queries(context, count, state.settings.strategy)
    return [(micrographs[query.micrograph], query.x, query.y, query.score) for query in asked]


def suggestions(
    state: SessionState, peaks: Sequence[Peaks], count: int
) -> list[tuple[ScoredPosition, Target]]:
    """Choose the surest particles and the surest others, in turn from each micrograph.

    Parameters
    ----------
    state
        Labels and settings.
    peaks
        Of each micrograph.
    count
        Of either kind.

    Returns
    -------
    list of (place, answer)
        Particles first.
    """
    free = [_free(state, one) for one in peaks]
    surest = [list(places[: 2 * count]) for places in free]
    least = [list(places[::-1][: 2 * count]) for places in free]
    particles = _in_turn(surest, count)
    others = [place for place in _in_turn(least, 2 * count) if place not in particles][:count]
    return [*((place, 1) for place in particles), *((place, 0) for place in others)]


def _free(state: SessionState, peaks: Peaks) -> list[ScoredPosition]:
    """Give the peaks of a micrograph that are far from all marks, the highest score first."""
    keep = eligible(peaks, state)
    marks = positions(state.marks_of(peaks.micrograph))
    if len(marks):
        keep &= cKDTree(marks).query(peaks.xy)[0] > _APART * peaks.radius_px
    return [
        (peaks.micrograph, x, y, score)
        for (x, y), score in zip(peaks.xy[keep].tolist(), peaks.score[keep].tolist(), strict=True)
    ]


def _in_turn(places: Sequence[Sequence[ScoredPosition]], count: int) -> list[ScoredPosition]:
    rounds = zip_longest(*places)
    return [place for one in rounds for place in one if place is not None][:count]

"""An oracle that knows the true particles: it answers queries, and corrects patches."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from activepick.errors import SettingsError
from activepick.formats.outside import inside_image
from activepick.learning.learner import Learner
from activepick.learning.patches import Patch, PatchPeaks, choose_patch, label_patch
from activepick.learning.strategies.registry import Query, Strategy
from activepick.picking import LabelledPositions, PickRules, select_picks, within_margin
from activepick.picking.rules import eligible_peaks
from activepick.scoremap import SAME_POSITION, Peaks, far_from, find_peaks

__all__ = ["Corrections", "Oracle", "learn", "review_patch"]

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


def _everywhere(xy: Floats) -> Mask:
    return np.ones(len(xy), bool)


@dataclass(frozen=True, eq=False)
class Corrections:
    """Corrections of the picks in a patch.

    Attributes
    ----------
    removed
        Which of the picks are removed, shape (n,); a pick that is moved is removed, too.
    added
        New positions x, y in original pixels, shape (m, 2).
    clicks
        Number of clicks. Removing, adding or moving a pick is one.
    """

    removed: Mask
    added: Floats
    clicks: int


class Oracle:
    """Oracle that answers queries from the true particle centres.

    Within half a radius of a true centre the answer is "particle", beyond one radius it is "not a
    particle". At distances in between, a user could not decide: the query is skipped and does not
    count as an answer.

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
    kinds
        For each micrograph the number of the kind of each particle, shape (n,); by default all are
        1.

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
        kinds: Sequence[NDArray[np.int_]] | None = None,
    ) -> None:
        if not 0 <= wrong_answers <= 1:
            raise SettingsError(f"A share of wrong answers of {wrong_answers:g}: give 0 to 1.")
        self._trees = [cKDTree(xy) if len(xy) else None for xy in truth]
        self._radii = radii_px
        self._kinds = [np.ones(len(xy), int) for xy in truth] if kinds is None else kinds
        self._wrong_answers = wrong_answers
        # A separate generator, so that the queries are the same up to the first wrong answer.
        self._rng = np.random.default_rng([seed, 1])

    def answer(self, query: Query) -> float | None:
        """Return 1 for a particle, 0 for a non-particle, None for a skipped query."""
        kind = self.kind(query)
        return None if kind is None else float(kind > 0)

    def kind(self, query: Query) -> int | None:
        """Return the number of the kind of a particle, 0 for a non-particle, None if skipped."""
        tree, radius = self._trees[query.micrograph], self._radii[query.micrograph]
        distance, nearest = (np.inf, 0) if tree is None else tree.query([query.x, query.y])
        if SAME_POSITION * radius < distance <= radius:
            return None
        wrong = self._rng.uniform() < self._wrong_answers
        if (distance <= radius) == wrong:
            return 0
        # A wrong answer "particle" is of the first kind.
        return 1 if wrong else int(self._kinds[query.micrograph][nearest])

    def kinds_at(self, micrograph: int, xy: Floats) -> NDArray[np.int_]:
        """Return the kinds (n,) of the particles that are nearest to positions (n, 2)."""
        tree = self._trees[micrograph]
        if tree is None or not len(xy):
            return np.ones(len(xy), int)
        nearest = np.asarray(tree.query(xy)[1], np.intp)
        return np.take(np.asarray(self._kinds[micrograph], int), nearest)

    def correct(
        self, patch: Patch, picks: Floats, free: Callable[[Floats], Mask] = _everywhere
    ) -> Corrections:
        """Return the corrections of the picks in a patch.

        A pick within half a radius of a true centre is correct. A pick within one radius of a
        centre in the patch that has no such pick is moved there; any other pick in the patch is
        removed. A true centre without a pick within one radius is added. Each of these decisions is
        wrong with the probability of a wrong answer: a correct pick is removed, a wrong one is
        left, or a missed centre is not added.

        Parameters
        ----------
        patch
            The patch.
        picks
            All picks x, y of its micrograph in original pixels, shape (n, 2).
        free
            Function that returns which positions, shape (k, 2), may be removed or added, as a mask
            of shape (k,). By default all may.

        Returns
        -------
        Corrections
        """
        tree, radius = self._trees[patch.micrograph], self._radii[patch.micrograph]
        truth = np.empty((0, 2)) if tree is None else np.asarray(tree.data)
        same = SAME_POSITION * radius
        mistaken = self._rng.uniform(size=len(picks)) < self._wrong_answers
        removed = patch.contains(picks) & free(picks) & (far_from(picks, truth, same) != mistaken)
        # Centres that have a pick, or to which no pick can be moved.
        taken = ~(patch.contains(truth) & free(truth) & far_from(truth, picks, same))
        added = []
        for x, y in picks[removed & ~mistaken]:
            gaps = np.where(taken, np.inf, np.hypot(truth[:, 0] - x, truth[:, 1] - y))
            if len(gaps) and gaps.min() <= radius:
                nearest = gaps.argmin()
                taken[nearest] = True
                added.append(truth[nearest])
        missed = truth[~taken & far_from(truth, picks, radius)]
        missed = missed[self._rng.uniform(size=len(missed)) >= self._wrong_answers]
        positions = np.concatenate([np.reshape(added, (-1, 2)), missed])
        return Corrections(removed, positions, int(removed.sum()) + len(missed))


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
            kind = oracle.kind(query)
            if kind is None:
                learner.skip(query.micrograph, (query.x, query.y))
            else:
                learner.add(query.micrograph, [(query.x, query.y)], [float(kind > 0)], kinds=kind)
                answered += 1
    learner.refit()
    return answered


def review_patch(learner: Learner, oracle: Oracle, most: int, edge_margin: float = 0.0) -> int:
    """Review the next patch with an oracle, and refit the head.

    Parameters
    ----------
    learner
        Receives the labels.
    oracle
        Corrects the picks.
    most
        Largest number of clicks. A patch that takes more is not reviewed.
    edge_margin
        Smallest distance of picks from the border, in particle radii.

    Returns
    -------
    int
        Number of clicks: one for each correction, including that of a kind, and one that confirms
        the patch. 0 if no patch was reviewed.
    """
    rules = PickRules(edge_margin=edge_margin)
    found = [find_peaks(learner.score_map(index)) for index in range(len(learner.micrographs))]
    candidates = [_candidates(learner, index, peaks, rules) for index, peaks in enumerate(found)]
    patch = choose_patch(candidates)
    if patch is None:
        return 0
    index = patch.micrograph
    own = candidates[index]
    labels = LabelledPositions.of(learner.labels[index], learner.targets[index] == 1)
    chosen = select_picks(found[index], rules, labels)
    picks = chosen.xy

    def free(xy: Floats) -> Mask:
        inside = inside_image(xy, own.shape) & within_margin(found[index], xy, edge_margin)
        return inside & own.is_open(xy)

    corrections = oracle.correct(patch, picks, free)
    removed = corrections.removed
    kept = picks[~removed]
    particles = np.concatenate([kept, corrections.added])
    kinds = oracle.kinds_at(index, particles)
    clicks = corrections.clicks + 1
    if chosen.kind is not None:
        wrong = chosen.kind[~removed] != kinds[: len(kept)]
        clicks += int((wrong & patch.contains(kept) & free(kept)).sum())
    if clicks > most:
        return 0
    made = label_patch(patch, own, particles, picks[removed], kinds)
    learner.add(index, made.xy, made.targets, made.weight, kinds=made.kinds)
    learner.refit()
    return clicks


def _candidates(learner: Learner, index: int, peaks: Peaks, rules: PickRules) -> PatchPeaks:
    eligible = eligible_peaks(peaks, rules)
    return PatchPeaks(
        peaks.xy[eligible].astype(np.float64),
        peaks.score[eligible].astype(np.float64),
        np.concatenate([learner.labels[index], learner.skipped[index]]),
        peaks.radius_px,
        peaks.shape,
    )

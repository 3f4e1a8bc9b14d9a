"""Choose the questions of a workspace, and the next micrograph."""

from collections.abc import Mapping, Sequence
from itertools import zip_longest

import numpy as np
from numpy.typing import NDArray

from activepick.errors import SessionError
from activepick.learning.patches import Patch, PatchPeaks, choose_patch
from activepick.learning.strategies.context import QueryContext
from activepick.learning.strategies.registry import select_queries
from activepick.picking.rules import Picks, outside_areas, within_margin
from activepick.scoremap import far_from
from activepick.session.model.state import Question, ScoredPosition, SessionState, Target
from activepick.workspace.features import FeatureSource
from activepick.workspace.next_micrograph import Offer, next_offer
from activepick.workspace.patch_review import PatchReview
from activepick.workspace.peaks import MicrographPeaks, areas_of, positions
from activepick.workspace.predictor import Predictor
from activepick.workspace.trainer import Trainer

__all__ = ["Questioner", "suggest_answers"]

# Smallest distance of a suggestion from marks and other suggestions, in particle radii.
_APART = 1.0


class Questioner:
    """Choice of questions, with or without suggested answers, and of the next micrograph.

    Parameters
    ----------
    source
        The session and its features.
    trainer
        Trainer with the head.
    predictor
        Predictor with the peaks.
    """

    def __init__(self, source: FeatureSource, trainer: Trainer, predictor: Predictor) -> None:
        self._source = source
        self._session = source.session
        self._trainer = trainer
        self._predictor = predictor

    def ask(
        self, count: int | None = None, micrographs: Sequence[int] | None = None
    ) -> list[Question]:
        """Ask a new round of questions with the query strategy of the settings.

        Parameters
        ----------
        count
            Largest number of questions; by default the batch of the settings.
        micrographs
            Numbers of the micrographs; slow for micrographs that were not opened. By default all
            micrographs whose features are in memory and that are neither done nor rejected.

        Returns
        -------
        list of Question

        Raises
        ------
        SessionError
            If the features of no such micrograph are in memory.
        """
        numbers = self._open() if micrographs is None else list(micrographs)
        count = self._session.state.settings.batch if count is None else count
        return self._session.questions.ask(self._select(numbers, count))

    def suggest(
        self, count: int | None = None, micrographs: Sequence[int] | None = None
    ) -> list[Question]:
        """Ask a new round of questions, of which some have suggested answers.

        A third of the positions are the most certain particles, a third are the most certain
        non-particles, and the rest are questions without a suggestion (Kiewisz and Bepler 2023,
        Figure 2). Parameters and errors are those of `ask`.
        """
        numbers = self._open() if micrographs is None else list(micrographs)
        state = self._session.state
        count = count or state.settings.batch
        peaks = [self._predictor.peaks(number) for number in numbers]
        suggested = suggest_answers(state, peaks, count // 3)
        plain = self._select(numbers, count - len(suggested), [at for at, _ in suggested])
        return self._session.questions.ask(
            [*(position for position, _ in suggested), *plain],
            [*(target for _, target in suggested), *(None for _ in plain)],
        )

    def next_patch(self, leave_out: Sequence[tuple[int, Patch]] = ()) -> PatchReview | None:
        """Choose the next patch to review; the head is fitted first if it is not up to date.

        Parameters
        ----------
        leave_out
            Patches in which no more corrections are wanted, each with the number of its micrograph.

        Returns
        -------
        PatchReview or None
            None if all peaks were labelled, skipped or left out.

        Raises
        ------
        SessionError
            If the features of no micrograph that is neither done nor rejected are in memory.
        """
        numbers = self._open()
        self._trainer.update()
        state = self._session.state
        found = [self._predictor.peaks(number) for number in numbers]
        own = [_patch_peaks(state, one, leave_out) for one in found]
        patch = choose_patch(own)
        if patch is None:
            return None
        chosen = found[patch.micrograph]
        picks = chosen.select(state)
        return PatchReview(
            chosen.micrograph, patch, own[patch.micrograph], picks.xy, _kinds(state, picks)
        )

    def next_micrograph(self) -> Offer | None:
        """Return the micrograph to show next; None if all were seen or rejected."""
        (setup, head), state = self._trainer.current(), self._session.state
        training_set, entries = setup.features.training_set, state.micrographs.values()
        levels = {e.id: training_set.mean_peak_score(e.fingerprint) for e in entries}
        # The uncertainties of predicted micrographs; without any, of those with computed features.
        unsure: Mapping[int, float] = self._predictor.uncertainties()
        if not any(e.id in unsure for e in entries if e.status == "unseen"):
            unsure = _known({e.id: training_set.mean_entropy(e.fingerprint, head) for e in entries})
        return next_offer(state, _known(levels), unsure)

    def _open(self) -> list[int]:
        entries = self._session.state.micrographs.values()
        unfinished = [entry for entry in entries if entry.status in ("unseen", "seen")]
        held = self._source.setup().features.store.held(unfinished)
        if not held:
            raise SessionError(
                "All open micrographs are done, or none is open: open one, then ask for questions."
            )
        return [entry.id for entry in held]

    def _select(
        self, numbers: Sequence[int], count: int, beside: Sequence[ScoredPosition] = ()
    ) -> list[ScoredPosition]:
        """Select queries on micrographs, except at marks and the positions of `beside`."""
        (setup, head), state = self._trainer.current(), self._session.state
        entries = [self._session.micrographs.entry(number) for number in numbers]
        marks = [state.marks_of(number) for number in numbers]
        skipped = [
            [
                *((mark.x, mark.y) for mark in own if mark.id not in state.labels),
                *((x, y) for other, x, y, _ in beside if other == number),
            ]
            for number, own in zip(numbers, marks, strict=True)
        ]
        score_maps = [setup.features.linear_map(entry, head) for entry in entries]

        def may_ask(index: int, xy: NDArray[np.float64]) -> NDArray[np.bool_]:
            # Answers at positions that cannot become picks are useless.
            margin = within_margin(score_maps[index], xy, state.settings.edge_margin)
            return margin & outside_areas(xy, areas_of(numbers[index], state))

        context = QueryContext(
            micrographs=[setup.features.store.get(entry) for entry in entries],
            score_maps=score_maps,
            labelled=[positions(state.labels_of(number)) for number in numbers],
            skipped=[np.array(own, np.float64).reshape(-1, 2) for own in skipped],
            head=head,
            posterior=self._trainer.posterior,
            rng=np.random.default_rng([state.settings.seed, state.next_id]),
            may_ask=may_ask,
        )
        queries = select_queries(context, count, state.settings.strategy)
        scores = head.calibration.logit([query.score for query in queries]).tolist()
        return [
            (numbers[query.micrograph], query.x, query.y, score)
            for query, score in zip(queries, scores, strict=True)
        ]


def _kinds(state: SessionState, picks: Picks) -> NDArray[np.int_] | None:
    """Return the kind of each pick, shape (n,); None if picks have no kinds.

    Kinds that the session does not have are replaced by the first one.
    """
    if picks.kind is None:
        return None
    return np.where(np.isin(picks.kind, list(state.settings.kind_names)), picks.kind, 1)


def suggest_answers(
    state: SessionState, peaks: Sequence[MicrographPeaks], count: int
) -> list[tuple[ScoredPosition, Target]]:
    """Select the most certain particles and non-particles, alternating between micrographs.

    Parameters
    ----------
    state
        Labels and settings.
    peaks
        Peaks of each micrograph.
    count
        Largest number of particles, and of non-particles.

    Returns
    -------
    list of (position, target)
        Scored positions in original pixels, and 1 for particles or 0 for non-particles; particles
        are first.
    """
    free = [_far_from_marks(state, one) for one in peaks]
    highest = [list(found)[: 2 * count] for found in free]
    lowest = [list(found)[::-1][: 2 * count] for found in free]
    particles = _in_turn(highest, count)
    kinds = {at: kind for found in free for at, kind in found.items()}
    others = [at for at in _in_turn(lowest, 2 * count) if at not in particles][:count]
    return [*((at, kinds[at]) for at in particles), *((at, 0) for at in others)]


def _patch_peaks(
    state: SessionState, one: MicrographPeaks, leave_out: Sequence[tuple[int, Patch]]
) -> PatchPeaks:
    """Return the peaks of a micrograph from which patches are chosen."""
    keep = one.eligible(state)
    for number, patch in leave_out:
        if number == one.micrograph:
            keep &= ~patch.contains(one.peaks.xy)
    return PatchPeaks(
        one.peaks.xy[keep].astype(np.float64),
        one.peaks.score[keep].astype(np.float64),
        positions(state.marks_of(one.micrograph)),
        one.peaks.radius_px,
        one.peaks.shape,
    )


def _far_from_marks(state: SessionState, one: MicrographPeaks) -> dict[ScoredPosition, int]:
    """Return the peaks of a micrograph that are far from all marks, by decreasing score.

    The value of each peak is the number of its kind of particle, or 1 without kinds.
    """
    peaks, keep = one.peaks, one.eligible(state)
    keep &= far_from(peaks.xy, positions(state.marks_of(one.micrograph)), _APART * peaks.radius_px)
    kind = np.ones(len(peaks), int) if peaks.kind is None else peaks.kind
    rows = zip(
        peaks.xy[keep].tolist(), peaks.score[keep].tolist(), kind[keep].tolist(), strict=True
    )
    return {(one.micrograph, x, y, score): number for (x, y), score, number in rows}


def _in_turn(found: Sequence[Sequence[ScoredPosition]], count: int) -> list[ScoredPosition]:
    rounds = zip_longest(*found)
    return [at for one in rounds for at in one if at is not None][:count]


def _known(values: Mapping[int, float | None]) -> dict[int, float]:
    return {number: value for number, value in values.items() if value is not None}

"""Compute the picks of a workspace, for one or for all micrographs."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from activepick.errors import ActivepickError
from activepick.formats.scores import score_threshold
from activepick.learning.head import Head
from activepick.picking.picker import Picker
from activepick.progress import Progress
from activepick.scoremap import ScoreMap
from activepick.session.model.settings import Settings
from activepick.session.model.state import MicrographEntry, SessionState
from activepick.workspace.counts import Counts
from activepick.workspace.features import FeatureSource, Setup, stored_contrast
from activepick.workspace.peak_store import PeakStore, stored_picks
from activepick.workspace.peaks import MicrographPeaks, head_digest, measure_peaks
from activepick.workspace.trainer import Trainer

__all__ = ["Candidates", "Predictor"]

# Lower scores are mostly noise, which would hide the other scores in plots.
_CANDIDATE_SCORE = score_threshold(0.01)

# Called with the number of finished micrographs (with a fraction), their total number, and the name
# of the current one.
ReportMicrograph = Callable[[float, int, str], None]
ReportFailure = Callable[[int, ActivepickError], None]


@dataclass(frozen=True, eq=False)
class Candidates:
    """The peaks of many micrographs that may become picks.

    Attributes
    ----------
    score, contrast
        Scores (logits) and local contrasts, float32, shape (n,).
    kind
        Number of the kind of particle of each, int16, shape (n,); 0 where there are no kinds.
    micrographs
        Number of micrographs with these peaks.
    """

    score: NDArray[np.float32]
    contrast: NDArray[np.float32]
    kind: NDArray[np.int16]
    micrographs: int


class Predictor:
    """Prediction of peaks and picks with the current head, their storage and their counts.

    Parameters
    ----------
    source
        The session and its features.
    trainer
        Trainer with the head.
    """

    def __init__(self, source: FeatureSource, trainer: Trainer) -> None:
        self._source = source
        self._session = source.session
        self._trainer = trainer
        self._store = PeakStore(
            self._session.folder / "peaks",
            writable=not self._session.read_only,
            kept=self._is_in_use,
        )
        self._counts = Counts()
        self._in_use: tuple[SessionState | None, set[str]] = None, set()

    @property
    def head_digest(self) -> str:
        """Hash of the current head and of the settings that determine peaks."""
        return head_digest(self._trainer.head, self._session.state.settings)

    def score_map(self, micrograph: int) -> ScoreMap:
        """Return the score map of the current head; slow if the micrograph was not opened."""
        setup, head = self._trainer.current()
        return setup.features.score_map(self._session.micrographs.entry(micrograph), head)

    def peaks(self, micrograph: int) -> MicrographPeaks:
        """Return the peaks of the current head; slow if the micrograph was not opened."""
        (setup, head), state = self._trainer.current(), self._session.state
        entry = self._session.micrographs.entry(micrograph)
        known = self.stored_peaks(micrograph)
        if known is not None and known.head == head_digest(head, state.settings):
            return known
        scores = setup.features.score_map(entry, head)
        peaks = measure_peaks(state, micrograph, scores, setup.features.contrast(entry), head)
        self._store.put(entry, peaks)
        self._counts.note(state, peaks)
        return peaks

    def stored_peaks(self, micrograph: int) -> MicrographPeaks | None:
        """Return the newest peaks of a micrograph, of any head, without computing anything.

        None if there are none. They are those of the current head if their `head` equals
        `head_digest`.
        """
        found = self._store.get(self._session.micrographs.entry(micrograph))
        if found is not None and self._counts.heads.get(micrograph) != found.head:
            self._counts.note(self._session.state, found)
        return found

    def picks(self, micrograph: int) -> pd.DataFrame:
        """Return the picks of a micrograph for the current head, settings, areas and labels.

        Positions that are labelled as particles are always picks, and positions that are labelled
        as non-particles are never picks, at any threshold.

        Returns
        -------
        DataFrame
            Columns ``micrograph, x, y, score, contrast``: positions in original pixels, scores as
            logits. The highest score is first.
        """
        return self.peaks(micrograph).picks(self._session.state)

    def predict_all(
        self,
        progress: ReportMicrograph | None = None,
        failed: ReportFailure | None = None,
        micrographs: Iterable[int] | None = None,
    ) -> int:
        """Find and store the peaks of the current head on many micrographs; slow.

        If the head is not up to date, it is fitted first. Micrographs with peaks of this head are
        skipped, so that a cancelled run can be continued. Micrographs that are opened in the
        meantime take precedence.

        Parameters
        ----------
        progress
            Called with the number of finished micrographs (with a fraction of the current one),
            their total number, and the name of the current one; may raise an exception to cancel.
        failed
            Called with the number and the error of each micrograph that cannot be used. By default
            the error is raised.
        micrographs
            Numbers of the micrographs; by default all micrographs that are not rejected.

        Returns
        -------
        int
            Number of micrographs with peaks of this head.
        """
        entries = (
            self._usable()
            if micrographs is None
            else [self._session.micrographs.entry(number) for number in micrographs]
        )
        report = progress or (lambda done, total, name: None)
        first = self._session.state.names[entries[0].id] if entries else ""
        self._source.setup(lambda fraction: report(0.0, len(entries), first))
        self._trainer.update()
        setup, head = self._trainer.current()
        digest, done = head_digest(head, self._session.state.settings), 0
        for k, entry in enumerate(entries):
            state = self._session.state
            name = state.names[entry.id]

            def step(fraction: float, k: int = k, name: str = name) -> None:
                report(k + fraction, len(entries), name)

            try:
                peaks = self._store.get(entry)
                if peaks is None or peaks.head != digest:
                    peaks = _compute_peaks(setup, state, entry, head, step)
                self._store.put(entry, peaks, on_disk=True)
                self._counts.note(state, peaks)
                done += 1
            except ActivepickError as error:
                if failed is None:
                    raise
                failed(entry.id, error)
            step(1.0)
        return done

    def load_peaks(self, progress: Progress | None = None) -> int:
        """Read stored peaks and count their picks, so that `counts` returns their number.

        This is necessary after opening a session, and after a change of any rule except the
        threshold. It takes seconds for thousands of micrographs.

        Parameters
        ----------
        progress
            Called with the fraction done; may raise an exception to cancel.

        Returns
        -------
        int
            Number of micrographs whose picks were counted by this call.
        """
        entries, new = list(self._session.state.micrographs.values()), 0
        for k, entry in enumerate(entries):
            state = self._session.state
            if self._counts.need_peaks(state, entry.id):
                peaks = self._store.get(entry)
                if peaks is not None:
                    self._counts.note(state, peaks)
                    new += 1
            if progress is not None:
                progress((k + 1) / len(entries))
        return new

    def counts(
        self,
        seconds: float = math.inf,
        settings: Settings | None = None,
        micrographs: Sequence[int] | None = None,
    ) -> dict[int, int]:
        """Return the numbers of picks of micrographs, without computing peaks or reading files.

        Peaks of older heads are counted as well. After a change of the threshold this takes about
        5 milliseconds for a thousand micrographs. After a change of another rule, only micrographs
        whose peaks are in memory are counted until `load_peaks` is called.

        Parameters
        ----------
        seconds
            Time limit in seconds. Micrographs that cannot be counted in this time are left out.
        settings
            Settings to use instead of those of the session.
        micrographs
            Numbers of micrographs; None for all.

        Returns
        -------
        dict
            Number of picks by the number of the micrograph.
        """
        state = self._session.state
        used = state if settings is None else state.with_(settings=settings)
        return self._counts.count(used, self._usable(micrographs), self._store.held, seconds)

    def kind_counts(self, seconds: float = math.inf) -> dict[int, int]:
        """Return the number of picks of each kind of particle on all micrographs, by its number.

        Without kinds, the number of the kind is 0. See `counts` for the time limit.
        """
        total: Counter[int] = Counter()
        found = self._counts.count_kinds(
            self._session.state, self._usable(), self._store.held, seconds
        )
        for counts in found.values():
            total.update(counts)
        return dict(total)

    def uncertainties(self, micrographs: Sequence[int] | None = None) -> dict[int, float]:
        """Return the uncertainty of the current head, in nats, by micrograph, if known."""
        if not self._source.ready:
            return {}
        usable = [entry.id for entry in self._usable(micrographs)]
        return self._counts.uncertainties(usable, self.head_digest)

    def contrasts(self, micrographs: Sequence[int] | None = None) -> dict[int, float]:
        """Return the local contrast that 5 % of the peaks exceed, by micrograph, if known.

        It is high if there is ice or carbon.
        """
        return self._counts.contrasts(self._numbers(micrographs))

    def mean_scores(self, micrographs: Sequence[int] | None = None) -> dict[int, float]:
        """Return the mean score (logit) of the peaks above the threshold, by micrograph."""
        return self._counts.mean_scores(self._session.state, self._numbers(micrographs))

    def candidates(self, progress: Progress | None = None) -> Candidates:
        """Return the scores and local contrasts of all stored peaks that may become picks.

        These are the peaks that satisfy all rules except the threshold and the limits of the
        contrast. Stored peaks are read, which takes seconds for thousands of micrographs.

        Parameters
        ----------
        progress
            Called with the fraction done; may raise an exception to cancel.
        """
        state, entries = self._session.state, self._usable()
        free = state.settings.model_copy(
            update={"lowest_contrast": None, "highest_contrast": None, "threshold": 0.0}
        )
        state = state.with_(settings=free)
        scores, contrasts, kinds, numbers = [], [], [], []
        for k, entry in enumerate(entries):
            one = self._store.get(entry)
            if one is not None and one.peaks.contrast is not None:
                keep = one.eligible(state, _CANDIDATE_SCORE)
                scores.append(one.peaks.score[keep])
                contrasts.append(one.peaks.contrast[keep])
                kind = one.peaks.kind
                kinds.append(np.zeros(keep.sum(), np.int16) if kind is None else kind[keep])
                numbers.append(entry.id)
            if progress is not None:
                progress((k + 1) / len(entries))
        none = np.empty(0, np.float32)
        return Candidates(
            np.concatenate([none, *scores]),
            np.concatenate([none, *contrasts]),
            np.concatenate([np.empty(0, np.int16), *kinds]),
            len(numbers),
        )

    def unpicked(self) -> list[int]:
        """Return the numbers of micrographs without peaks of the current head.

        Rejected micrographs are left out.
        """
        digest = self.head_digest if self._source.ready else ""
        heads = self.known_heads()
        return [entry.id for entry in self._usable() if heads.get(entry.id) != digest]

    def known_picks(self, progress: Progress | None = None) -> pd.DataFrame:
        """Return the picks of all micrographs with peaks of any head.

        Rejected micrographs are left out. Stored peaks are read, but no peaks are computed.

        Parameters
        ----------
        progress
            Called with the fraction done; may raise an exception to cancel.

        Returns
        -------
        DataFrame
            Columns ``micrograph, x, y, score, contrast``: positions in original pixels, scores as
            logits.
        """
        return stored_picks(self._session.state, self._store, self._usable(), progress)[0]

    def known_peaks(self, *, in_memory: bool = False) -> Iterator[MicrographPeaks]:
        """Iterate over the newest peaks of the micrographs that are not rejected.

        Parameters
        ----------
        in_memory
            Whether to return only peaks in memory, without reading files. The peaks of micrographs
            with labels or open questions stay in memory after they were loaded.
        """
        get = self._store.held if in_memory else self._store.get
        found = (get(entry) for entry in self._usable())
        return (peaks for peaks in found if peaks is not None)

    def known_heads(self) -> dict[int, str]:
        """Return the hash of the head of the newest peaks by the number of the micrograph.

        Rejected micrographs are left out. No files are read. See `head_digest`.
        """
        heads = self._counts.heads
        return {entry.id: heads[entry.id] for entry in self._usable() if entry.id in heads}

    def flush(self) -> None:
        """Write all peaks that are only in memory to disk."""
        self._store.flush()

    def _usable(self, micrographs: Sequence[int] | None = None) -> list[MicrographEntry]:
        """Return the micrographs, by default all, without those that are rejected."""
        known = self._session.state.micrographs
        entries = known.values() if micrographs is None else [known[i] for i in micrographs]
        return [entry for entry in entries if entry.status != "rejected"]

    def _numbers(self, micrographs: Sequence[int] | None) -> Iterable[int]:
        return self._session.state.micrographs if micrographs is None else micrographs

    def _is_in_use(self, key: str) -> bool:
        """Return whether a micrograph has labels or open questions.

        Its peaks stay in memory, so that counts and audits do not read files.
        """
        state, keys = self._session.state, self._in_use[1]
        if self._in_use[0] is not state:
            numbers = {mark.micrograph for mark in state.marks.values()}
            numbers |= {question.micrograph for question in state.questions}
            keys = {state.micrographs[number].fingerprint for number in numbers}
            self._in_use = state, keys
        return key in keys


def _compute_peaks(
    setup: Setup, state: SessionState, entry: MicrographEntry, head: Head, progress: Progress
) -> MicrographPeaks:
    """Find the peaks of a micrograph without storing its features, which is fastest."""
    features, engine, radii = setup.features, setup.features.engine, head.spec.working_radii

    def step(fraction: float) -> None:
        features.store.give_way()
        progress(fraction)

    if features.store.held([entry]):
        scores, contrast = features.score_map(entry, head), features.contrast(entry)
        return measure_peaks(state, entry.id, scores, contrast, head)
    step(0.0)
    micrograph = features.open(entry)
    if engine.is_cached(micrograph, radii):
        computed = engine.features(micrograph, radii, step)
        scores = head.score_map(computed)
        contrast = stored_contrast(engine, micrograph)
    else:
        picker = Picker(engine, head, with_contrast=True)
        read = picker.read(micrograph)
        assert read.contrast is not None
        scores, contrast = picker.score_map(read, step), read.contrast
    return measure_peaks(state, entry.id, scores, contrast, head)

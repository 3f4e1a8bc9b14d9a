"""Count the picks of many micrographs without keeping their peaks in memory."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from activepick.formats.scores import score_threshold
from activepick.picking.rules import PickRules, Picks
from activepick.session.model.state import XY, Area, Label, MicrographEntry, SessionState
from activepick.workspace.peaks import MicrographPeaks

__all__ = ["Counts"]

GetPeaks = Callable[[MicrographEntry], MicrographPeaks | None]

# Lower scores are not stored: most peaks have one, and only thresholds below 0.01 need them.
_LOWEST_SCORE = np.float32(score_threshold(0.01))


# Percentile of the local contrast of the peaks, which is high if there is ice or carbon.
_HIGH_PERCENT = 95.0


@dataclass(frozen=True, eq=False)
class _Summary:
    """Summary of the peaks of a micrograph that is kept in memory.

    Attributes
    ----------
    head, uncertainty
        As in `MicrographPeaks`.
    contrast
        Local contrast that 5 % of the peaks exceed; high if there is ice or carbon.
    rules, areas, left_out, marks
        The rules, without thresholds, areas, left-out positions and marks from which the other
        attributes were computed.
    labelled
        Whether the picks also depend on labels.
    kinds
        The scores of the peaks that satisfy the rules, by the number of their kind of particle; 0
        without kinds.
    """

    head: str
    uncertainty: float
    contrast: float | None
    rules: PickRules
    areas: tuple[Area, ...]
    left_out: tuple[XY, ...]
    marks: list[Label]
    labelled: bool
    kinds: Mapping[int, "_Scores"]

    def above(self, lowest: "_Lowest") -> dict[int, int] | None:
        """Return the number of picks of each kind; None if it cannot be determined."""
        if self.labelled:
            return None
        counts = {kind: scores.above(lowest.of(kind)) for kind, scores in self.kinds.items()}
        known = {kind: count for kind, count in counts.items() if count is not None}
        return known if len(known) == len(counts) else None


@dataclass(frozen=True, eq=False)
class _Scores:
    """The scores of peaks of one kind on one micrograph.

    Attributes
    ----------
    scores
        Scores (logits) of the peaks from `_LOWEST_SCORE`, in ascending order.
    sums
        For each of these scores, the sum of it and all higher scores.
    lowest, count
        Threshold as a score when the summary was made, and the number of peaks that satisfied the
        rules at this threshold.
    """

    scores: NDArray[np.float32]
    sums: NDArray[np.float64]
    lowest: np.float32
    count: int

    @classmethod
    def of(cls, scores: NDArray[np.float32], lowest: np.float32) -> "_Scores":
        """Return the summary of scores in descending order."""
        kept = scores[scores >= _LOWEST_SCORE]
        sums = kept.cumsum(dtype=np.float64)[::-1].copy()
        return cls(kept[::-1].copy(), sums, lowest, int((scores >= lowest).sum()))

    def above(self, lowest: np.float32) -> int | None:
        """Return the number of peaks from a score; None if it cannot be determined."""
        if lowest < _LOWEST_SCORE:
            return self.count if lowest == self.lowest else None
        return len(self.scores) - int(self.scores.searchsorted(lowest))


class _Lowest:
    """The lowest score of a pick of each kind, as float32 like the scores in a comparison."""

    def __init__(self, state: SessionState) -> None:
        rules = state.settings.rules
        self._common = np.float32(rules.lowest_score)
        self._own = {k: np.float32(score_threshold(t)) for k, t in rules.kind_thresholds}

    def of(self, kind: int) -> np.float32:
        """Return the lowest score of a kind."""
        return self._own.get(kind, self._common)

    @property
    def lowest(self) -> np.float32:
        """Lowest score of a pick of any kind."""
        return min([self._common, *self._own.values()])


@dataclass(frozen=True, eq=False)
class _Counted:
    """Numbers of picks for the rules, areas, left-out positions and labels of a state.

    Attributes
    ----------
    rules, areas, left_out, marks
        Those of the state.
    numbers
        By the number of the micrograph, the summary and the numbers of picks that follow from it.
    fitting
        By the number of the micrograph, summaries for these rules, areas, left-out positions and
        labels and any threshold.
    """

    rules: PickRules
    areas: Mapping[int, tuple[Area, ...]]
    left_out: Mapping[str, Mapping[int, tuple[XY, ...]]]
    marks: Mapping[int, Label]
    numbers: dict[int, tuple[_Summary, dict[int, int]]] = field(default_factory=dict)
    fitting: dict[int, _Summary] = field(default_factory=dict)

    def at(self, state: SessionState) -> "_Counted":
        """Return this object if a state has the same attributes, else an empty one."""
        rules = state.settings.rules
        # Other changes of a state do not replace these objects.
        same = (
            self.areas is state.areas
            and self.left_out is state.left_out
            and self.marks is state.marks
        )
        if same and self.rules == rules:
            return self
        other = _Counted(rules, state.areas, state.left_out, state.marks)
        if same and _without_threshold(self.rules) == _without_threshold(rules):
            other.fitting.update(self.fitting)
        return other


class Counts:
    """Counter of picks, which stores the data for counts at other thresholds."""

    def __init__(self) -> None:
        self._summaries: dict[int, _Summary] = {}
        # Several parts of the window request the same counts, also when few micrographs changed.
        self._last = _Counted(PickRules(), {}, {}, {})

    @property
    def heads(self) -> dict[int, str]:
        """Hash of the head of the newest peaks, by the number of the micrograph."""
        return {number: one.head for number, one in self._summaries.copy().items()}

    def uncertainties(self, numbers: Iterable[int], head: str) -> dict[int, float]:
        """Return the uncertainty, in nats, of micrographs whose newest peaks are from a head."""
        return {number: one.uncertainty for number, one in self._of(numbers) if one.head == head}

    def contrasts(self, numbers: Iterable[int]) -> dict[int, float]:
        """Return the local contrast that 5 % of the peaks exceed, by micrograph, if known."""
        known = self._of(numbers)
        return {number: one.contrast for number, one in known if one.contrast is not None}

    def mean_scores(self, state: SessionState, numbers: Iterable[int]) -> dict[int, float]:
        """Return the mean score (logit) of the peaks above the threshold, by micrograph."""
        lowest, means = _Lowest(state), {}
        for number, one in self._of(numbers):
            total, count = 0.0, 0
            for kind, own in one.kinds.items():
                first = int(own.scores.searchsorted(lowest.of(kind)))
                if first < len(own.scores):
                    total += float(own.sums[first])
                    count += len(own.scores) - first
            if count:
                means[number] = total / count
        return means

    def note(self, state: SessionState, peaks: MicrographPeaks) -> None:
        """Store the data from which the picks of a micrograph are counted.

        Parameters
        ----------
        state
            Settings, areas, left-out positions and labels.
        peaks
            The newest peaks of the micrograph.
        """
        number = peaks.micrograph
        marks = state.marks_of(number)
        labelled = any(mark.target is not None for mark in marks)
        lowest = _Lowest(state)
        eligible = peaks.eligible(state, float(min(lowest.lowest, _LOWEST_SCORE)))
        scores, kind = peaks.peaks.score[eligible], peaks.peaks.kind
        parts = {0: scores}
        if kind is not None:
            own = kind[eligible]
            parts = {int(k): scores[own == k] for k in np.unique(own)}
        self._summaries[number] = _Summary(
            head=peaks.head,
            uncertainty=peaks.uncertainty,
            contrast=_high_contrast(peaks),
            rules=_rules(state),
            areas=state.areas.get(number, ()),
            left_out=state.left_out_of(number),
            marks=marks,
            labelled=labelled,
            kinds={k: _Scores.of(part, lowest.of(k)) for k, part in parts.items()},
        )

    def need_peaks(self, state: SessionState, number: int) -> bool:
        """Return whether `count` needs the peaks of a micrograph."""
        known = self._fitting(state, number, _rules(state))
        return known is None or known.above(_Lowest(state)) is None

    def count(
        self,
        state: SessionState,
        entries: Iterable[MicrographEntry],
        peaks: GetPeaks,
        seconds: float = np.inf,
    ) -> dict[int, int]:
        """Count the picks of micrographs.

        The parameters are those of `count_kinds`.

        Returns
        -------
        dict
            Number of picks by the number of the micrograph.
        """
        counts = self.count_kinds(state, entries, peaks, seconds)
        return {number: sum(own.values()) for number, own in counts.items()}

    def count_kinds(
        self,
        state: SessionState,
        entries: Iterable[MicrographEntry],
        peaks: GetPeaks,
        seconds: float = np.inf,
    ) -> dict[int, dict[int, int]]:
        """Count the picks of each kind of particle on micrographs.

        Parameters
        ----------
        state
            Settings, areas, left-out positions and labels.
        entries
            The micrographs.
        peaks
            Function that returns the peaks of a micrograph, or None. It is called for labelled
            micrographs, for new thresholds below 0.01, and after a change of the areas, the
            left-out positions, the labels or the rules (except the threshold).
        seconds
            Time limit in seconds. Micrographs that cannot be counted in this time, and those
            without peaks, are left out.

        Returns
        -------
        dict
            For each micrograph, by its number, the number of picks of each kind by the number of
            the kind; 0 without kinds.
        """
        end = time.perf_counter() + seconds
        rules, lowest = _rules(state), _Lowest(state)
        last = self._last = self._last.at(state)
        counts = {}
        for entry in entries:
            newest, found = self._summaries.get(entry.id), None
            counted = last.numbers.get(entry.id)
            if counted is not None and counted[0] is newest:
                counts[entry.id] = counted[1]
                continue
            known = last.fitting.get(entry.id)
            if known is None or known is not newest:
                known = self._fitting(state, entry.id, rules)
            if known is None:
                found = peaks(entry) if time.perf_counter() <= end else None
                if found is None:
                    continue
                self.note(state, found)
                known = self._summaries[entry.id]
            last.fitting[entry.id] = known
            number = known.above(lowest)
            if number is None:
                found = found or peaks(entry)
                number = None if found is None else _by_kind(found.select(state))
            if number is not None:
                counts[entry.id] = number
                last.numbers[entry.id] = known, number
        return counts

    def _of(self, numbers: Iterable[int]) -> list[tuple[int, _Summary]]:
        known = self._summaries
        return [(number, known[number]) for number in numbers if number in known]

    def _fitting(self, state: SessionState, number: int, rules: PickRules) -> _Summary | None:
        """Return the summary of a micrograph if it was made for the rules of a state."""
        known = self._summaries.get(number)
        if known is None or (known.rules is not rules and known.rules != rules):
            return None
        same = (
            known.areas == state.areas.get(number, ())
            and known.left_out == state.left_out_of(number)
            and known.marks == state.marks_of(number)
        )
        return known if same else None


def _high_contrast(peaks: MicrographPeaks) -> float | None:
    contrast = peaks.peaks.contrast
    if contrast is None or not len(contrast):
        return None
    return float(np.percentile(contrast, _HIGH_PERCENT))


def _by_kind(picks: Picks) -> dict[int, int]:
    if picks.kind is None:
        return {0: len(picks)}
    numbers, counts = np.unique(picks.kind, return_counts=True)
    return dict(zip(numbers.tolist(), counts.tolist(), strict=True))


def _rules(state: SessionState) -> PickRules:
    return _without_threshold(state.settings.rules)


def _without_threshold(rules: PickRules) -> PickRules:
    return replace(rules, threshold=0.0, kind_thresholds=())

"""Numbers of picks of many micrographs, known again at once when only the threshold changes."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from activepick.picking.rules import score_threshold
from activepick.session.model.state import Area, Label, SessionState
from activepick.workspace.peaks import Peaks, curate, eligible

__all__ = ["Counts"]

# What the number of picks of a micrograph follows from besides its peaks and the threshold.
_Facts = tuple[object, tuple[Area, ...], list[Label]]


@dataclass(frozen=True, eq=False)
class _Known:
    peaks: Peaks
    facts: _Facts
    scores: NDArray[np.floating] | None  # ascending; None where labels have to be looked at


class Counts:
    """Counts picks, and remembers what it can use again."""

    def __init__(self) -> None:
        self._known: dict[int, _Known] = {}

    def of(
        self, state: SessionState, peaks: Mapping[int, Peaks], seconds: float = np.inf
    ) -> dict[int, int]:
        """Count the picks of each micrograph.

        Parameters
        ----------
        state
            Labels, areas and settings.
        peaks
            By number.
        seconds
            How long this may take. What cannot be counted in that time is left out.
        """
        end = time.perf_counter() + seconds
        lowest = score_threshold(state.settings.threshold)
        curation = replace(state.settings.rules, threshold=0.0)
        counts = {}
        for number, one in peaks.items():
            facts = (curation, state.areas.get(number, ()), state.marks_of(number))
            known = self._known.get(number)
            if known is None or known.peaks is not one or known.facts != facts:
                if time.perf_counter() > end:
                    continue
                known = self._known[number] = _look_at(state, one, facts)
            if known.scores is None:
                counts[number] = len(curate(one, state))
            else:
                counts[number] = len(known.scores) - int(known.scores.searchsorted(lowest))
        return counts


def _look_at(state: SessionState, peaks: Peaks, facts: _Facts) -> _Known:
    marked = any(mark.target is not None for mark in facts[2])
    scores = None if marked else peaks.score[eligible(peaks, state)][::-1]
    return _Known(peaks, facts, scores)

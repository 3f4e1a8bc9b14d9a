"""The part of the loop that makes picks."""

import pandas as pd

from activepick.learning.head import Head
from activepick.scoremap.score_map import ScoreMap
from activepick.workspace.loop_base import LoopBase
from activepick.workspace.peaks import Peaks, curate, head_digest, make_peaks

__all__ = ["PickingLoop"]


class PickingLoop(LoopBase):
    """The part of `LearningLoop` from labels to a head, and from the head to picks."""

    def refit(self) -> Head:
        """Fit the head to all labels of the session, and to nothing else.

        Takes milliseconds, but for labels on micrographs that were not opened since the start.
        """
        with self._fitting:
            tools = self._tools()
            tools.refit(self.session.state)
            return tools.head

    def score_map(self, micrograph: int) -> ScoreMap:
        """Score of the head on a micrograph; takes long when it was not opened."""
        tools, entry = self._tools(), self._entry(micrograph)
        return tools.maps.get(entry.fingerprint, tools.store.get(entry), tools.head)

    def peaks(self, micrograph: int) -> Peaks:
        """Give the peaks of a micrograph by the head as it is; long when it was not opened."""
        tools, entry, state = self._tools(), self._entry(micrograph), self.session.state
        head = tools.head
        known = self._peaks.get(entry, state.names[micrograph])
        if known is not None and known.head == head_digest(head, state.settings):
            return known
        features = tools.store.get(entry)
        scores = tools.maps.get(entry.fingerprint, features, head)
        contrast = tools.contrasts.get(entry)
        peaks = make_peaks(state, micrograph, features.shape, scores, contrast, head)
        self._peaks.put(entry, peaks)
        return peaks

    def stored_peaks(self, micrograph: int) -> Peaks | None:
        """Give the newest peaks that are known of a micrograph, without computing anything.

        They are those of the present head if their `head` is `head_digest`.
        """
        entry = self._entry(micrograph)
        return self._peaks.get(entry, self.session.state.names[micrograph])

    def picks(self, micrograph: int) -> pd.DataFrame:
        """Give the picks of a micrograph: columns micrograph, x, y, score, contrast, best first.

        A positive label is always among them and a negative one never, whatever the threshold.
        """
        return curate(self.peaks(micrograph), self.session.state)

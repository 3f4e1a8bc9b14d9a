"""The part of the loop that makes picks."""

from collections.abc import Callable

import pandas as pd

from activepick.errors import ActivepickError
from activepick.features.score_map import ScoreMap
from activepick.learning.head import Head
from activepick.session.feature_store import Step
from activepick.session.loop_base import LoopBase
from activepick.session.peaks import Peaks, curate, head_digest, make_peaks

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

    def picks_table(
        self,
        progress: Step | None = None,
        failed: Callable[[int, ActivepickError], None] | None = None,
    ) -> pd.DataFrame:
        """Give the picks of all micrographs that are not rejected; takes long.

        Parameters
        ----------
        progress
            Called with the fraction done; may raise to cancel.
        failed
            Called for each micrograph that cannot be read, and the rest goes on; without it that
            is raised.
        """
        entries = [e for e in self.session.state.micrographs.values() if e.progress != "rejected"]
        tables = [pd.DataFrame({"micrograph": [], "x": [], "y": [], "score": [], "contrast": []})]
        for k, entry in enumerate(entries):
            try:
                tables.append(self.picks(entry.id))
            except ActivepickError as error:
                if failed is None:
                    raise
                failed(entry.id, error)
            if progress is not None:
                progress((k + 1) / len(entries))
        return pd.concat(tables[1:] or tables, ignore_index=True)

"""The part of the loop for whole datasets."""

import math
from collections.abc import Callable, Iterable
from dataclasses import replace

import pandas as pd

from activepick.errors import ActivepickError
from activepick.session.model.settings import Settings
from activepick.session.model.state import MicrographEntry
from activepick.workspace.feature_store import Step
from activepick.workspace.loop_picks import PickingLoop
from activepick.workspace.next_micrograph import Offer, next_offer
from activepick.workspace.peaks import Peaks, curate, head_digest
from activepick.workspace.prediction import predicted_peaks

__all__ = ["DatasetLoop"]

# How many are done (with a fraction of the one in work), of how many, and which is in work.
Progress = Callable[[float, int, str], None]
Failed = Callable[[int, ActivepickError], None]

_COLUMNS = ("micrograph", "x", "y", "score", "contrast")


class DatasetLoop(PickingLoop):
    """The part of `LearningLoop` that looks at all micrographs."""

    def predict_all(
        self,
        progress: Progress | None = None,
        failed: Failed | None = None,
        micrographs: Iterable[int] | None = None,
    ) -> int:
        """Find the peaks of micrographs by the head as it is now, and store them; takes long.

        Those that have peaks of this head are not looked at again, so that what was cancelled can
        be gone on with. Whoever opens a micrograph meanwhile goes first.

        Parameters
        ----------
        progress
            Called with how many are done (with a fraction of the one in work), of how many, and
            the name of the one in work; may raise to cancel.
        failed
            Called with the number of each micrograph that cannot be used, and why, and the rest
            goes on; without it that is raised.
        micrographs
            Their numbers; by default all that are not rejected.

        Returns
        -------
        int
            How many have peaks of this head now.
        """
        entries = self._picked() if micrographs is None else [self._entry(i) for i in micrographs]
        report = progress or (lambda done, of, name: None)
        first = self.session.state.names[entries[0].id] if entries else ""
        self._tools(lambda fraction: report(0.0, len(entries), first))
        with self._fitting:
            if not self.up_to_date:
                self.refit()
            tools = self._tools()
            head = tools.head
        digest, done = head_digest(head, self.session.state.settings), 0
        for k, entry in enumerate(entries):
            state = self.session.state
            name = state.names[entry.id]

            def step(fraction: float, k: int = k, name: str = name) -> None:
                report(k + fraction, len(entries), name)

            known = self._peaks.get(entry, name)
            try:
                if known is None or known.head != digest:
                    known = predicted_peaks(tools, state, entry, head, step)
                if not self._peaks.has_on_disk(entry, digest):
                    known = self._peaks.put(entry, known, on_disk=not self.session.read_only)
                    self._counts.of(state, {entry.id: known})  # here, and not where somebody waits
                done += 1
            except ActivepickError as error:
                if failed is None:
                    raise
                failed(entry.id, error)
            step(1.0)
        return done

    def load_peaks(self, progress: Step | None = None) -> None:
        """Read the peaks that an earlier program stored; takes seconds for thousands of files.

        Without it `stored_peaks` reads those of single micrographs, and `counts` knows none. The
        picks are counted as well, so that `counts` is quick afterwards.

        Parameters
        ----------
        progress
            Called with the fraction done; may raise to cancel.
        """
        state = self.session.state
        for k, entry in enumerate(state.micrographs.values()):
            peaks = self._peaks.get(entry, state.names[entry.id])
            if peaks is not None:
                self._counts.of(self.session.state, {entry.id: peaks})
            if progress is not None:
                progress((k + 1) / len(state.micrographs))

    def counts(self, seconds: float = math.inf, settings: Settings | None = None) -> dict[int, int]:
        """Give the number of picks by micrograph at the settings as they are now.

        Of those whose peaks are known, by whatever head, without computing or reading anything.
        After a change of the threshold this takes some 5 milliseconds for a thousand micrographs,
        after a change of another setting about one for each.

        Parameters
        ----------
        seconds
            How long this may take. What cannot be counted in that time is left out; what was
            counted is known at the next call.
        settings
            To count as if they were the session's.
        """
        state = self.session.state
        if settings is not None:
            state = replace(state, settings=settings)
        return self._counts.of(state, self._known_peaks(), seconds)

    def uncertainties(self) -> dict[int, float]:
        """Give how unsure the head as it is now is about its picks, by micrograph, where known."""
        if not self.ready:
            return {}
        digest = self.head_digest
        known = self._known_peaks()
        return {i: peaks.uncertainty for i, peaks in known.items() if peaks.head == digest}

    def unpicked(self) -> list[int]:
        """Give the micrographs, not rejected, that have no peaks of the head as it is now."""
        digest = self.head_digest if self.ready else ""
        known = self._known_peaks()
        return [e.id for e in self._picked() if e.id not in known or known[e.id].head != digest]

    def known_picks(self) -> pd.DataFrame:
        """Give the picks of all micrographs, not rejected, whose peaks are known.

        Columns as `picks`. Nothing is computed; peaks of an older head count as well.
        """
        return self._table(self._known_peaks())

    def picks_table(
        self, progress: Step | None = None, failed: Failed | None = None
    ) -> pd.DataFrame:
        """Give the picks of all micrographs that are not rejected; takes long.

        Parameters
        ----------
        progress
            Called with the fraction done; may raise to cancel.
        failed
            As in `predict_all`; those are not in the table.
        """
        wrong: set[int] = set()

        def note(number: int, error: ActivepickError) -> None:
            wrong.add(number)
            if failed is None:
                raise error
            failed(number, error)

        def step(done: float, total: int, name: str) -> None:
            if progress is not None:
                progress(done / total)

        self.predict_all(step, note)
        known = self._known_peaks()
        return self._table({i: peaks for i, peaks in known.items() if i not in wrong})

    def next_micrograph(self) -> Offer | None:
        """Offer a micrograph to go on with; None when all were seen."""
        tools, state = self._tools(), self.session.state
        entries = list(state.micrographs.values())
        known, head = tools.training_set, tools.head
        levels = {
            entry.id: level
            for entry in entries
            if (level := known.mean_peak_score(entry.fingerprint)) is not None
        }
        # Two measures of the same: one that needs no features, one of micrographs looked at.
        unsure = self.uncertainties()
        if not any(e.id in unsure for e in entries if e.status == "unseen"):
            unsure = {
                entry.id: value
                for entry in entries
                if (value := known.mean_entropy(entry.fingerprint, head)) is not None
            }
        return next_offer(state, levels, unsure)

    def prefetch_neighbours(self, micrograph: int) -> None:
        """Prefetch the micrographs that are likely to be opened after this one."""
        entries = self.session.state.micrographs
        offer = self.next_micrograph()
        wanted = [micrograph + 1, *([offer.micrograph] if offer else []), micrograph - 1]
        usable = [i for i in wanted if i in entries and entries[i].status != "rejected"]
        self.prefetch([i for i in dict.fromkeys(usable) if i != micrograph])

    def _picked(self) -> list[MicrographEntry]:
        entries = self.session.state.micrographs.values()
        return [entry for entry in entries if entry.status != "rejected"]

    def _known_peaks(self) -> dict[int, Peaks]:
        """Give the peaks in memory of all micrographs that are not rejected."""
        return self._peaks.known(self._picked(), self.session.state.names)

    def _table(self, peaks: dict[int, Peaks]) -> pd.DataFrame:
        state = self.session.state
        tables = [curate(peaks[number], state) for number in sorted(peaks)]
        if not tables:
            return pd.DataFrame({column: [] for column in _COLUMNS})
        return pd.concat(tables, ignore_index=True)

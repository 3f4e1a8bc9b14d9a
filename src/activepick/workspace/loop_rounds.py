"""The part of the loop that tells how good it is."""

import contextlib
from pathlib import Path

import pandas as pd

from activepick.errors import HeadError, SessionError
from activepick.session.model.state import Question, RoundRecord
from activepick.workspace.loop_heads import HeadKeepingLoop
from activepick.workspace.loop_questions import AskingLoop
from activepick.workspace.precision import PrecisionEstimate, estimate, sample
from activepick.workspace.stopping import advice, change
from activepick.workspace.truth import Truth

__all__ = ["JudgingLoop"]

# Micrographs that are compared from round to round: enough to see a change, few enough to be quick.
_COMPARED = 4


class JudgingLoop(AskingLoop, HeadKeepingLoop):
    """The part of `LearningLoop` that tells how good the picks are, and how they change."""

    def audit(self, count: int = 20) -> list[Question]:
        """Put questions about picks drawn by lot, to learn how many of the picks are right.

        Questions that are chosen because the head is unsure cannot tell that. Each pick of the
        micrographs whose peaks are known has the same chance, but for places that somebody looked
        at. The answers never train.

        Parameters
        ----------
        count
            How many; there are fewer when there are not that many picks.

        Raises
        ------
        SessionError
            When there are no picks.
        """
        places = sample(self.session.state, self._known_peaks(), count)
        if not places:
            raise SessionError("There are no picks to look at: open a micrograph, or pick all.")
        return self.session.questions.ask(places, purpose="audit")

    def precision(self) -> PrecisionEstimate | None:
        """Estimate how many of the picks are particles; None before an audit."""
        return estimate(self.session.state, self._known_peaks())

    def end_of_round(self, micrograph: int) -> RoundRecord:
        """Note how the picks of a few micrographs at hand changed since the last round.

        Also saves the head.

        Parameters
        ----------
        micrograph
            The one that is shown.
        """
        state = self.session.state
        held = [entry.id for entry in self._tools().store.held(self._picked())]
        seen = [number for number in held if number in self._last_round]
        compared = list(dict.fromkeys([micrograph, *seen, *held]))[:_COMPARED]
        now = {number: self.peaks(number) for number in sorted(compared)}
        pairs = [(self._last_round[i], now[i]) for i in now.keys() & self._last_round.keys()]
        changes = [change(state, old, new) for old, new in pairs if old.radius_px == new.radius_px]
        total = sum(count for _, count in changes)
        labels = state.labels.values()
        record = RoundRecord(
            labels=len(labels),
            particles=sum(label.target == 1 for label in labels),
            picks=sum(self._counts.of(state, now).values()),
            changed=sum(count for count, _ in changes) / total if total else None,
            ap=None if self._truth is None else self._truth.average_precision(state, now),
        )
        self._last_round = now
        if not self.session.read_only:
            self.session.questions.note_round(record)
            with contextlib.suppress(HeadError):  # saved, it need not be learnt again on reopening
                self.save_head()
        return record

    def advice(self) -> str:
        """Say in plain words whether more labels are worth while."""
        return advice(self.session.state, self.precision())

    def set_truth(self, table: pd.DataFrame | Path | None) -> None:
        """Say where the true particles are, as a table or a file; None forgets them.

        Raises
        ------
        TableError
            When it cannot be read, or fits no micrograph of the session.
        """
        self._truth = None if table is None else Truth(table, self.session.state.names)
        if self._truth is not None and self._truth.unmatched:
            some = ", ".join(self._truth.unmatched[:3])
            self.notices.append(
                f"{len(self._truth.unmatched)} micrographs with true particles are not in this "
                f"session ({some})."
            )

    def ap(self) -> float | None:
        """Give the average precision where truth and peaks are known; None where not."""
        if self._truth is None:
            return None
        known = self._known_peaks()
        digest = self.head_digest if self.ready else ""
        now = {i: peaks for i, peaks in known.items() if peaks.head == digest}
        return self._truth.average_precision(self.session.state, now or known)

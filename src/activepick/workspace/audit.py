"""Estimate the precision of the picks of a workspace, and their changes between rounds."""

import contextlib
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from activepick.errors import HeadError, SessionError
from activepick.session.model.state import Question, RoundRecord
from activepick.wording import counted
from activepick.workspace.advice import advice, changed_picks
from activepick.workspace.features import FeatureSource
from activepick.workspace.peaks import MicrographPeaks
from activepick.workspace.precision import PrecisionEstimate, estimate_precision, sample_picks
from activepick.workspace.predictor import Predictor
from activepick.workspace.trainer import Trainer
from activepick.workspace.truth import Truth

__all__ = ["Audit"]

# Number of micrographs that are compared between rounds: enough to detect a change, and fast.
_COMPARED = 4


class Audit:
    """Estimates the precision of the picks, records rounds, and advises whether to continue.

    Parameters
    ----------
    source
        The session and its features.
    trainer
        Has the head.
    predictor
        Has the peaks.
    """

    def __init__(self, source: FeatureSource, trainer: Trainer, predictor: Predictor) -> None:
        self._source = source
        self._session = source.session
        self._trainer = trainer
        self._predictor = predictor
        self._last_round: dict[int, MicrographPeaks] = {}
        self._truth: Truth | None = None

    def ask(self, count: int = 20) -> list[Question]:
        """Ask about a random sample of the picks, to estimate how many of them are particles.

        Each pick of the micrographs that have peaks has the same chance, except at positions that
        were labelled or skipped. The answers never train.

        Parameters
        ----------
        count
            Largest number of questions.

        Returns
        -------
        list of Question

        Raises
        ------
        SessionError
            If there are no picks.
        """
        drawn = sample_picks(self._session.state, self._predictor.known_peaks(), count)
        if not drawn:
            raise SessionError("There are no picks to check: open a micrograph, or pick all.")
        questions = self._session.questions.ask(drawn, purpose="audit")
        for number in {question.micrograph for question in questions}:
            self._predictor.stored_peaks(number)  # in memory for `precision`, which reads no file
        return questions

    def precision(self) -> PrecisionEstimate | None:
        """Estimate the precision of the picks from answered audits; None before an audit."""
        return estimate_precision(self._session.state, self._predictor.known_peaks(in_memory=True))

    def end_of_round(self, micrograph: int) -> RoundRecord:
        """Record how the picks of a few micrographs changed since the last round.

        The head and the peaks in memory are saved as well.

        Parameters
        ----------
        micrograph
            Number of the micrograph that is shown.

        Returns
        -------
        RoundRecord
        """
        state = self._session.state
        usable = [e for e in state.micrographs.values() if e.status != "rejected"]
        held = [entry.id for entry in self._source.setup().features.store.held(usable)]
        seen = [number for number in held if number in self._last_round]
        compared = list(dict.fromkeys([micrograph, *seen, *held]))[:_COMPARED]
        now = {number: self._predictor.peaks(number) for number in sorted(compared)}
        pairs = [(self._last_round[i], now[i]) for i in now.keys() & self._last_round.keys()]
        changes = [
            changed_picks(state, old, new)
            for old, new in pairs
            if old.peaks.radius_px == new.peaks.radius_px
        ]
        total = sum(count for _, count in changes)
        labels = state.labels.values()
        record = RoundRecord(
            labels=len(labels),
            particles=sum(label.target == 1 for label in labels),
            picks=sum(len(one.select(state)) for one in now.values()),
            changed=sum(count for count, _ in changes) / total if total else None,
            ap=self._average_precision({i: one.head for i, one in now.items()}),
        )
        self._last_round = now
        if not self._session.read_only:
            self._session.questions.note_round(record)
            # When a session is reopened, a saved head and its peaks need not be computed again.
            with contextlib.suppress(HeadError):
                self._trainer.save_head()
            self._predictor.flush()
        return record

    def advice(self) -> str:
        """Return advice on whether more labels are likely to improve the picks."""
        return advice(self._session.state, self.precision())

    def set_truth(self, table: pd.DataFrame | Path | None) -> None:
        """Set the true particles.

        Parameters
        ----------
        table
            A table with the columns ``micrograph, x, y``, or a file with one; None to forget them.

        Raises
        ------
        TableError
            If it cannot be read, or fits no micrograph of the session.
        """
        self._truth = None if table is None else Truth(table, self._session.state.names)
        if self._truth is not None and self._truth.unmatched:
            some = ", ".join(self._truth.unmatched[:3])
            self._source.notices.append(
                counted(
                    len(self._truth.unmatched),
                    "micrograph with true particles is",
                    "micrographs with true particles are",
                )
                + f" not in this session ({some})."
            )

    def average_precision(self) -> float | None:
        """Return the average precision where truth and peaks are known; None if nowhere.

        Peaks of the present head are used if there are any, else those of older heads. Stored peaks
        that are new are read.
        """
        heads = self._predictor.known_heads()
        digest = self._predictor.head_digest if self._source.ready else ""
        return self._average_precision({i: h for i, h in heads.items() if h == digest} or heads)

    def _average_precision(self, heads: Mapping[int, str]) -> float | None:
        if self._truth is None:
            return None
        separation = self._session.state.settings.separation
        return self._truth.average_precision(separation, heads, self._predictor.stored_peaks)

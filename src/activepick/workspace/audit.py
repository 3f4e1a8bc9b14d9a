"""Estimate the precision of the picks of a workspace and their changes between rounds."""

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

# Number of micrographs that are compared between rounds: fast, and sufficient to detect a change.
_COMPARED = 4


class Audit:
    """Estimation of the precision of the picks, recording of rounds, and advice on stopping.

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
        self._last_round: dict[int, MicrographPeaks] = {}
        self._truth: Truth | None = None

    def ask(self, count: int = 20) -> list[Question]:
        """Ask questions about a random sample of the picks to estimate their precision.

        All picks of micrographs with peaks are sampled with the same probability, except at
        positions that were labelled or skipped. The answers are never used for training.

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
            self._predictor.stored_peaks(number)  # loads them for `precision`, which reads no files
        return questions

    def precision(self) -> PrecisionEstimate | None:
        """Estimate the precision of the picks from answered audits.

        None if no audit was answered.
        """
        return estimate_precision(self._session.state, self._predictor.known_peaks(in_memory=True))

    def end_of_round(self, micrograph: int) -> RoundRecord:
        """Record the changes of the picks of a few micrographs since the last round.

        The head and the peaks in memory are also saved.

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
            particles=sum(label.is_particle for label in labels),
            picks=sum(len(one.select(state)) for one in now.values()),
            changed=sum(count for count, _ in changes) / total if total else None,
            ap=self._average_precision({i: one.head for i, one in now.items()}),
        )
        self._last_round = now
        if not self._session.read_only:
            self._session.questions.note_round(record)
            # Saved, so that they are not computed again when the session is opened.
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
            A table with the columns ``micrograph, x, y`` in original pixels, or the path of a file
            with such a table; None to remove the true particles.

        Raises
        ------
        TableError
            If the file cannot be read, or the table contains no micrograph of the session.
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
        """Return the average precision on the micrographs with true particles and peaks.

        The peaks of the current head are used if there are any, otherwise those of older heads.
        Stored peaks are read from disk if they changed since the last call.

        Returns
        -------
        float or None
            Average precision, between 0 and 1; None if there are no such micrographs.
        """
        heads = self._predictor.known_heads()
        digest = self._predictor.head_digest if self._source.ready else ""
        return self._average_precision({i: h for i, h in heads.items() if h == digest} or heads)

    def _average_precision(self, heads: Mapping[int, str]) -> float | None:
        if self._truth is None:
            return None
        separation = self._session.state.settings.separation
        return self._truth.average_precision(separation, heads, self._predictor.stored_peaks)

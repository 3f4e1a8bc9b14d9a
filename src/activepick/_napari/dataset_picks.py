"""Picks of all micrographs of an open session: prediction, counts and export."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from qtpy.QtCore import QObject, Signal

from activepick._napari.io.export import ExportTarget, export_table
from activepick._napari.pace import Pace
from activepick._napari.session_access import SessionAccess
from activepick.errors import ActivepickError
from activepick.formats.kind_columns import KIND_COLUMN
from activepick.progress import Progress, part_between
from activepick.session import Settings
from activepick.session.model import actions as a
from activepick.session.model.effects import Change

__all__ = ["DatasetPicks", "Prediction"]

# Longest time that counting may block the window, in seconds; the rest is counted later.
_COUNT_SECONDS = 0.03
# Counting is shown if it takes longer, in milliseconds.
_SHOWN_AFTER_MS = 100
# Share of reading stored picks in the time of an export.
_READING = 0.8
# Time between two checks whether a pause has ended.
_PAUSE_SECONDS = 0.1
# Time between two updates of the counts while all micrographs are being picked.
_UPDATE_SECONDS = 2.0


@dataclass(frozen=True)
class Prediction:
    """Result of picking all micrographs.

    Attributes
    ----------
    count
        Number of micrographs that were picked.
    errors
        Error by the number of each micrograph that could not be picked.
    """

    count: int
    errors: dict[int, str]


class DatasetPicks(QObject):
    """Pick all micrographs in the background, count their picks and export them.

    Parameters
    ----------
    access
        The session. Its workspace computes and stores the peaks.

    Attributes
    ----------
    errors
        Error by the number of each micrograph that could not be read or picked.
    paused
        Whether the prediction of all micrographs is paused.

    Signals
    -------
    counts_changed()
        The number of picks of micrographs may have changed.
    errors_changed()
        `errors` changed.
    predicting_changed()
        The prediction of all micrographs was started, paused, continued or ended.
    predicted(prediction)
        All micrographs were picked.
    exported(path, count, notes)
        A number of positions was written to a file or folder.
    """

    counts_changed = Signal()
    errors_changed = Signal()
    predicting_changed = Signal()
    predicted = Signal(object)
    exported = Signal(object, int, list)

    def __init__(self, access: SessionAccess, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session, self._workspace = access.session, access.workspace
        self._jobs = access.jobs
        self.errors: dict[int, str] = {}
        self.paused = False
        self._updated = 0.0
        self._jobs.started.connect(self._on_started)
        self._jobs.progressed.connect(self._on_progressed)
        self._jobs.finished.connect(self._on_finished)

    def load(self) -> None:
        """Read the peaks that are stored in the session."""
        self._jobs.run(
            "peaks",
            self._workspace.predictor.load_peaks,
            lambda new: self.counts_changed.emit() if new else None,
            text="Counting picks",
            delay_ms=_SHOWN_AFTER_MS,
        )

    def predict(
        self,
        then: Callable[[], None] = lambda: None,
        *,
        micrographs: Sequence[int] | None = None,
        quiet: bool = False,
    ) -> None:
        """Pick micrographs in the background.

        Parameters
        ----------
        then
            Called when all are picked.
        micrographs
            Numbers of the micrographs; None for all that are not rejected.
        quiet
            Do not emit `predicted`.
        """
        errors: dict[int, str] = {}

        def failed(number: int, error: ActivepickError) -> None:
            errors[number] = str(error)

        def work(progress: Progress) -> int:
            pace = Pace()

            def report(done: float, total: int, name: str) -> None:
                self._jobs.describe("predict", pace.text(done, total))
                progress(done / max(1, total))
                while self.paused:
                    pace.exclude()
                    self._jobs.describe("predict", f"Paused at {int(done):,} of {total:,}")
                    progress(done / max(1, total))
                    time.sleep(_PAUSE_SECONDS)

            count = self._workspace.predictor.predict_all(report, failed, micrographs)
            if self._session.state.left_out:
                self._jobs.describe("predict", "Sorting the picks by class")
            self._workspace.class_filter.extend(progress)
            return count

        def done(count: int) -> None:
            kept = () if micrographs is None else self.errors.keys() - set(micrographs)
            self.errors = {number: self.errors[number] for number in kept} | errors
            self.errors_changed.emit()
            if not quiet:
                self.predicted.emit(Prediction(count, errors))
            then()

        self.paused = False
        self._jobs.run("predict", work, done, text="Picking all micrographs")

    @property
    def predicting(self) -> bool:
        """Whether all micrographs are being picked, even if that is paused."""
        return self._jobs.busy("predict")

    def set_paused(self, paused: bool) -> None:
        """Pause or continue the prediction of all micrographs."""
        self.paused = paused
        self.predicting_changed.emit()

    def set_error(self, number: int, error: Exception | None) -> None:
        """Record the error of a micrograph that cannot be used; None if it can be used."""
        before = self.errors.pop(number, None)
        if error is not None:
            self.errors[number] = str(error)
        if self.errors.get(number) != before:
            self.errors_changed.emit()

    def unpicked(self) -> int:
        """Return the number of micrographs without picks of the current head."""
        return len(self._workspace.predictor.unpicked())

    def never_picked(self) -> list[int]:
        """Return the numbers of micrographs without picks of any head, and without an error.

        Rejected micrographs are left out. Stored picks are known after `load`.
        """
        state, known = self._session.state, self._workspace.predictor.known_heads()
        without = state.micrographs.keys() - known.keys() - self.errors.keys()
        return [number for number in sorted(without) if state.is_used(number)]

    def counts(
        self, settings: Settings | None = None, micrographs: Sequence[int] | None = None
    ) -> dict[int, int]:
        """Return the number of picks by micrograph, if it is known.

        Parameters
        ----------
        settings
            Settings to count with, by default those of the session.
        micrographs
            Numbers of some micrographs; None for all.
        """
        return self._workspace.predictor.counts(_COUNT_SECONDS, settings, micrographs)

    def uncertainties(self, micrographs: Sequence[int] | None = None) -> dict[int, float]:
        """Return the uncertainty in nats by micrograph, if it is known."""
        return self._workspace.predictor.uncertainties(micrographs)

    def contrasts(self, micrographs: Sequence[int] | None = None) -> dict[int, float]:
        """Return the local contrast that 5 % of the peaks exceed, by micrograph, where known."""
        return self._workspace.predictor.contrasts(micrographs)

    def mean_scores(self, micrographs: Sequence[int] | None = None) -> dict[int, float]:
        """Return the mean score (logit) of the picks by micrograph, if it is known."""
        return self._workspace.predictor.mean_scores(micrographs)

    def export(
        self, target: ExportTarget, *, micrograph: int | None = None, kind: int | None = None
    ) -> None:
        """Write the picks of one micrograph, or of all that have been picked.

        Parameters
        ----------
        target
            File or folder to write.
        micrograph
            Number of the micrograph; None for all.
        kind
            Number of the kind of particle; None for all.
        """
        predictor = self._workspace.predictor

        def table(progress: Progress) -> pd.DataFrame:
            picks = (
                predictor.known_picks(progress)
                if micrograph is None
                else predictor.picks(micrograph)
            )
            if kind is None:
                return picks
            # A head without kinds does not determine the kind of a pick.
            own = picks.get(KIND_COLUMN, pd.Series(0, index=picks.index))
            return picks[own == kind].reset_index(drop=True)

        self._export(target, table)

    def export_labels(self, target: ExportTarget, *, micrograph: int | None = None) -> None:
        """Write the labels of one micrograph, or of all; arguments as in `export`."""

        def table(progress: Progress) -> pd.DataFrame:
            labels = self._session.labels.table()
            if micrograph is None:
                return labels
            return labels[labels["micrograph"] == self._session.state.names[micrograph]]

        self._export(target, table)

    def follow(self, action: a.Action, change: Change | None) -> None:
        """Count again after an action of the session that affects picks of many micrographs."""
        settings = isinstance(action, a.SetSettings) and Settings.affected(action.changes)
        left_out = isinstance(action, a.AddLeftOut) or (change and change.left_out_after)
        if left_out or (settings and "picks" in settings):
            self.counts_changed.emit()
            self.load()  # peaks that are not in memory

    def _export(self, target: ExportTarget, table: Callable[[Progress], pd.DataFrame]) -> None:
        def work(progress: Progress) -> tuple[Path, int, list[str]]:
            rows = table(part_between(progress, 0.0, _READING))
            return export_table(rows, target, part_between(progress, _READING, 1.0))

        self._jobs.run(
            "export",
            work,
            lambda result: self.exported.emit(*result),
            text="Writing",
        )

    def _on_started(self, lane: str, text: str) -> None:
        if lane == "predict":
            self.predicting_changed.emit()

    def _on_progressed(self, lane: str, fraction: float) -> None:
        now = time.monotonic()
        if lane == "predict" and not self.paused and now - self._updated > _UPDATE_SECONDS:
            self._updated = now
            self.counts_changed.emit()

    def _on_finished(self, lane: str) -> None:
        if lane == "predict":  # even if cancelled: finished micrographs keep their picks
            self.paused = False
            self.predicting_changed.emit()
            self.counts_changed.emit()

"""Picks at the desk: of the shown micrograph at once, of all when asked for."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from qtpy.QtCore import QObject, Signal

from activepick._napari.io.export import Delivery, deliver
from activepick.errors import ActivepickError
from activepick.session import Settings
from activepick.session.model import actions as a
from activepick.workspace.peaks import MicrographPeaks
from activepick.workspace.round import round_ended
from activepick.workspace.workspace import Workspace

if TYPE_CHECKING:
    from activepick._napari.controller import Desk
    from activepick.scoremap.score_map import ScoreMap
    from activepick.session.model.effects import Change

__all__ = ["Doubt", "Picking", "Prediction"]

Step = Callable[[float], None]

# Counting may hold the window so long, in seconds; the rest is counted the next time.
_COUNT_SECONDS = 0.03


@dataclass(frozen=True)
class Prediction:
    """What became of picking all micrographs.

    Attributes
    ----------
    done
        How many were picked.
    errors
        By number, what was wrong with the others.
    """

    done: int
    errors: dict[int, str]


@dataclass(frozen=True)
class Doubt:
    """Something that looks wrong.

    Attributes
    ----------
    sentence
        What, for the person.
    remedy
        What a button says that puts it right.
    changes
        The settings that it changes.
    """

    sentence: str
    remedy: str
    changes: dict[str, object]


class Picking(QObject):
    """Features, head, peaks and picks.

    Attributes
    ----------
    number
        The micrograph whose features are or were worked out last; 0 when none is.
    peaks
        Of the shown micrograph; None until they are known.
    picks
        What is left of them at the present settings.
    map_wanted
        Whether the score map of the shown micrograph is to be worked out.
    errors
        By number, why micrographs could not be picked the last time.

    Signals
    -------
    picks_changed()
        Of the shown micrograph.
    counts_changed()
        Numbers of picks of other micrographs may be others.
    learnt()
        There is another head.
    predicted(prediction)
        All micrographs were picked.
    map_ready(map)
        The score map of the shown micrograph.
    exported(path, count, warnings)
        So many positions were written to a file.
    doubted(doubts)
        What looks wrong with the settings, `Doubt`; none where nothing does.
    """

    picks_changed = Signal()
    counts_changed = Signal()
    learnt = Signal()
    predicted = Signal(object)
    map_ready = Signal(object)
    exported = Signal(object, int, list)
    doubted = Signal(list)

    def __init__(self, desk: "Desk") -> None:
        super().__init__(desk)
        self._desk = desk
        self.number = 0
        self.peaks: MicrographPeaks | None = None
        self.picks: pd.DataFrame | None = None
        self.map_wanted = False
        self.errors: dict[int, str] = {}
        self._warned = False
        self._previewed: Settings | None = None
        self._asks_again = False
        desk.images.failed.connect(self._note_failure)
        desk.jobs.finished.connect(self._on_finished)

    @property
    def offered(self) -> NDArray[np.float64]:
        """Scores of what would be picked if the threshold were 0, for the histogram."""
        return self._at(threshold=0.0)["score"].to_numpy(np.float64)

    def by_contrast(self) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """Give score, contrast, and whether it is picked, of all that the threshold lets pass."""
        table = self._at(lowest_contrast=None, highest_contrast=None)
        assert self.picks is not None
        kept = set(zip(self.picks["x"], self.picks["y"], strict=True))
        is_kept = [place in kept for place in zip(table["x"], table["y"], strict=True)]
        return (
            table["score"].to_numpy(np.float64),
            table["contrast"].to_numpy(np.float64),
            np.array(is_kept, bool),
        )

    def preview(self, **changes: object) -> None:
        """Show the picks as they would be with other settings."""
        if self.peaks is not None and self._desk.session is not None:
            self._previewed = self._changed(**changes)
            self.picks = self._at(**changes)
            self.picks_changed.emit()

    def _at(self, **changes: object) -> pd.DataFrame:
        assert self.peaks is not None
        assert self._desk.session is not None
        state = self._desk.session.state
        return self.peaks.picks(replace(state, settings=self._changed(**changes)))

    def _changed(self, **changes: object) -> Settings:
        assert self._desk.session is not None
        return self._desk.session.state.settings.model_copy(update=changes)

    def open(self, number: int) -> None:
        """Work out the picks of the shown micrograph, and then of those that may come next."""
        loop = self._desk.loop
        if loop is None:
            return
        self.number = number
        stored = loop.predictor.stored_peaks(number)
        if stored is not None:
            self._show(stored)

        def work(step: Step) -> tuple[MicrographPeaks, list[Doubt]]:
            loop.open(number, step)
            loop.trainer.update()
            peaks = loop.predictor.peaks(number)
            doubts = [] if self._warned else _doubts(loop, number)
            loop.prefetch_neighbours(number)
            return peaks, doubts

        def done(result: tuple[MicrographPeaks, list[Doubt]]) -> None:
            peaks, doubts = result
            self._show(peaks)
            self._warned = True
            self.doubted.emit(doubts)
            self.learnt.emit()
            self.errors.pop(number, None)
            self._desk.micrographs_changed.emit()
            again, self._asks_again = self._asks_again, False
            self._desk.labelling.ask_on(again=again)
            self._map()
            if not loop.trainer.up_to_date:  # answers that came meanwhile
                self.learn()

        self._desk.jobs.run("features", work, done, text="Computing features")

    def learn(self) -> bool:
        """Fit the head to the labels; then there are new picks, and questions when none is left.

        Tells whether it can be done now; else it is when the features are there.
        """
        loop, number = self._desk.loop, self._desk.shown
        if loop is None or not number or not loop.ready or self._desk.jobs.busy("features"):
            return False

        def work(step: Step) -> MicrographPeaks:
            loop.trainer.update()
            peaks = loop.predictor.peaks(number)
            if round_ended(loop.session.state):
                loop.audit.end_of_round(number)
            return peaks

        def done(peaks: MicrographPeaks) -> None:
            if self._desk.shown == number:
                self._show(peaks)
                self._map()
            self.learnt.emit()
            self._desk.labelling.ask_on()

        self._desk.jobs.run("learn", work, done)
        return True

    def predict(self, then: Callable[[], None] = lambda: None) -> None:
        """Pick all micrographs that are not rejected."""
        loop = self._desk.loop
        if loop is None:
            return
        errors: dict[int, str] = {}

        def failed(number: int, error: ActivepickError) -> None:
            errors[number] = str(error)

        def work(step: Step) -> int:
            return loop.predictor.predict_all(
                lambda done, total, name: step(done / max(1, total)), failed
            )

        def done(count: int) -> None:
            self.errors = errors
            self._desk.micrographs_changed.emit()
            self.predicted.emit(Prediction(count, errors))
            then()

        self._desk.jobs.run("predict", work, done, text="Picking all micrographs")

    def unpicked(self) -> int:
        """Tell how many micrographs that are not rejected have no picks of the present head."""
        return 0 if self._desk.loop is None else len(self._desk.loop.predictor.unpicked())

    def export(self, delivery: Delivery, *, only_shown: bool) -> None:
        """Write the picks of the shown micrograph, or of all that have some."""
        loop, number = self._desk.loop, self._desk.shown
        if loop is not None:
            self._deliver(
                delivery,
                lambda: (
                    loop.predictor.picks(number) if only_shown else loop.predictor.known_picks()
                ),
            )

    def export_labels(self, delivery: Delivery, *, only_shown: bool) -> None:
        """Write the labels of the shown micrograph, or of all."""
        session, number = self._desk.session, self._desk.shown
        if session is None:
            return

        def table() -> pd.DataFrame:
            labels, name = session.labels.table(), session.state.names.get(number)
            return labels[labels["micrograph"] == name] if only_shown else labels

        self._deliver(delivery, table)

    def _deliver(self, delivery: Delivery, table: Callable[[], pd.DataFrame]) -> None:
        self._desk.jobs.run(
            "export",
            lambda step: deliver(table(), delivery, step),
            lambda done: self.exported.emit(*done),
            text="Writing",
        )

    def counts(self) -> dict[int, int]:
        """Give the number of picks of each micrograph where it is known, as they are shown."""
        loop = self._desk.loop
        return {} if loop is None else loop.predictor.counts(_COUNT_SECONDS, self._previewed)

    def uncertainties(self) -> dict[int, float]:
        """Give how unsure the model is of each micrograph, where it is known."""
        return {} if self._desk.loop is None else self._desk.loop.predictor.uncertainties()

    def want_map(self, wanted: bool) -> None:
        """Say whether the score map is seen."""
        self.map_wanted = wanted
        self._map()

    def use_head(self, path: Path) -> None:
        """Go on from a head that was saved."""
        loop = self._desk.loop
        if loop is not None:
            self._desk.jobs.run("head", lambda step: loop.trainer.use_head(path), self._reopen)

    def reset_head(self) -> None:
        """Go back to the pretrained network; labels stay."""
        loop = self._desk.loop
        if loop is not None:
            self._desk.jobs.run("head", lambda step: loop.trainer.reset_head(), self._reopen)

    def follow(self, action: a.Action, change: "Change | None") -> None:
        """Take notice of what was done to the session."""
        session = self._desk.session
        if session is None:
            return
        if isinstance(action, a.SetSettings):
            affected = Settings.affected(action.changes)
            if "picks" in affected:
                self._curate()
                self.counts_changed.emit()
                self.load_all()
            if "features" in affected:
                # Questions about other particles are put anew, unless somebody answers them.
                self._asks_again = True
                self._reopen()
            elif "head" in affected:
                self.learn()
        elif change is not None:
            learns = session.state.settings.live_refit or not session.state.questions
            if not (learns and self.learn()):
                self._curate()  # else there are other picks in a moment

    def clear_shown(self) -> None:
        """Forget the picks of the micrograph that was shown."""
        self.number = 0
        self.peaks = self.picks = None
        self.picks_changed.emit()

    def load_all(self) -> None:
        """Read what was picked the last time."""
        loop = self._desk.loop
        if loop is not None:
            self._desk.jobs.run(
                "peaks", loop.predictor.load_peaks, lambda result: self.counts_changed.emit()
            )

    def clear(self) -> None:
        """Let go of the session."""
        self._warned = False
        self.errors = {}
        self.clear_shown()
        self.counts_changed.emit()

    def _reopen(self, result: object = None) -> None:
        if self.number:
            self.open(self.number)

    def _show(self, peaks: MicrographPeaks) -> None:
        if peaks.micrograph == self._desk.shown:
            self.peaks = peaks
            self._curate()

    def _note_failure(self, number: int, sentence: str) -> None:
        self.errors[number] = sentence
        self._desk.micrographs_changed.emit()

    def _on_finished(self, lane: str) -> None:
        if lane == "predict":  # also when it was stopped: what is picked stays
            self.counts_changed.emit()

    def _curate(self) -> None:
        self._previewed = None
        if self.peaks is not None and self._desk.session is not None:
            self.picks = self.peaks.picks(self._desk.session.state)
            self.picks_changed.emit()

    def _map(self) -> None:
        loop, number = self._desk.loop, self._desk.shown
        if not self.map_wanted or loop is None or not loop.ready or not number:
            return

        def done(map: "ScoreMap") -> None:
            if self._desk.shown == number:
                self.map_ready.emit(map)

        self._desk.jobs.run("map", lambda step: loop.predictor.score_map(number), done)


def _doubts(loop: Workspace, number: int) -> list[Doubt]:
    found = []
    for warning in loop.check_settings(number):
        remedy = "Use the headers'"
        if "inverted" in warning.changes:
            remedy = "They are bright" if warning.changes["inverted"] else "They are dark"
        found.append(Doubt(warning.message, remedy, warning.changes))
    return found

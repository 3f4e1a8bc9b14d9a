"""Compute head, peaks and picks of the shown micrograph."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from qtpy.QtCore import QObject, Signal

from activepick._napari.display_images import DisplayImages
from activepick._napari.session_access import SessionAccess
from activepick.progress import Progress
from activepick.scoremap.score_map import ScoreMap
from activepick.session import Settings
from activepick.session.model import actions as a
from activepick.session.model.effects import Change
from activepick.workspace.peaks import MicrographPeaks
from activepick.workspace.round import round_ended
from activepick.workspace.workspace import SettingsWarning, Workspace

__all__ = ["ShownPicks"]


class ShownPicks(QObject):
    """Compute features, head, peaks and picks of the shown micrograph in the background.

    Parameters
    ----------
    access
        The session. Its workspace computes features, heads and peaks.
    images
        Images of the shown micrograph.

    Attributes
    ----------
    micrograph
        Number of the micrograph whose features were requested last; 0 for none.
    peaks
        Peaks of the shown micrograph; None until they are known.
    picks
        Picks of the shown micrograph at the current or previewed settings; None until they are
        known and the micrograph is displayed.
    previewed
        Settings that are being previewed; None if there is no preview.

    Signals
    -------
    changed()
        The picks of the shown micrograph changed.
    head_changed()
        There is a new head.
    opened(number)
        Features and picks of a micrograph are available.
    questions_needed(replace)
        Questions can be asked; with `replace`, they also replace a round without answers.
    map_ready(score_map)
        The score map of the shown micrograph was computed.
    notified(severity, text)
        There is a message for the user.
    warned(warnings)
        Settings were checked; lists `activepick.workspace.workspace.SettingsWarning`.
    """

    changed = Signal()
    head_changed = Signal()
    opened = Signal(int)
    questions_needed = Signal(bool)
    map_ready = Signal(object)
    notified = Signal(str, str)
    _found_first = Signal(object)
    warned = Signal(list)

    def __init__(
        self, access: SessionAccess, images: DisplayImages, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._session, self._workspace = access.session, access.workspace
        self._images, self._jobs = images, access.jobs
        self.micrograph = 0
        self.peaks: MicrographPeaks | None = None
        self.picks: pd.DataFrame | None = None
        self.previewed: Settings | None = None
        self._map_visible = False
        self._checked = False
        self._replaces_questions = False
        # Emitted in the thread that computes.
        self._found_first.connect(self._set_peaks)
        images.ready.connect(self._show_waiting)
        self._workspace.stage_changed.connect(self._describe)

    def close(self) -> None:
        """Disconnect from the workspace."""
        self._workspace.stage_changed.disconnect(self._describe, missing_ok=True)

    def show_stored(self, number: int) -> None:
        """Show the stored picks of the shown micrograph if there are any."""
        stored = self._workspace.predictor.stored_peaks(number)
        if stored is not None:
            self._set_peaks(stored)

    def open(self, number: int) -> None:
        """Compute features and picks of the shown micrograph, then prefetch its neighbours."""
        self.micrograph = number
        self._jobs.run(
            "features",
            lambda progress: self._open(number, progress),
            self._finish_opening,
            text="Preparing",
        )

    def reopen(self) -> None:
        """Compute features and picks again after settings changed."""
        if self.micrograph:
            self.show_stored(self.micrograph)
            self.open(self.micrograph)

    def clear(self) -> None:
        """Discard the picks because another micrograph is shown."""
        self.micrograph = 0
        self.peaks = self.picks = None
        self.changed.emit()

    def learn(self) -> bool:
        """Fit the head to the labels and update the picks.

        Returns
        -------
        bool
            Whether this is possible now; otherwise it is done when the features are available.
        """
        shown, workspace = self._images.shown, self._workspace
        if not shown or not workspace.ready or self._jobs.busy("features"):
            return False

        def work(progress: Progress) -> MicrographPeaks:
            workspace.trainer.update()
            peaks = workspace.predictor.peaks(shown)
            if round_ended(self._session.state):
                workspace.audit.end_of_round(shown)
            return peaks

        def done(peaks: MicrographPeaks) -> None:
            self._set_peaks(peaks)
            self._compute_map()
            self.head_changed.emit()
            self.questions_needed.emit(False)

        self._jobs.run("learn", work, done)
        return True

    def preview(self, **changes: object) -> None:
        """Show the picks at changed settings without changing the session."""
        if self.peaks is not None:
            self.previewed = self._session.state.settings.model_copy(update=changes)
            self.picks = self._select()
            self.changed.emit()

    def end_preview(self) -> None:
        """Show the picks at the settings of the session again if there is a preview."""
        if self.previewed is not None:
            self._update()

    def scores(self) -> NDArray[np.float64]:
        """Return the scores (n,) of all peaks that would be picks at threshold 0."""
        return np.asarray(self._select(threshold=0.0)["score"], np.float64)

    def by_contrast(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
        """Return the peaks above the threshold, whatever their contrast.

        Returns
        -------
        scores, contrast
            Logits (n,) and local contrasts (n,).
        kept
            Whether each is within the limits of the contrast, (n,).
        """
        table = self._select(lowest_contrast=None, highest_contrast=None)
        assert self.picks is not None
        kept = set(zip(self.picks["x"], self.picks["y"], strict=True))
        is_kept = [position in kept for position in zip(table["x"], table["y"], strict=True)]
        return (
            np.asarray(table["score"], np.float64),
            np.asarray(table["contrast"], np.float64),
            np.array(is_kept, bool),
        )

    def set_map_visible(self, visible: bool) -> None:
        """Compute the score map of the shown micrograph whenever it changes, while visible."""
        self._map_visible = visible
        self._compute_map()

    def use_head(self, path: Path) -> None:
        """Start from a saved head; labels are kept and used to refine it."""
        self._jobs.run(
            "head",
            lambda progress: self._workspace.trainer.use_head(path),
            lambda head: self._begin_with_head(),
        )

    def reset_head(self) -> None:
        """Start from the pretrained network again; labels are kept."""
        self._jobs.run(
            "head",
            lambda progress: self._workspace.trainer.reset_head(),
            lambda head: self.reopen(),
        )

    def _begin_with_head(self) -> None:
        for notice in self._workspace.notices:
            self.notified.emit("warning", notice)
        self._workspace.notices.clear()
        self.reopen()

    def follow(self, action: a.Action, change: Change | None) -> None:
        """Update the picks after an action of the session."""
        if isinstance(action, a.AddLeftOut):
            self._update()
        elif isinstance(action, a.SetSettings):
            affected = Settings.affected(action.changes)
            if "picks" in affected:
                self._update()
            if "features" in affected:
                # Open questions no longer apply, unless some were answered.
                self._replaces_questions = True
                self.reopen()
            elif "head" in affected or "kinds" in action.changes:
                self.learn()
        elif change is not None and not change.status_after:
            # Labels are applied to picks at once; the new head follows.
            self._update()
            state = self._session.state
            if state.settings.live_refit or not state.questions:
                self.learn()

    def _open(
        self, number: int, progress: Progress
    ) -> tuple[MicrographPeaks, list[SettingsWarning]]:
        workspace = self._workspace
        if self.peaks is None:
            for first in _first_looks(workspace, number, progress, self._found_first.emit):
                self._found_first.emit(first)
        workspace.open(number, progress)
        workspace.trainer.update()
        peaks = workspace.predictor.peaks(number)
        warnings = [] if self._checked else workspace.check_settings(number)
        workspace.prefetch_neighbours(number)
        return peaks, warnings

    def _finish_opening(self, result: tuple[MicrographPeaks, list[SettingsWarning]]) -> None:
        peaks, warnings = result
        self._set_peaks(peaks)
        self._checked = True
        self.warned.emit(warnings)
        self.head_changed.emit()
        self.opened.emit(peaks.micrograph)
        replace_questions, self._replaces_questions = self._replaces_questions, False
        self.questions_needed.emit(replace_questions)
        self._compute_map()
        if not self._workspace.trainer.up_to_date:  # labels that were added in the meantime
            self.learn()

    def _describe(self, text: str) -> None:
        self._jobs.describe("features", text)

    def _set_peaks(self, peaks: MicrographPeaks) -> None:
        if peaks.micrograph == self._images.shown:
            self.peaks = peaks
            if self._images.is_current:
                self._update()

    def _show_waiting(self) -> None:
        """Show picks that were found before the image could be displayed."""
        if self.picks is None:
            self._update()

    def _update(self) -> None:
        self.previewed = None
        if self.peaks is not None:
            self.picks = self._select()
            self.changed.emit()

    def _select(self, **changes: object) -> pd.DataFrame:
        assert self.peaks is not None
        state = self._session.state
        settings = self.previewed or state.settings
        return self.peaks.picks(state.with_(settings=settings.model_copy(update=changes)))

    def _compute_map(self) -> None:
        shown = self._images.shown
        if not self._map_visible or not self._workspace.ready or self.micrograph != shown:
            return

        def done(score_map: ScoreMap) -> None:
            if self._images.shown == shown:
                self.map_ready.emit(score_map)

        self._jobs.run("map", lambda progress: self._workspace.predictor.score_map(shown), done)


def _first_looks(
    workspace: Workspace,
    number: int,
    progress: Progress,
    on_part: Callable[[MicrographPeaks], None],
) -> Iterator[MicrographPeaks]:
    """Yield the peaks of a micrograph as soon as there are any, each time more accurate; slow.

    Before that, `on_part` is called with those of a part of a large micrograph.
    """
    first = workspace.likely_peaks(number, progress, on_part)
    if first is None:
        first = workspace.first_peaks(number, progress, on_part, one_orientation=True)
    if first is not None:
        yield first
    better = workspace.first_peaks(number, progress)
    if better is not None:
        yield better

"""Dock for all micrographs of the session: scores and contrast, a table, and plots over time."""

import numpy as np
from qtpy.QtWidgets import QTabWidget, QVBoxLayout, QWidget

from activepick._napari.open_session import OpenSession
from activepick._napari.row_updates import RowUpdates
from activepick._napari.sections.setting_bindings import SettingBindings
from activepick._napari.session_listener import SessionListener
from activepick._napari.views.contrast_plot import ContrastPlot
from activepick._napari.views.micrograph_table import MicrographTable
from activepick._napari.views.time_plot import TimePlot
from activepick._napari.views.wrapped_label import WrappedLabel
from activepick.wording import counted
from activepick.workspace.predictor import Candidates

__all__ = ["DatasetView"]

_PLOT_HEIGHT = 70


class DatasetView(QWidget, SessionListener):
    """Show the picks of all micrographs, and set their limits.

    It is updated while it is visible.
    """

    def __init__(self) -> None:
        super().__init__()
        self._bindings = SettingBindings()
        self.plot = ContrastPlot(with_threshold=True, height=_PLOT_HEIGHT)
        self.table = MicrographTable(wide=True)
        self._updates = RowUpdates(self.table, self)
        self.course = TimePlot()
        self._summary = WrappedLabel()
        self._bindings.bind(
            ("threshold",),
            self.plot.set_threshold,
            self.plot.threshold_chosen,
            self.plot.threshold_changed,
        )
        self._bindings.bind(
            ("lowest_contrast", "highest_contrast"),
            self.plot.set_range,
            self.plot.range_chosen,
            self.plot.range_changed,
        )
        self.table.opened.connect(lambda number: self.call(lambda session: session.show(number)))
        self.table.rejected.connect(
            lambda number, rejected: self.call(
                lambda session: session.set_rejected(number, rejected)
            )
        )
        scores = QWidget()
        column = QVBoxLayout(scores)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.plot, stretch=1)
        column.addWidget(self._summary)
        self.tabs = QTabWidget()
        self.tabs.addTab(scores, "Scores and contrast")
        self.tabs.addTab(self.table, "Micrographs")
        self.tabs.addTab(self.course, "Over time")
        self.tabs.currentChanged.connect(lambda index: self.refresh())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.addWidget(self.tabs)

    def show_session(self, session: OpenSession) -> None:
        """Show the micrographs of a session."""
        self.clear()
        self._bindings.set_session(session)
        self.update_after(
            session,
            self._show_if_visible,
            session.dataset.counts_changed,
            session.micrographs_changed,
            session.picks.changed,
            session.labelling.labels_changed,
        )
        session.shown_changed.connect(self.with_session(self._mark_shown))

    def clear(self) -> None:
        """Show nothing."""
        self._bindings.set_session(None)
        self._updates.clear()
        self.table.set_rows([])
        self.plot.set_points([], [], [])
        self.course.set_points([], [], [])
        self._summary.clear()

    def refresh(self) -> None:
        """Show the current state."""
        self.call(self._show_if_visible)

    def _show_if_visible(self, session: OpenSession) -> None:
        if not self.isVisible():
            return
        shown = self.tabs.currentWidget()
        if shown is self.table:
            self._updates.update(session)
            self._mark_shown(session)
        elif shown is self.course:
            self._show_course(session)
        else:
            self._read_candidates(session)

    def _mark_shown(self, session: OpenSession) -> None:
        self.table.set_current(session.shown or None)

    def _show_course(self, session: OpenSession) -> None:
        counts, means = session.counts(), session.dataset.mean_scores()
        numbers = list(session.state.micrographs)
        self.course.set_points(
            numbers,
            [counts.get(number, np.nan) for number in numbers],
            [means.get(number, np.nan) for number in numbers],
        )

    def _read_candidates(self, session: OpenSession) -> None:
        if session.picks.previewed is not None:
            return  # the limits are being dragged; the candidates do not change

        def done(found: Candidates) -> None:
            rules = session.settings.rules
            kept = found.score >= rules.lowest_scores(found.kind)
            if rules.lowest_contrast is not None:
                kept &= found.contrast >= rules.lowest_contrast
            if rules.highest_contrast is not None:
                kept &= found.contrast <= rules.highest_contrast
            self.plot.set_points(found.score, found.contrast, kept)
            total = sum(session.counts().values())
            self._summary.setText(
                f"{counted(total, 'pick', spec=',')}, with labels and excluded areas, on "
                f"{counted(found.micrographs, 'micrograph', spec=',')}. "
                "Drag the limits; they apply to all micrographs."
            )

        session.jobs.run(
            "candidates",
            session.workspace.predictor.candidates,
            done,
        )

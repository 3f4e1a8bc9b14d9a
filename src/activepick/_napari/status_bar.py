"""Status bar of the widget: background jobs, and whether all actions are saved."""

from qtpy.QtCore import QUrl
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from activepick._napari.jobs import Jobs
from activepick._napari.open_session import OpenSession
from activepick._napari.sections.section import button
from activepick._napari.session_listener import SessionListener
from activepick._napari.views.busy_bar import BusyBar
from activepick._napari.views.wrapped_label import WrappedLabel
from activepick.log import log_file
from activepick.session import Session

__all__ = ["StatusBar"]

# Texts of a session without problems; they are shortened while a job needs the space.
_ALL_SAVED, _SAVING = "✓ all saved", "saving …"
_SHORT = {_ALL_SAVED: "✓", _SAVING: "…"}


class StatusBar(QWidget, SessionListener):
    """Show the progress of jobs, and whether the actions of the session are on disk.

    Parameters
    ----------
    jobs
        Background jobs of the window.
    """

    def __init__(self, jobs: Jobs) -> None:
        super().__init__()
        self._jobs = jobs
        # Texts of the running jobs by lane; the job that started last is shown.
        self._running: dict[str, str] = {}
        self._busy = BusyBar()
        self._busy.cancelled.connect(self.cancel_jobs)
        self._saved = WrappedLabel()
        self._log = button("Log", _open_log, "Open the log file")
        self._log.setFlat(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self._line = QHBoxLayout()
        self._line.addWidget(self._saved)
        self._line.addWidget(self._busy, 2)
        self._line.addWidget(self._log)
        layout.addLayout(self._line)
        jobs.started.connect(self._on_started)
        jobs.progressed.connect(self._on_progressed)
        jobs.finished.connect(self._on_finished)
        jobs.described.connect(self._on_described)

    def show_session(self, session: OpenSession) -> None:
        """Show whether the actions of a session are on disk."""
        self.update_after(session, self._show_saved, session.saved)
        self._show_saved(session)

    def clear(self) -> None:
        """Show no session."""
        self._saved.clear()
        self._line.setStretchFactor(self._saved, 0)

    def cancel_jobs(self) -> None:
        """Cancel all jobs that are shown."""
        for lane in self._running:
            self._jobs.cancel(lane)
        if self._running:
            self._busy.set_busy("Stopping …")

    def _show_saved(self, session: OpenSession) -> None:
        text = _saved_text(session.session)
        short = _SHORT.get(text) if self._running else None
        self._line.setStretchFactor(self._saved, 1 if short is None else 0)
        self._saved.setText(short or text)
        self._saved.setToolTip(text)

    def _on_started(self, lane: str, text: str) -> None:
        self._running[lane] = text
        self._log.hide()  # the text needs the space
        self._busy.set_busy(text)
        self.call(self._show_saved)

    def _on_progressed(self, lane: str, fraction: float) -> None:
        if self._running and lane == list(self._running)[-1]:
            session = self._session
            paused = lane == "predict" and session is not None and session.dataset.paused
            self._busy.set_paused(paused)
            self._busy.set_busy(self._running[lane], fraction)

    def _on_described(self, lane: str, text: str) -> None:
        if lane in self._running:
            self._running[lane] = text
            if lane == list(self._running)[-1]:
                self._busy.set_text(text)

    def _on_finished(self, lane: str) -> None:
        self._running.pop(lane, None)
        if self._running:
            self._busy.set_busy(list(self._running.values())[-1])
        else:
            self._log.show()
            self._busy.set_idle()
            self.call(self._show_saved)


def _saved_text(session: Session) -> str:
    if session.failure:
        return f"⚠ not saved: {session.failure}"
    if session.read_only:
        return "read-only"
    return _SAVING if len(session.pending) else _ALL_SAVED


def _open_log() -> None:
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(log_file())))

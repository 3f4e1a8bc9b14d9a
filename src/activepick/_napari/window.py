"""napari's window with the widget docked in it, as `activepick gui` opens it."""

import logging
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from napari.qt import run
from napari.utils.notifications import (
    ErrorNotification,
    Notification,
    NotificationSeverity,
    notification_manager,
)
from napari.viewer import Viewer
from qtpy.QtGui import QGuiApplication

from activepick.errors import ActivepickError
from activepick.log import start_log

if TYPE_CHECKING:
    from activepick._napari.widget import ActivePickWidget

__all__ = ["dock_widget", "log_notifications", "open_window", "run_window"]

_LEVELS = {
    NotificationSeverity.ERROR: logging.ERROR,
    NotificationSeverity.WARNING: logging.WARNING,
    NotificationSeverity.INFO: logging.INFO,
}
# Width and height: the image has to be larger than what is beside it.
_SIZE = (1400, 900)
_log = logging.getLogger(__name__)


def open_window(paths: Sequence[Path] = (), *, sample: bool = False) -> Viewer:
    """Open the window.

    Parameters
    ----------
    paths
        What the widget opens: a folder of micrographs, a session, or files; none for nothing.
    sample
        Open a session of simulated micrographs, which are made in the background the first time.
    """
    start_log()
    log_notifications()
    made = _make_sample() if sample else None
    viewer = Viewer(title="activepick")
    _make_room(viewer)
    widget = dock_widget(viewer)
    if made is not None:
        widget.desk.jobs.run(
            "open",
            lambda step: made(),
            widget.open_path,
            text="Simulating micrographs to try it out",
        )
    elif paths:
        widget.open_paths(list(paths))
    return viewer


def run_window(paths: Sequence[Path] = (), *, sample: bool = False) -> None:
    """Open the window and wait until it is closed; see `open_window`."""
    open_window(paths, sample=sample)
    run()


def dock_widget(viewer: Viewer) -> "ActivePickWidget":
    """Give the widget of a window, docked as from the plugin menu if it is not there yet."""
    _, widget = viewer.window.add_plugin_dock_widget("napari-activepick", "activepick")
    return widget


def _make_sample() -> Callable[[], Path]:
    """Begin to make the sample, and give what waits for its session.

    It takes as long as the window, and is made in a process, as two threads that compute hinder
    each other.
    """
    from activepick.sample import sample_session

    process = subprocess.Popen([sys.executable, "-P", "-m", "activepick.sample"])

    def wait() -> Path:
        process.wait()
        return sample_session()  # made already, or it says why it cannot be

    return wait


def _make_room(viewer: Viewer) -> None:
    """Make the window as large as the widget beside an image needs, if the screen is."""
    left, top, width, height = viewer.window.geometry()
    screen = QGuiApplication.primaryScreen().availableGeometry()
    wider, higher = (
        max(now, min(wanted, most))
        for now, wanted, most in zip(
            (width, height), _SIZE, (screen.width(), screen.height()), strict=True
        )
    )
    if (wider, higher) != (width, height):
        left = max(screen.left(), min(left, screen.right() + 1 - wider))
        top = max(screen.top(), min(top, screen.bottom() + 1 - higher))
        viewer.window.set_geometry(left, top, wider, higher)


def log_notifications() -> None:
    """Write to the log what napari tells, errors that nobody caught with their traceback.

    All of these come by here while a window is open, whichever thread they are from.
    """
    notification_manager.notification_ready.connect(_note)


def _note(notification: Notification) -> None:
    error = notification.exception if isinstance(notification, ErrorNotification) else None
    _log.log(
        _LEVELS.get(notification.severity, logging.DEBUG),
        "%s",
        notification.message,
        exc_info=None if isinstance(error, ActivepickError) else error,
    )

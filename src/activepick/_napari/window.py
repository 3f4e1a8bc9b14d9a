"""napari's window with the widget docked in it, as `activepick gui` opens it."""

import logging
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
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
    if not sample:
        viewer = Viewer(title="activepick")
        widget = dock_widget(viewer)
        if paths:
            widget.open_paths(list(paths))
        return viewer
    from activepick.sample import sample_session

    # Begun before the window, which takes as long to open, and in a process, as two threads that
    # compute hinder each other.
    beside = ProcessPoolExecutor(1, get_context("spawn"))
    session = beside.submit(sample_session)
    beside.shutdown(wait=False)
    viewer = Viewer(title="activepick")
    widget = dock_widget(viewer)
    widget.desk.jobs.run(
        "open",
        lambda step: session.result(),
        widget.open_path,
        text="Simulating micrographs to try it out",
    )
    return viewer


def run_window(paths: Sequence[Path] = (), *, sample: bool = False) -> None:
    """Open the window and wait until it is closed; see `open_window`."""
    open_window(paths, sample=sample)
    run()


def dock_widget(viewer: Viewer) -> "ActivePickWidget":
    """Give the widget of a window, docked as from the plugin menu if it is not there yet."""
    _, widget = viewer.window.add_plugin_dock_widget("napari-activepick", "activepick")
    return widget


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

"""napari's window with the widget docked in it, as opened by `activepick gui`."""

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from napari.qt import run
from napari.viewer import Viewer
from qtpy.QtGui import QGuiApplication

from activepick._napari.notifications import log_notifications
from activepick._napari.widget import ActivePickWidget
from activepick.log import start_log

__all__ = ["dock_widget", "open_window", "run_window"]

# Minimum width and height: the image should be wider than the widget beside it.
_SIZE = (1400, 900)


def open_window(
    paths: Sequence[Path] = (), *, sample: bool = False, watched: Path | None = None
) -> Viewer:
    """Open the window.

    Parameters
    ----------
    paths
        Paths that the widget opens: a folder of micrographs, a session, or files; may be empty.
    sample
        Whether to open a session of simulated micrographs, which are simulated in the background
        the first time.
    watched
        Folder to open and to watch for new micrographs.
    """
    start_log()
    log_notifications(own_window=True)
    wait_for_sample = _start_sample() if sample else None
    viewer = Viewer(title="activepick")
    _fit_to_screen(viewer)
    widget = dock_widget(viewer)
    controller = widget.controller
    if watched is not None:
        widget.watch(watched)
    elif wait_for_sample is not None:
        controller.jobs.run(
            "open",
            lambda progress: wait_for_sample(),
            lambda folder: controller.open_paths([folder]),
            text="Simulating sample micrographs",
        )
    elif paths:
        controller.open_paths(paths)
    return viewer


def run_window(
    paths: Sequence[Path] = (), *, sample: bool = False, watched: Path | None = None
) -> None:
    """Open the window and wait until it is closed; see `open_window`."""
    open_window(paths, sample=sample, watched=watched)
    run()


def dock_widget(viewer: Viewer) -> ActivePickWidget:
    """Return the widget of a window; it is docked as from the plugin menu if necessary."""
    _, widget = viewer.window.add_plugin_dock_widget("napari-activepick", "activepick")
    assert isinstance(widget, ActivePickWidget)
    return widget


def _start_sample() -> Callable[[], Path]:
    """Start the simulation of the sample, and return a function that waits for its session.

    The simulation takes as long as opening the window. It runs in its own process, since two
    threads that compute would slow each other down.
    """
    from activepick.sample import sample_session

    process = subprocess.Popen([sys.executable, "-P", "-m", "activepick.sample"])

    def wait() -> Path:
        process.wait()
        return sample_session()  # exists by now; otherwise this raises the error

    return wait


def _fit_to_screen(viewer: Viewer) -> None:
    """Make the window at least as large as `_SIZE`, but no larger than the screen.

    napari restores the last size, which may be that on a larger screen.
    """
    screen = QGuiApplication.primaryScreen()
    if screen is None:
        return
    left, top, width, height = viewer.window.geometry()
    available = screen.availableGeometry()
    wider, higher = (
        min(max(now, wanted), most)
        for now, wanted, most in zip(
            (width, height), _SIZE, (available.width(), available.height()), strict=True
        )
    )
    if (wider, higher) != (width, height):
        left = max(available.left(), min(left, available.right() + 1 - wider))
        top = max(available.top(), min(top, available.bottom() + 1 - higher))
        viewer.window.set_geometry(left, top, wider, higher)

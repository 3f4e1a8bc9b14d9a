import logging
import sys
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest
from napari.utils.notifications import notification_manager
from needed_screen import needs_screen

from activepick._napari import notifications, window
from activepick.errors import MicrographError
from activepick.formats import read_table
from activepick.log import start_log
from activepick.micrograph.guard import MicrographWarning

NAME = "napari-activepick"


@pytest.fixture
def log(tmp_path):
    logger = logging.getLogger("activepick")
    before, level = list(logger.handlers), logger.level
    file = start_log(tmp_path / "window.log")
    notifications.log_notifications()
    notifications.log_notifications()  # a second window
    yield file
    notification_manager.notification_ready.disconnect(notifications._LOG.write)
    for handler in set(logger.handlers) - set(before):
        logger.removeHandler(handler)
        handler.close()
    logger.setLevel(level)


def test_errors_of_any_thread_are_in_the_log(log):
    def work():
        raise KeyError("the worker's own mistake")

    with notification_manager:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        notification_manager.receive_error(MicrographError, MicrographError("a.mrc is damaged"))
        notification_manager.receive_info("all is well")
    text = log.read_text()
    assert text.count("Traceback") == 1
    assert text.count('KeyError: "the worker\'s own mistake"') == 1
    assert "in work" in text
    assert text.count("a.mrc is damaged") == 1
    assert "INFO activepick._napari.notifications [MainThread] all is well" in text


def test_warnings_of_libraries_are_only_logged(log, monkeypatch):
    told = []
    monkeypatch.setattr(notifications._LOG, "own_window", False)
    notification_manager.notification_ready.connect(told.append)
    ours = MicrographWarning("it has 8 bits", file=Path("a.mrc"))
    # The package calls a library, which warns.
    call = {"__name__": "activepick.features.some_module", "warnings": warnings}
    try:
        with warnings.catch_warnings(), notification_manager:
            warnings.simplefilter("always")
            exec('warnings.warn("this argument will go", FutureWarning)', call)
            warnings.warn("of another plugin", RuntimeWarning, stacklevel=1)
            warnings.warn(ours, stacklevel=1)
            notification_manager.receive_info("all is well")
            notifications.log_notifications(own_window=True)
            warnings.warn("of any library", RuntimeWarning, stacklevel=1)
    finally:
        notification_manager.notification_ready.disconnect(told.append)
    assert [one.message for one in told] == [
        "of another plugin",
        "a.mrc: it has 8 bits",
        "all is well",
    ]
    text = log.read_text()
    assert text.count("this argument will go") == text.count("of any library") == 1


@needs_screen
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the folders cannot be moved")
def test_the_sample_opens_in_the_widget(make_napari_viewer, qtbot, cache, tmp_path, monkeypatch):
    for kind in ("CONFIG", "DATA", "STATE"):
        monkeypatch.setenv(f"XDG_{kind}_HOME", str(tmp_path))
    viewer = make_napari_viewer()
    viewer.open_sample(NAME, "simulated-session")
    widget = window.dock_widget(viewer)
    assert widget is window.dock_widget(viewer)
    try:
        qtbot.waitUntil(lambda: "micrograph" in viewer.layers, timeout=60_000)
        assert widget.controller.open_session.session.folder.is_relative_to(tmp_path)
        image = viewer.layers["micrograph"]
        truth = viewer.layers["true particles of micrograph_001.mrc"]
        assert not truth.visible
        np.testing.assert_allclose(truth.data_to_world((9, 7)), image.data_to_world((9, 7)))
    finally:
        widget.close_session()


@needs_screen
def test_tables_can_be_dropped_on_the_micrograph_of_the_widget(
    open_widget, qtbot, micrographs: Path, simulated: Path
):
    widget = open_widget()
    viewer = widget._viewer
    widget.open_path(micrographs)
    qtbot.waitUntil(lambda: "micrograph" in viewer.layers, timeout=60_000)
    viewer.window._qt_viewer._qt_open([str(simulated / "truth.star")], stack=False)
    truth = read_table(simulated / "truth.star")
    truth = truth[truth["micrograph"] == "micrograph_001.mrc"]
    np.testing.assert_allclose(viewer.layers["truth.star"].data, truth[["y", "x"]])
    image, table = viewer.layers["micrograph"], viewer.layers["truth.star"]
    np.testing.assert_allclose(table.data_to_world((9, 7)), image.data_to_world((9, 7)))

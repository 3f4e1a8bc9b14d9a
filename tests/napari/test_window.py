import os
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
from napari.utils.notifications import notification_manager

pytest.importorskip("qtpy.QtWidgets", exc_type=ImportError)

from qtpy.QtWidgets import QApplication, QDialog

from activepick._napari import notifications
from activepick.formats import read_table, write_table

pytestmark = pytest.mark.skipif(
    sys.platform.startswith("linux") and not os.environ.get("DISPLAY"),
    reason="a window needs a screen: run it under xvfb-run",
)


def test_a_micrograph_is_shown_with_row_0_at_the_top(make_napari_viewer, micrograph_file):
    viewer = make_napari_viewer(show=True)
    (layer,) = viewer.open(str(micrograph_file), plugin="napari-activepick")
    assert layer.data.shape == (96, 160)
    np.testing.assert_allclose(layer.scale, 1.5)
    shown = viewer.screenshot(canvas_only=True, flash=False)[..., :3].mean(axis=2)
    height, width = shown.shape
    # The image's first rows and columns, the bright ones, are at the top left of the window.
    rows, columns = np.nonzero(shown > 0.9 * shown.max())
    assert rows.mean() < height / 2
    assert columns.mean() < width / 2
    assert shown[height // 2, width // 2] < 0.5 * shown.max()


def drop(viewer, *paths):
    """Open files as if they were dropped onto the window."""
    viewer.window._qt_viewer._qt_open([str(path) for path in paths], stack=False)


def test_dropped_picks_are_shown_on_their_micrograph_and_can_be_saved(
    make_napari_viewer, micrograph_file, tmp_path
):
    picks = pd.DataFrame({"micrograph": "a/grid_07.mrc", "x": [12.5, 100], "y": [3, 50.25]})
    others = picks.assign(micrograph="a/grid_08.mrc")
    table = pd.concat([picks, others]).assign(score=[1.0, 2, 3, 4])
    write_table(table, tmp_path / "picks.star")
    viewer = make_napari_viewer()
    drop(viewer, micrograph_file, tmp_path / "picks.star")
    image, layer = viewer.layers
    for position in layer.data:
        np.testing.assert_allclose(layer.data_to_world(position), image.data_to_world(position))
    layer.add((20, 30))
    layer.save(str(tmp_path / "new.star"), plugin="napari-activepick")
    saved = read_table(tmp_path / "new.star")
    np.testing.assert_allclose(saved[["x", "y"]], [(12.5, 3), (100, 50.25), (30, 20)])
    np.testing.assert_allclose(saved["score"], [1, 2, np.nan])
    assert set(saved["micrograph"]) == {"a/grid_07.mrc"}


@pytest.mark.parametrize("last", [(0, 0, 5000, 4000), (900, 700, 300, 200)])
def test_the_window_fits_on_the_screen_whatever_its_last_size(make_napari_viewer, last):
    from qtpy.QtCore import QRect
    from qtpy.QtGui import QGuiApplication

    from activepick._napari.window import _fit_to_screen

    viewer = make_napari_viewer()
    viewer.window.set_geometry(*last)
    _fit_to_screen(viewer)
    screen, shown = QGuiApplication.primaryScreen().availableGeometry(), viewer.window.geometry()
    assert screen.contains(QRect(*shown))
    wanted = max(last[2], 1400), max(last[3], 900)
    assert shown[2:] == (min(screen.width(), wanted[0]), min(screen.height(), wanted[1]))


def test_an_unreadable_file_is_reported_by_the_plugin(make_napari_viewer, tmp_path):
    (tmp_path / "cut.star").write_text("data_particles\nloop_\n")
    viewer = make_napari_viewer()
    drop(viewer, tmp_path / "cut.star")
    assert not viewer.layers
    message = notification_manager.records[-1].message
    assert message.startswith(str(tmp_path / "cut.star"))
    assert "truncated" in message


def test_warnings_of_libraries_are_not_shown(make_napari_viewer, monkeypatch):
    viewer = make_napari_viewer(show=True)
    monkeypatch.setattr(notifications._LOG, "own_window", False)
    notifications.log_notifications(own_window=True)
    with warnings.catch_warnings(), notification_manager:
        warnings.simplefilter("always")
        warnings.warn("this argument will go", FutureWarning, stacklevel=1)
        notifications.record_message("info", "shown by the widget")
        notification_manager.receive_info("shown by napari")
    QApplication.processEvents()
    dialogs = viewer.window._qt_viewer.canvas.native.findChildren(QDialog)
    shown = [one.message.text() for one in dialogs if hasattr(one, "message")]
    assert shown == ["shown by napari"]

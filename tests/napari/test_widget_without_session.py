"""The widget in its window, without a session and its computations."""

from pathlib import Path

import numpy as np
import pandas as pd
from needed_screen import needs_screen
from qtpy.QtCore import QPoint, Qt, QTimer
from qtpy.QtGui import QAction
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QFileDialog, QLabel, QScrollArea, QVBoxLayout, QWidget

from activepick._napari.display_images import DisplayedMicrograph
from activepick._napari.views.reveal import Revealer
from activepick.formats import read_table
from activepick.micrograph.display import DisplayImage

pytestmark = needs_screen

SHAPE = (300, 400)


def test_an_opened_section_is_scrolled_into_view_after_its_layout(qtbot):
    area, column, part = QScrollArea(), QWidget(), QLabel("a section")
    layout = QVBoxLayout(column)
    for number in range(40):
        layout.addWidget(QLabel(f"line {number}"))
    layout.addWidget(part)
    area.setWidget(column)
    area.setWidgetResizable(True)
    area.resize(200, 300)
    qtbot.addWidget(area)
    with qtbot.waitExposed(area):
        area.show()
    Revealer(area).reveal(part)
    QTimer.singleShot(100, lambda: part.setMinimumHeight(200))
    qtbot.waitUntil(
        lambda: part.height() >= 200 and part.visibleRegion().boundingRect().size() == part.size()
    )


def test_keys_and_the_status_bar_work_without_a_session(qtbot, open_widget, tmp_path, monkeypatch):
    widget = open_widget()
    viewer, layers = widget._viewer, widget.layers

    # The text of a job and the remaining time are shown completely.
    for text in ("Choosing the scale of the particles", "Picking 1,234 of 2,000, 12.3 s each"):
        widget.status._on_started("test", text)
        said = widget.status._busy
        said._left.setText("12 min left")
        qtbot.wait(5)
        assert said._text.fontMetrics().horizontalAdvance(text) <= said._text.width()
    widget.status._on_finished("test")
    assert widget.status._log.isVisible()

    # Escape ends measuring, before a session is open.
    displayed = DisplayedMicrograph(
        1,
        Path("a.mrc"),
        DisplayImage(np.zeros(SHAPE, np.float32), spacing_px=(1.0, 1.0), limits=(-1.0, 1.0)),
        SHAPE,
        1.5,
    )
    layers.show_micrograph(displayed)
    widget.particle.set_displayed(displayed)
    canvas = viewer.window._qt_viewer.canvas.native
    widget.particle._measure.setChecked(True)
    QTest.keyClick(canvas, Qt.Key.Key_Escape)
    assert not widget.particle._measure.isChecked()

    # Ctrl+S saves picks and labels in the format of the extension, whatever has the focus.
    picks = pd.DataFrame({"x": [10.0, 200.5], "y": [20.0, 30.0], "score": [1.0, 2.0]})
    layers.show_picks(picks, 40.0, "a.mrc")
    offered, path = [], tmp_path / "picks.star"

    def choose(parent, title, default, kinds):
        offered.append(kinds)
        return str(path), kinds

    monkeypatch.setattr(QFileDialog, "getSaveFileName", choose)
    viewer.layers.selection = {viewer.layers["picks"]}
    for ending, focused in (("star", canvas), ("cbox", viewer.window._qt_viewer.layers)):
        path = tmp_path / f"picks.{ending}"
        QTest.keyClick(focused, Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier)
        qtbot.waitUntil(path.is_file)
        assert f"*.{ending}" in offered[-1]
        found = read_table(path)[["x", "y"]].to_numpy(float)
        np.testing.assert_allclose(found, picks[["x", "y"]], atol=0.51)
    # The menu entry does the same; for other layers, it is napari's own.
    window = viewer.window._qt_window
    [menu] = [one.menu() for one in window.menuBar().actions() if one.text().endswith("File")]
    path = tmp_path / "by the menu.star"
    entries = open_menu(qtbot, menu)
    assert "Save Picks..." in entries
    assert "Save Selected Layers..." not in entries
    QTest.mouseClick(
        menu,
        Qt.MouseButton.LeftButton,
        pos=menu.actionGeometry(entries["Save Picks..."]).center(),
    )
    qtbot.waitUntil(path.is_file)
    viewer.layers.selection = {viewer.layers["micrograph"]}
    entries = open_menu(qtbot, menu)
    menu.close()
    assert "Save Selected Layers..." in entries
    assert "Save Picks..." not in entries
    viewer.layers.selection = {viewer.layers["picks"]}
    # A format that cannot be written is reported.
    told = []
    widget.controller.notified.connect(lambda severity, text: told.append((severity, text)))
    path = tmp_path / "picks.cs"
    QTest.keyClick(canvas, Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: bool(told))
    assert told[0][0] == "error"


def open_menu(qtbot, menu) -> dict[str, QAction]:
    """Open a menu, and give its entries that can be seen, by their texts without keys."""
    menu.popup(QPoint(20, 20))
    qtbot.waitUntil(menu.isVisible)
    return {one.text().partition("\t")[0]: one for one in menu.actions() if one.isVisible()}

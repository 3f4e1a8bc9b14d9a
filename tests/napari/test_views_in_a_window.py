import os
import sys

import numpy as np
import pytest

pytest.importorskip("qtpy.QtWidgets", exc_type=ImportError)

from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QComboBox,
    QDoubleSpinBox,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from activepick._napari.views.busy_bar import BusyBar
from activepick._napari.views.contrast_plot import ContrastPlot
from activepick._napari.views.crop_gallery import CropGallery
from activepick._napari.views.crop_strip import Crop, CropStrip
from activepick._napari.views.learning_plot import LearningPlot
from activepick._napari.views.micrograph_table import MicrographTable, Row
from activepick._napari.views.score_histogram import ScoreHistogram
from activepick._napari.views.themed_plot import ThemedPlot

pytestmark = pytest.mark.skipif(
    sys.platform.startswith("linux") and not os.environ.get("DISPLAY"),
    reason="a window needs a screen: run it under xvfb-run",
)
DARK = "QWidget { background-color: #202028; color: #f0f0f0; }"
LIGHT = "QWidget { background-color: #ececec; color: #101010; }"


def histogram():
    view = ScoreHistogram()
    view.set_scores(np.linspace(-4, 4, 50))
    return view


def contrast():
    view = ContrastPlot()
    view.set_points(np.linspace(-4, 4, 50), np.linspace(0.5, 2, 50), np.arange(50) > 20)
    return view


def learning():
    view = LearningPlot()
    view.set_rounds([10, 20], [None, 0.3], [0.5, 0.6])
    return view


def strip():
    view = CropStrip()
    view.set_crops([Crop(i, np.zeros((64, 64), np.uint8), "#f0e442", "?") for i in range(9)])
    return view


def gallery():
    view = CropGallery()
    pixels_of = lambda rows: np.zeros((len(rows), 32, 32), np.uint8)  # noqa: E731
    view.set_items(np.arange(50), np.zeros(50), pixels_of)
    view.findChild(QAbstractItemView).model().mark(range(1), True)
    return view


def table():
    view = MicrographTable()
    view.set_rows([Row(number, f"{number}.mrc", "seen") for number in range(1, 30)])
    return view


def busy():
    view = BusyBar()
    view.set_busy("Reading", 0.5)
    return view


VIEWS = (histogram, contrast, learning, strip, gallery, table, busy)


class Window(QWidget):
    """A window around a view that hears the keys which the view leaves alone."""

    def __init__(self, view: QWidget):
        super().__init__()
        self.heard: list[str] = []
        self.canvas = QPushButton("canvas")
        layout = QVBoxLayout(self)
        layout.addWidget(self.canvas)
        layout.addWidget(view)
        self.resize(400, 500)

    def keyPressEvent(self, event):
        self.heard.append(event.text())


def shown(qtbot, view: QWidget) -> Window:
    window = Window(view)
    qtbot.addWidget(window)
    with qtbot.waitExposed(window):
        window.show()

    def has_focus() -> bool:
        window.activateWindow()  # again and again: a window that is closing may take it back
        window.canvas.setFocus()
        return window.canvas.hasFocus()

    qtbot.waitUntil(has_focus, timeout=30_000)
    return window


@pytest.mark.parametrize("make", VIEWS)
def test_a_click_does_not_take_the_keyboard_focus(qtbot, make):
    view = make()
    window = shown(qtbot, view)
    for x in range(20, view.width(), 45):
        for y in range(10, view.height(), 30):
            place = QPoint(x, y)
            target = view.childAt(place)
            # An opened list is a separate window, and a text field needs the keys.
            if target is None or isinstance(target, QComboBox | QLineEdit | QDoubleSpinBox):
                continue
            qtbot.mouseClick(target, Qt.MouseButton.LeftButton, pos=target.mapFrom(view, place))
            assert QApplication.focusWidget() is window.canvas, (target, place)


@pytest.mark.parametrize("make", [histogram, strip, gallery, table, busy])
def test_letters_reach_the_viewer_from_a_focused_view(qtbot, make):
    view = make()
    window = shown(qtbot, view)
    parts = [part for part in view.findChildren(QWidget) if part.focusPolicy()]
    # A text field needs letters.
    parts = [part for part in parts if part.isVisible() and not isinstance(part, QLineEdit)]
    assert parts
    for part in parts:
        part.setFocus()
        assert part.hasFocus()
        window.heard.clear()
        qtbot.keyClicks(part, "fd")
        assert window.heard == ["f", "d"], part


@pytest.mark.parametrize("make", [histogram, contrast, learning])
def test_plots_follow_the_theme(qtbot, make):
    view = make()
    window = shown(qtbot, view)
    plot = view.findChild(ThemedPlot)
    for theme, dark in ((DARK, True), (LIGHT, False), (DARK, True)):
        window.setStyleSheet(theme)
        corner = plot.grab().toImage().pixelColor(1, 1)
        assert (corner.lightness() < 128) == dark
        ink = plot.getPlotItem().getAxis("bottom").textPen().color()
        assert (ink.lightness() > 128) == dark


@pytest.mark.parametrize("make", [histogram, contrast, learning])
def test_the_wheel_over_a_plot_scrolls_the_surrounding_area(qtbot, make):
    view = make()
    window = shown(qtbot, view)
    plot = view.findChild(ThemedPlot)
    before = plot.getViewBox().viewRange()
    middle = QPointF(plot.rect().center())
    wheel = QWheelEvent(
        middle,
        plot.mapToGlobal(middle),
        QPoint(),
        QPoint(0, 120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(plot.viewport(), wheel)
    assert not wheel.isAccepted()
    assert plot.getViewBox().viewRange() == before
    window.close()


@pytest.mark.parametrize("make", VIEWS)
def test_views_fit_into_a_narrow_dock(qtbot, make):
    view = make()
    window = shown(qtbot, view)
    window.resize(340, 500)
    assert window.width() == 340
    assert view.width() <= 340

import os
import sys

import pytest

pytest.importorskip("qtpy.QtWidgets", exc_type=ImportError)

from qtpy.QtCore import QRect, Qt
from qtpy.QtWidgets import (
    QLabel,
    QMessageBox,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from activepick._napari.views.busy_bar import BusyBar
from activepick._napari.views.key_list import KeyList
from activepick._napari.views.learning_plot import LearningPlot
from activepick._napari.views.short_names import wrappable
from activepick._napari.views.themed_plot import ThemedPlot
from activepick._napari.views.wrapped_label import WrappedLabel

pytestmark = pytest.mark.skipif(
    sys.platform.startswith("linux") and not os.environ.get("DISPLAY"),
    reason="a window needs a screen: run it under xvfb-run",
)


class Clock:
    """A clock that stands still until it is set."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def shown(qtbot, widget):
    widget.resize(390, 300)
    qtbot.addWidget(widget)
    with qtbot.waitExposed(widget):
        widget.show()
    return widget


def texts(widget) -> list[str]:
    labels = widget.findChildren(QLabel)
    return [label.text() for label in labels if label.isVisibleTo(widget) and label.text()]


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def bar(qtbot, clock):
    return shown(qtbot, BusyBar(clock=clock))


def test_the_remaining_time_follows_the_progress(bar, clock):
    bar.set_busy("Finding particles", 0.0)
    assert texts(bar) == ["Finding particles"]
    clock.now += 30
    bar.set_busy("Finding particles", 0.25)
    assert texts(bar) == ["Finding particles", "2 min left"]
    clock.now += 270
    bar.set_busy("Finding particles", 0.9)
    assert texts(bar)[1] == "33 s left"


def test_progress_before_the_start_does_not_affect_the_remaining_time(bar, clock):
    bar.set_busy("Finding particles", 0.5)
    clock.now += 3600
    bar.set_busy("Finding particles", 0.6)
    assert texts(bar)[1] == "4 h 0 min left"


def test_a_pause_does_not_count_as_work(bar, clock):
    bar.set_busy("Picking 1 of 100", 0.0)
    clock.now += 10
    bar.set_busy("Picking 51 of 100", 0.5)
    assert "10 s left" in texts(bar)
    bar.set_paused(True)
    for _ in range(5):
        clock.now += 600
        bar.set_busy("Paused at 50 of 100", 0.5)
        assert not any("left" in text for text in texts(bar))
    bar.set_paused(False)
    clock.now += 10
    bar.set_busy("Picking 76 of 100", 0.75)
    assert "10 s left" in texts(bar)


def test_the_remaining_time_is_reset_for_another_job(bar, clock):
    bar.set_busy("One", 0.0)
    clock.now += 50
    bar.set_busy("One", 0.9)
    bar.set_busy("Other", 0.1)
    assert texts(bar) == ["Other"]


def test_a_job_of_unknown_length_shows_activity(bar, clock):
    bar.set_busy("Reading", None)
    progress = bar.findChild(QProgressBar)
    assert progress.isVisible()
    assert progress.maximum() == 0
    clock.now += 50
    bar.set_busy("Reading", None)
    assert texts(bar) == ["Reading"]


def test_the_stop_button_is_enabled_only_during_a_job(qtbot, bar):
    button = bar.findChild(QPushButton)
    height = bar.sizeHint().height()
    assert not button.isVisible()
    bar.set_busy("Reading", 0.3)
    with qtbot.waitSignal(bar.cancelled):
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    bar.set_idle("Ready")
    assert not button.isVisible()
    assert texts(bar) == ["Ready"]
    assert bar.sizeHint().height() == height


def test_only_known_values_of_rounds_are_plotted(qtbot):
    plot = shown(qtbot, LearningPlot())
    plot.set_rounds([10, 20, 30], [None, 0.4, 0.1], [None, None, None])
    changed, ap = plot.findChild(ThemedPlot).getPlotItem().listDataItems()
    assert changed.xData.tolist() == [10, 20, 30]
    assert changed.yData[1:].tolist() == [0.4, 0.1]
    assert not any("precision" in text for text in texts(plot))
    plot.set_rounds([10, 20], [None, 0.4], [0.6, 0.7])
    assert ap.yData.tolist() == [0.6, 0.7]
    assert any("precision" in text for text in texts(plot))


def test_an_empty_plot_shows_a_description(qtbot):
    plot = shown(qtbot, LearningPlot())
    assert not plot.findChild(ThemedPlot).isVisible()
    assert any("round" in text for text in texts(plot))
    plot.set_rounds([10], [None], [None])
    assert not plot.findChild(ThemedPlot).isVisible()
    assert any("second round" in text for text in texts(plot))
    plot.set_rounds([10, 20], [None, 0.4], [None, None])
    assert plot.findChild(ThemedPlot).isVisible()
    assert not any("second round" in text for text in texts(plot))


def test_an_empty_sentence_takes_no_height(qtbot):
    plot = shown(qtbot, LearningPlot())
    plot.set_rounds([10], [0.5], [None])
    without = len(texts(plot))
    plot.set_sentence("Go on.")
    assert texts(plot)[without:] == ["Go on."]
    plot.set_sentence("")
    assert len(texts(plot)) == without


def test_the_list_of_keys_can_be_replaced(qtbot):
    keys = shown(qtbot, KeyList())
    keys.set_rows([("F", "particle"), ("X / Ctrl+Z", "undo"), ("G", "skip")])
    all_of_them = ["Ctrl+Z", "F", "G", "X", "particle", "skip", "undo"]
    qtbot.waitUntil(lambda: sorted(texts(keys)) == all_of_them)
    keys.set_rows([("D", "not a particle")])
    qtbot.waitUntil(lambda: sorted(texts(keys)) == ["D", "not a particle"])
    keys.set_rows([])
    assert texts(keys) == []


def test_a_wrapped_text_has_the_height_of_its_lines(qtbot):
    box = QWidget()
    layout = QVBoxLayout(box)
    label, below = WrappedLabel(), QLabel("below")
    for one in (label, below):
        layout.addWidget(one)
    layout.addStretch(1)
    shown(qtbot, box)
    line = label.fontMetrics().height()

    def lines() -> int:
        qtbot.wait(20)
        assert below.y() >= label.geometry().bottom()
        return label.height() // line

    assert label.height() == 0
    label.setText("one line")
    assert lines() == 1
    label.setText("several lines of text, " * 10)
    narrow = lines()
    assert narrow >= 3
    box.resize(900, 300)
    assert lines() < narrow
    label.setText("one line")
    assert lines() == 1
    label.clear()
    qtbot.wait(20)
    assert label.height() == 0


def test_long_paths_can_be_read_in_message_boxes(qtbot):
    path = f"/data/{'folder' * 20}/{'sub_folder' * 9}/{'name' * 30}.star"
    fits = []
    for shown in (path, wrappable(path)):
        box = QMessageBox(QMessageBox.Icon.Question, "Export", f"{shown} exists. Replace it?")
        qtbot.addWidget(box)
        with qtbot.waitExposed(box):
            box.show()
        label = box.findChild(QLabel, "qt_msgbox_label")
        needed = label.fontMetrics().boundingRect(
            QRect(0, 0, label.width(), 1000), Qt.TextFlag.TextWordWrap, label.text()
        )
        fits.append(needed.width() <= label.width())
        box.close()
    assert fits == [False, True]
    assert wrappable("a.star exists") == "a.star exists"

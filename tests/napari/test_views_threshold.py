import os
import sys

import numpy as np
import pytest

pytest.importorskip("qtpy.QtWidgets", exc_type=ImportError)

from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtWidgets import QDoubleSpinBox, QLabel, QStyle, QStyleOptionSpinBox
from scipy.special import logit

from activepick._napari.views.contrast_plot import ContrastPlot
from activepick._napari.views.score_histogram import ScoreHistogram
from activepick._napari.views.themed_plot import ThemedPlot

pytestmark = pytest.mark.skipif(
    sys.platform.startswith("linux") and not os.environ.get("DISPLAY"),
    reason="a window needs a screen: run it under xvfb-run",
)
LEFT = Qt.MouseButton.LeftButton


def shown(qtbot, widget):
    """Show a view as in a dock, and give its plot."""
    widget.resize(390, 200)
    qtbot.addWidget(widget)
    with qtbot.waitExposed(widget):
        widget.show()
    return widget.findChild(ThemedPlot)


def pixel_of(plot: ThemedPlot, x: float) -> QPoint:
    """Return the pixel at x, in the units of the plot, at half the height."""
    box = plot.getViewBox()
    middle = sum(box.viewRange()[1]) / 2
    return plot.mapFromScene(box.mapViewToScene(QPointF(x, middle)))


def drag(qtbot, plot: ThemedPlot, start: float, *stops: float) -> None:
    """Drag through positions x, and release the button at the last one."""
    qtbot.mousePress(plot.viewport(), LEFT, pos=pixel_of(plot, start))
    for stop in stops:
        qtbot.mouseMove(plot.viewport(), pixel_of(plot, stop))
    qtbot.mouseRelease(plot.viewport(), LEFT, pos=pixel_of(plot, stops[-1]))


class Heard(list):
    """What a signal said, call by call."""

    def __init__(self, signal):
        super().__init__()
        signal.connect(lambda *values: self.append(values if len(values) > 1 else values[0]))


@pytest.fixture
def histogram(qtbot):
    histogram = ScoreHistogram()
    shown(qtbot, histogram)
    histogram.set_scores(logit([0.05, 0.2, 0.4, 0.55, 0.7, 0.95, 0.97, 0.99]))
    return histogram


@pytest.fixture
def contrast(qtbot):
    plot = ContrastPlot()
    shown(qtbot, plot)
    plot.set_points(np.zeros(5), [0.3, 0.8, 1, 1.2, 3], np.ones(5, bool))
    return plot


def texts(widget) -> str:
    return " | ".join(label.text() for label in widget.findChildren(QLabel))


def test_dragging_the_line_moves_the_threshold(qtbot, histogram):
    plot = histogram.findChild(ThemedPlot)
    changed, chosen = Heard(histogram.threshold_changed), Heard(histogram.threshold_chosen)
    drag(qtbot, plot, logit(0.5), logit(0.7), logit(0.9))
    assert chosen == [pytest.approx(0.9, abs=0.01)]
    assert len(changed) >= 2
    assert histogram.threshold() == chosen[0]
    assert float(histogram.findChild(QDoubleSpinBox).text()) == chosen[0]


def test_a_click_on_the_plot_sets_the_threshold(qtbot, histogram):
    chosen = Heard(histogram.threshold_chosen)
    plot = histogram.findChild(ThemedPlot)
    qtbot.mouseClick(plot.viewport(), LEFT, pos=pixel_of(plot, logit(0.2)))
    assert chosen == [pytest.approx(0.2, abs=0.02)]


def test_other_mouse_buttons_do_not_change_the_threshold(qtbot, histogram):
    changed = Heard(histogram.threshold_changed)
    plot = histogram.findChild(ThemedPlot)
    qtbot.mouseClick(plot.viewport(), Qt.MouseButton.RightButton, pos=pixel_of(plot, 1))
    assert changed == []


def test_the_threshold_can_be_typed(qtbot, histogram):
    box = histogram.findChild(QDoubleSpinBox)
    changed, chosen = Heard(histogram.threshold_changed), Heard(histogram.threshold_chosen)
    box.setFocus()
    box.selectAll()
    qtbot.keyClicks(box, "0.96")
    assert chosen == []
    qtbot.keyClick(box, Qt.Key.Key_Return)
    assert chosen == [0.96]
    assert changed == []
    assert "2 of 8" in texts(histogram)
    assert not box.hasFocus()
    # If all probabilities are near 1, more digits are shown.
    histogram.set_scores([6.0, 6.5, 7.0, 7.5])
    box.setFocus()
    box.selectAll()
    qtbot.keyClicks(box, "0.9987")
    qtbot.keyClick(box, Qt.Key.Key_Return)
    assert chosen == [0.96, 0.9987]
    assert box.text() == "0.9987"
    assert "2 of 4" in texts(histogram)


def test_step_buttons_of_the_threshold_do_not_keep_the_focus(qtbot, histogram):
    box = histogram.findChild(QDoubleSpinBox)
    chosen = Heard(histogram.threshold_chosen)
    options = QStyleOptionSpinBox()
    box.initStyleOption(options)
    style, kind = box.style(), QStyle.ComplexControl.CC_SpinBox
    up = style.subControlRect(kind, options, QStyle.SubControl.SC_SpinBoxUp, box)
    qtbot.mouseClick(box, LEFT, pos=up.center())
    assert chosen == [0.55]
    assert not box.hasFocus()


def test_picks_above_the_threshold_are_counted(histogram):
    for threshold, count in ((0, 8), (0.5, 5), (0.96, 2), (1, 0)):
        histogram.set_threshold(threshold)
        assert f"{count} of 8" in texts(histogram)


def test_dragging_beyond_the_ends_picks_all_or_none(qtbot, histogram):
    plot = histogram.findChild(ThemedPlot)
    chosen = Heard(histogram.threshold_chosen)
    drag(qtbot, plot, 0, -30)
    assert "8 of 8" in texts(histogram)
    drag(qtbot, plot, 0, 30)
    assert "0 of 8" in texts(histogram)
    assert chosen == [0.0, 1.0]


def test_setting_the_threshold_emits_no_signal(histogram):
    changed, chosen = Heard(histogram.threshold_changed), Heard(histogram.threshold_chosen)
    histogram.set_threshold(0.3)
    assert histogram.threshold() == 0.3
    assert changed == chosen == []


def test_new_scores_do_not_move_a_line_that_is_dragged(qtbot, histogram):
    plot = histogram.findChild(ThemedPlot)
    histogram.threshold_changed.connect(lambda _: histogram.set_scores(np.linspace(-9, 9, 50)))
    histogram.threshold_changed.connect(lambda _: histogram.set_threshold(0.1))
    drag(qtbot, plot, 0, logit(0.8), logit(0.9))
    assert histogram.threshold() == pytest.approx(0.9, abs=0.01)


def test_missing_and_extreme_scores_are_shown(histogram):
    histogram.set_scores([])
    assert "0 of 0" in texts(histogram)
    histogram.set_scores([-800.0, 900.0])
    histogram.set_threshold(0.5)
    assert "1 of 2" in texts(histogram)


def test_limits_are_dragged_from_the_sides(qtbot, contrast):
    plot = contrast.findChild(ThemedPlot)
    low, high = plot.getViewBox().viewRange()[0]
    chosen = Heard(contrast.range_chosen)
    drag(qtbot, plot, high, np.log10(2))
    drag(qtbot, plot, low, np.log10(0.5))
    assert chosen == [(None, pytest.approx(2, rel=0.03)), pytest.approx((0.5, 2), rel=0.03)]
    assert "2 of 5 excluded" in texts(contrast)


def test_a_limit_at_the_border_means_no_limit(qtbot, contrast):
    contrast.set_range(0.5, 2.0)
    plot = contrast.findChild(ThemedPlot)
    low, high = plot.getViewBox().viewRange()[0]
    changed, chosen = Heard(contrast.range_changed), Heard(contrast.range_chosen)
    drag(qtbot, plot, np.log10(0.5), np.log10(0.4), low)
    assert chosen == [(None, 2.0)]
    assert changed[0] == pytest.approx((0.5, 2.0), rel=0.03)
    drag(qtbot, plot, np.log10(2), high)
    assert contrast.contrast_range() == (None, None)
    assert "0 of 5 excluded" in texts(contrast)


def test_limits_cannot_cross(qtbot, contrast):
    contrast.set_range(0.8, 1.2)
    plot = contrast.findChild(ThemedPlot)
    drag(qtbot, plot, np.log10(0.8), np.log10(2))
    low, high = contrast.contrast_range()
    assert low <= high == 1.2


def test_limits_beyond_all_points_are_visible_and_draggable(qtbot, contrast):
    contrast.set_range(None, 8.0)
    plot = contrast.findChild(ThemedPlot)
    drag(qtbot, plot, np.log10(8), np.log10(2))
    assert contrast.contrast_range() == (None, pytest.approx(2, rel=0.05))


def test_an_empty_plot_of_contrast_can_be_shown(contrast):
    contrast.set_points([], [], [])
    assert "0 of 0 excluded" in texts(contrast)

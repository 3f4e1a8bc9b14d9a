"""Histogram of scores with a draggable threshold."""

import numpy as np
import pyqtgraph as pg
from numpy.typing import ArrayLike
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from activepick._napari.colours import PARTICLE
from activepick._napari.views.number_box import NumberBox
from activepick._napari.views.score_axis import (
    DECIMALS,
    lowest_score,
    probability_of,
    rounded_probability,
    score_of,
    score_range,
    score_ticks,
)
from activepick._napari.views.shades import Shades
from activepick._napari.views.themed_plot import ThemedPlot

__all__ = ["ScoreHistogram"]

BARS = 60


class ScoreHistogram(QWidget):
    """Show a histogram of scores; those above the threshold are coloured and counted.

    Signals
    -------
    threshold_changed(probability)
        The threshold is being dragged.
    threshold_chosen(probability)
        The threshold was released or entered.
    """

    threshold_changed = Signal(float)
    threshold_chosen = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._scores = np.empty(0, np.float32)
        # Number of picks that labels add to those above the threshold; negative if they remove
        # picks.
        self._labelled = 0
        self._threshold = 0.5
        self._shown = score_range(self._scores)
        self._dragging = False

        self._value = NumberBox(0, 1, step=0.05, decimals=2, most_decimals=DECIMALS)
        self._value.setToolTip("Lowest probability of a pick")
        self._count = QLabel()
        self._count.setToolTip(
            "Candidates above the threshold, picks that labels add or remove, and all candidates"
        )
        self._plot = ThemedPlot(height=100)
        self._plot.setCursor(Qt.CursorShape.SizeHorCursor)
        self._plot.setToolTip(
            "Histogram of the scores of all candidates; the height is the square root of the "
            "number.\n"
            "Click or drag to move the threshold: candidates to the right are picked."
        )
        self._cut = pg.BarGraphItem(x0=[], x1=[], height=[])
        self._kept = pg.BarGraphItem(x0=[], x1=[], height=[])
        self._line = pg.InfiniteLine(angle=90)
        self._line.addMarker("v", position=1, size=9)
        for item in (self._cut, self._kept, self._line):
            self._plot.addItem(item)
        plot = self._plot.getPlotItem()
        plot.hideAxis("left")
        plot.getAxis("bottom").setTicks(score_ticks())
        plot.getAxis("bottom").setLabel("probability of a particle")

        header = QHBoxLayout()
        header.addWidget(QLabel("Threshold"))
        header.addWidget(self._value)
        header.addStretch()
        header.addWidget(self._count)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addLayout(header)
        layout.addWidget(self._plot)

        self._value.valueChanged.connect(self._type)
        self._plot.themed.connect(self._paint)
        self._plot.grabbed.connect(self._grab)
        self._plot.dragged.connect(self._drag)
        self._plot.dropped.connect(self._drop)
        self._paint(self._plot.shades)
        self._count_bars()

    def threshold(self) -> float:
        """Return the threshold as a probability."""
        return self._threshold

    def set_scores(self, scores: ArrayLike, picks: int | None = None) -> None:
        """Show the scores of candidates.

        Parameters
        ----------
        scores
            Logits (n,) in any order.
        picks
            Number of picks at the current threshold, including the effect of labels; None to
            compute it from the scores.
        """
        self._scores = np.sort(np.asarray(scores, np.float32).ravel())
        self._labelled = 0 if picks is None else picks - self._above()
        if not self._dragging:
            self._shown = score_range(self._scores)
        self._count_bars()

    def set_threshold(self, probability: float) -> None:
        """Set the threshold without emitting a signal; ignored while it is being dragged."""
        if not self._dragging:
            self._threshold = float(probability)
            self._draw_threshold()

    def _type(self, probability: float) -> None:
        self._threshold = probability
        self._draw_threshold()
        self.threshold_chosen.emit(probability)

    def _grab(self, score: float, height: float = 0.0) -> None:
        self._dragging = True
        self._drag(score)

    def _drag(self, score: float, height: float = 0.0) -> None:
        if self._dragging:
            self._threshold = rounded_probability(probability_of(score, self._shown))
            self._draw_threshold()
            self.threshold_changed.emit(self._threshold)

    def _drop(self, score: float, height: float = 0.0) -> None:
        if self._dragging:
            self._drag(score)
            self._dragging = False
            self.threshold_chosen.emit(self._threshold)

    def _count_bars(self) -> None:
        low, high = self._shown
        counts, edges = np.histogram(np.clip(self._scores, low, high), BARS, (low, high))
        self._edges = edges
        self._heights = np.sqrt(counts)  # so that small numbers are visible
        top = max(self._heights.max() * 1.05, 1.0)
        self._plot.getPlotItem().setRange(xRange=self._shown, yRange=(0, top), padding=0)
        self._draw_threshold()

    def _draw_threshold(self) -> None:
        line = score_of(self._threshold, self._shown)
        left, right = self._edges[:-1], self._edges[1:]
        self._cut.setOpts(x0=left, x1=np.clip(line, left, right), height=self._heights)
        self._kept.setOpts(x0=np.clip(line, left, right), x1=right, height=self._heights)
        self._line.setValue(line)
        self._value.show_value(self._threshold)
        self._show_count()

    def _above(self) -> int:
        """Return the number of candidates above the threshold."""
        return int(self._scores.size - self._scores.searchsorted(lowest_score(self._threshold)))

    def _show_count(self) -> None:
        # Labels take precedence over the threshold.
        sign = "+" if self._labelled > 0 else "−"
        labelled = f" {sign} {abs(self._labelled):,} labelled" if self._labelled else ""
        self._count.setText(f"{self._above():,}{labelled} of {self._scores.size:,}")

    def _paint(self, shades: Shades) -> None:
        self._cut.setOpts(brush=shades.line, pen=None)
        self._kept.setOpts(brush=PARTICLE, pen=None)
        self._line.setPen(pg.mkPen(shades.text, width=2))

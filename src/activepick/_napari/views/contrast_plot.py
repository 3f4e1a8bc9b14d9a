"""Scatter plot of score against local contrast, with draggable limits of both."""

from typing import Literal

import numpy as np
import pyqtgraph as pg
from numpy.typing import ArrayLike, NDArray
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from activepick._napari.colours import PARTICLE
from activepick._napari.views.score_axis import (
    lowest_score,
    probability_of,
    rounded_probability,
    score_of,
    score_range,
    score_ticks,
)
from activepick._napari.views.shades import Shades
from activepick._napari.views.themed_plot import ThemedPlot

__all__ = ["ContrastPlot"]

# Contrast is a ratio and is drawn on a logarithmic axis; smaller values are drawn here.
LEAST = 0.05
TICKS = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50)
# More points would only overlap.
MOST_DRAWN = 20_000
# A limit that is released within this distance of the border is removed.
BORDER_PX = 6


class ContrastPlot(QWidget):
    """Plot one point for each peak; peaks outside the limits are not picked.

    Parameters
    ----------
    with_threshold
        Whether the threshold is shown and can be dragged; points below it count as rejected.
    height
        Minimum height in screen pixels.

    Signals
    -------
    range_changed(lowest, highest)
        A limit is being dragged; None means no limit.
    range_chosen(lowest, highest)
        A limit was released.
    threshold_changed(probability), threshold_chosen(probability)
        The threshold is being dragged, or was released.
    """

    range_changed = Signal(object, object)
    range_chosen = Signal(object, object)
    threshold_changed = Signal(float)
    threshold_chosen = Signal(float)

    def __init__(
        self, parent: QWidget | None = None, *, with_threshold: bool = False, height: int = 170
    ) -> None:
        super().__init__(parent)
        self._with_threshold = with_threshold
        self._threshold = 0.5
        self._scores = np.empty(0, np.float32)
        self._low: float | None = None
        self._high: float | None = None
        self._held: Literal["low", "high", "threshold"] | None = None
        self._shown_scores = score_range(self._scores)
        self._contrast = np.empty(0, np.float32)
        self._shown = (np.log10(0.2), np.log10(5))

        self._value = QLabel()
        self._count = QLabel()
        self._plot = ThemedPlot(height=height)
        self._plot.setCursor(Qt.CursorShape.SizeHorCursor)
        self._plot.setToolTip(
            "Score and local contrast of each candidate.\n"
            "Ice, carbon and contamination are on the right, empty ice on the left.\n"
            "Drag a limit in from either side to exclude them; drag it back to the border to "
            "remove it."
        )
        self._cut = pg.ScatterPlotItem(size=4, pen=None)
        self._kept = pg.ScatterPlotItem(size=4, pen=None)
        self._outside = [
            pg.LinearRegionItem(movable=False, pen=pg.mkPen(None)) for _ in ("low", "high")
        ]
        self._lines = [pg.InfiniteLine(angle=90) for _ in ("low", "high")]
        for line in self._lines:
            line.addMarker("v", position=1, size=9)
        self._level = pg.InfiniteLine(angle=0)
        self._level.setVisible(with_threshold)
        for item in (self._cut, self._kept, *self._outside, *self._lines, self._level):
            self._plot.addItem(item)
        plot = self._plot.getPlotItem()
        plot.getAxis("left").setTicks(score_ticks())
        plot.getAxis("left").setLabel("probability")
        plot.getAxis("left").setWidth(58)
        plot.getAxis("bottom").setTicks([[(float(np.log10(c)), f"{c:g}") for c in TICKS]])
        plot.getAxis("bottom").setLabel("local contrast")

        header = QHBoxLayout()
        header.addWidget(self._value)
        header.addStretch()
        header.addWidget(self._count)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addLayout(header)
        layout.addWidget(self._plot, stretch=1)

        self._plot.themed.connect(self._paint)
        self._plot.grabbed.connect(self._grab)
        self._plot.dragged.connect(self._drag)
        self._plot.dropped.connect(self._drop)
        self.set_points([], [], [])
        self._paint(self._plot.shades)

    def contrast_range(self) -> tuple[float | None, float | None]:
        """Return the lowest and highest contrast; None means no limit."""
        return self._low, self._high

    def set_points(self, scores: ArrayLike, contrast: ArrayLike, kept: ArrayLike) -> None:
        """Plot peaks.

        Parameters
        ----------
        scores, contrast
            Logits (n,) and local contrasts (n,).
        kept
            Whether each peak is picked, bool (n,).
        """
        self._scores = np.asarray(scores, np.float32).ravel()
        self._contrast = np.asarray(contrast, np.float32).ravel()
        kept = np.asarray(kept, bool).ravel()
        log = np.log10(np.maximum(self._contrast, LEAST))
        if self._held is None:
            self._shown = self._range_of(log)
            self._shown_scores = score_range(self._scores)
        drawn = _sample(len(log))
        x = np.clip(log[drawn], *self._shown)
        y, kept = np.clip(self._scores[drawn], *self._shown_scores), kept[drawn]
        self._cut.setData(x[~kept], y[~kept])
        self._kept.setData(x[kept], y[kept])
        self._plot.getPlotItem().setRange(xRange=self._shown, yRange=self._shown_scores, padding=0)
        self._draw_range()

    def set_range(self, low: float | None, high: float | None) -> None:
        """Set the limits without emitting a signal; ignored while a limit is being dragged."""
        if self._held is None:
            self._low, self._high = low, high
            self._shown = self._range_of(np.log10(np.maximum(self._contrast, LEAST)))
            self._plot.getPlotItem().setXRange(*self._shown, padding=0)
            self._draw_range()

    def set_threshold(self, probability: float) -> None:
        """Set the threshold without emitting a signal; ignored while it is being dragged."""
        if self._held != "threshold":
            self._threshold = probability
            self._draw_range()

    def _range_of(self, log: np.ndarray) -> tuple[float, float]:
        limits = [np.log10(max(c, LEAST)) for c in (self._low, self._high) if c is not None]
        values = np.concatenate((log, limits, [np.log10(0.5), np.log10(2)]))
        low, high = values.min(), values.max()
        margin = 0.08 * (high - low)
        return float(low - margin), float(high + margin)

    def _at(self) -> tuple[float, float]:
        low, high = self._shown
        return (
            low if self._low is None else float(np.log10(max(self._low, LEAST))),
            high if self._high is None else float(np.log10(max(self._high, LEAST))),
        )

    def _grab(self, x: float, y: float) -> None:
        low, high = self._at()
        near = min(abs(x - low), abs(x - high)) * self._plot.px_per_unit()
        level = abs(y - self._level.value()) * self._plot.px_per_unit_y()
        if self._with_threshold and level < near:
            self._held = "threshold"
        else:
            self._held = "low" if abs(x - low) <= abs(x - high) else "high"
        self._drag(x, y)

    def _drag(self, x: float, y: float) -> None:
        if self._held is None:
            return
        if self._held == "threshold":
            self._threshold = rounded_probability(probability_of(y, self._shown_scores))
            self._draw_range()
            self.threshold_changed.emit(self._threshold)
            return
        first, last = self._shown
        border = BORDER_PX / self._plot.px_per_unit()
        low, high = self._at()
        if self._held == "low":
            self._low = None if x <= first + border else float(10 ** min(x, high))
        else:
            self._high = None if x >= last - border else float(10 ** max(x, low))
        self._draw_range()
        self.range_changed.emit(self._low, self._high)

    def _drop(self, x: float, y: float) -> None:
        if self._held is None:
            return
        self._drag(x, y)
        held, self._held = self._held, None
        if held == "threshold":
            self.threshold_chosen.emit(self._threshold)
        else:
            self.range_chosen.emit(self._low, self._high)

    def _draw_range(self) -> None:
        low, high = self._at()
        first, last = self._shown
        self._outside[0].setRegion((first, low))
        self._outside[1].setRegion((high, last))
        for line, value in zip(self._lines, (low, high), strict=True):
            line.setValue(value)
        names = {
            (True, True): "Any contrast",
            (False, True): f"Contrast from {self._low or 0:.2f}",
            (True, False): f"Contrast to {self._high or 0:.2f}",
            (False, False): f"Contrast {self._low or 0:.2f} to {self._high or 0:.2f}",
        }
        self._value.setText(names[self._low is None, self._high is None])
        self._level.setValue(score_of(self._threshold, self._shown_scores))
        outside = np.zeros(self._contrast.shape, bool)
        if self._with_threshold:
            outside |= self._scores < lowest_score(self._threshold)
        if self._low is not None:
            outside |= self._contrast < self._low
        if self._high is not None:
            outside |= self._contrast > self._high
        cut = np.count_nonzero(outside)
        if self._with_threshold:
            self._count.setText(f"{outside.size - cut:,} of {outside.size:,} candidates picked")
        else:
            self._count.setText(f"{cut:,} of {outside.size:,} excluded")

    def _paint(self, shades: Shades) -> None:
        self._cut.setBrush(shades.line)
        self._kept.setBrush(PARTICLE)
        veil = shades.background
        veil.setAlphaF(0.6)
        for region in self._outside:
            region.setBrush(veil)
        for line in (*self._lines, self._level):
            line.setPen(pg.mkPen(shades.text, width=2))


def _sample(count: int) -> NDArray[np.intp]:
    """Return which of `count` points are drawn: all of them, or a random sample."""
    if count <= MOST_DRAWN:
        return np.arange(count)
    return np.random.default_rng(0).choice(count, MOST_DRAWN, replace=False)

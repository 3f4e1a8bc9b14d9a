"""Plot of picks and mean score over the micrographs, in the order of their arrival."""

import numpy as np
import pyqtgraph as pg
from numpy.typing import ArrayLike
from qtpy.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from activepick._napari.colours import NOT_PARTICLE, PARTICLE
from activepick._napari.views.shades import Shades
from activepick._napari.views.themed_plot import ThemedPlot

__all__ = ["TimePlot"]


class TimePlot(QWidget):
    """Plot the number of picks and their mean score, one point for each micrograph."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._legends = QLabel(), QLabel()
        self._plots = ThemedPlot(height=80), ThemedPlot(height=80)
        self._points = [pg.ScatterPlotItem(size=5, pen=None) for _ in self._plots]
        sides = QHBoxLayout(self)
        sides.setContentsMargins(0, 0, 0, 0)
        for plot, points, legend in zip(self._plots, self._points, self._legends, strict=True):
            plot.addItem(points)
            plot.getPlotItem().getAxis("left").setWidth(44)
            plot.getPlotItem().getAxis("bottom").setLabel("micrograph, in order of arrival")
            layout = QVBoxLayout()
            layout.addWidget(legend)
            layout.addWidget(plot, 1)
            sides.addLayout(layout)
        self._plots[0].themed.connect(self._paint)
        self._paint(self._plots[0].shades)
        self.set_points([], [], [])

    def set_points(self, numbers: ArrayLike, picks: ArrayLike, scores: ArrayLike) -> None:
        """Plot micrographs.

        Parameters
        ----------
        numbers
            Numbers of the micrographs (n,).
        picks, scores
            Number of picks and mean score (logit) of each, shape (n,); NaN if unknown.
        """
        x = np.asarray(numbers, np.float64).ravel()
        for plot, points, legend, values, name in zip(
            self._plots,
            self._points,
            self._legends,
            (picks, scores),
            ("picks of each micrograph", "mean score of the picks"),
            strict=True,
        ):
            y = np.asarray(values, np.float64).ravel()
            known = np.isfinite(y)
            points.setData(x[known], y[known])
            legend.setText(f"{name}: {y[known].mean():.1f} on average" if known.any() else name)
            if known.any():
                plot.getPlotItem().autoRange()

    def _paint(self, shades: Shades) -> None:
        for points, colour in zip(self._points, (PARTICLE, NOT_PARTICLE), strict=True):
            points.setBrush(colour)

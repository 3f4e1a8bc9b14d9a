"""Plot of the learning progress over rounds, with a sentence of advice."""

from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from qtpy.QtWidgets import QLabel, QVBoxLayout, QWidget

from activepick._napari.colours import PARTICLE, TRUTH
from activepick._napari.views.shades import Shades
from activepick._napari.views.themed_plot import ThemedPlot
from activepick._napari.views.wrapped_label import WrappedLabel

__all__ = ["LearningPlot"]

SHARES = (0, 0.25, 0.5, 0.75, 1)


class LearningPlot(QWidget):
    """Plot the share of changed picks, and the AP if known, against the number of labels."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._plot = ThemedPlot(height=150)
        self._plot.setToolTip(
            "Share of the picks that changed in each round of answers.\n"
            "If a file of true particles is loaded, also the average precision (AP)."
        )
        self._changed = self._plot.plot(symbol="o", symbolSize=7, connect="finite")
        self._ap = self._plot.plot(symbol="s", symbolSize=7, connect="finite")
        plot = self._plot.getPlotItem()
        plot.getAxis("left").setTicks([[(share, f"{share:.0%}") for share in SHARES]])
        plot.getAxis("left").setWidth(44)
        plot.getAxis("bottom").setLabel("labels")

        self._empty = WrappedLabel(
            "This shows how much the picks change with each round of answers, from the second "
            "round on."
        )
        self._sentence = WrappedLabel()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        self._legend = QLabel()
        for label in (self._empty, self._sentence):
            label.hide()
        for widget in (self._legend, self._plot, self._empty, self._sentence):
            layout.addWidget(widget)

        self._plot.themed.connect(self._paint)
        self._paint(self._plot.shades)
        self.set_rounds([], [], [])

    def set_rounds(
        self,
        labels: Sequence[int],
        changed: Sequence[float | None],
        ap: Sequence[float | None],
    ) -> None:
        """Plot rounds.

        Parameters
        ----------
        labels
            Number of labels at the end of each round.
        changed
            Share of the picks that changed in the round, 0 to 1; None if unknown.
        ap
            Average precision, 0 to 1; None if unknown.
        """
        x = np.asarray(labels, np.float64)
        shares = [np.array(values, np.float64) for values in (changed, ap)]
        for curve, y in zip((self._changed, self._ap), shares, strict=True):
            # pyqtgraph warns if no value is known.
            some = x.size if np.isfinite(y).any() else 0
            curve.setData(x=x[:some], y=y[:some])
        names = [
            f'<span style="color: {colour}">{mark}</span> {name}'
            for y, colour, mark, name in (
                (shares[0], PARTICLE, "●", "picks that changed"),
                (shares[1], TRUTH, "■", "average precision"),
            )
            if np.isfinite(y).any()
        ]
        self._legend.setText("&nbsp;&nbsp; ".join(names))
        self._legend.setVisible(bool(names))
        last = max(x.max() if x.size else 0, 10)
        self._plot.getPlotItem().setRange(xRange=(0, last * 1.04), yRange=(0, 1.04), padding=0)
        self._plot.setVisible(bool(names))
        self._empty.setVisible(not names)

    def set_sentence(self, text: str) -> None:
        """Show a sentence below the plot; an empty text hides it."""
        self._sentence.setText(text)
        self._sentence.setVisible(bool(text))

    def _paint(self, shades: Shades) -> None:
        for curve, colour in ((self._changed, PARTICLE), (self._ap, TRUTH)):
            curve.setPen(pg.mkPen(colour, width=2))
            curve.setSymbolBrush(colour)
            curve.setSymbolPen(pg.mkPen(shades.background, width=1))

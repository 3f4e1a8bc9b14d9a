"""A plot with the colours of the theme, without zoom, menus and keys."""

import pyqtgraph as pg
from qtpy.QtCore import QEvent, QSize, Qt, Signal
from qtpy.QtGui import QMouseEvent, QWheelEvent
from qtpy.QtWidgets import QSizePolicy, QWidget

from activepick._napari.views.shades import Shades, changes_shades, shades_of

__all__ = ["ThemedPlot"]


class ThemedPlot(pg.PlotWidget):
    """Plot without zoom and menus, for a narrow dock.

    Parameters
    ----------
    height
        Minimum height in screen pixels.
    parent
        Parent of the widget.

    Signals
    -------
    grabbed(x, y), dragged(x, y), dropped(x, y)
        The left mouse button was pressed, moved or released, in units of the plot.
    themed(shades)
        The theme changed.
    """

    grabbed = Signal(float, float)
    dragged = Signal(float, float)
    dropped = Signal(float, float)
    themed = Signal(object)

    def __init__(self, height: int, parent: QWidget | None = None) -> None:
        super().__init__(parent, enableMenu=False)
        self._height = height
        self.setMinimumHeight(height)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setFrameShape(self.Shape.NoFrame)
        item = self.getPlotItem()
        item.setMouseEnabled(False, False)
        item.hideButtons()
        # pyqtgraph draws a label 5 pixels below the end of its axis.
        item.layout.setContentsMargins(0, 2, 4, 6)
        for name in ("left", "bottom"):
            axis = item.getAxis(name)
            axis.enableAutoSIPrefix(False)
            axis.setStyle(tickLength=-4, tickTextOffset=3)
        item.getAxis("bottom").setHeight(36)
        self._restyle()

    @property
    def shades(self) -> Shades:
        """The current colours."""
        return shades_of(self)

    def sizeHint(self) -> QSize:
        """Return the minimum height."""
        return QSize(300, self._height)

    def px_per_unit(self) -> float:
        """Return the number of screen pixels per unit along x."""
        return 1 / max(float(self.getViewBox().viewPixelSize()[0]), 1e-12)

    def px_per_unit_y(self) -> float:
        """Return the number of screen pixels per unit along y."""
        return 1 / max(float(self.getViewBox().viewPixelSize()[1]), 1e-12)

    def changeEvent(self, event: QEvent) -> None:
        """Update the colours when the theme changes."""
        super().changeEvent(event)
        # Qt sends these events also while the plot is constructed and destroyed.
        if changes_shades(event) and self.getPlotItem() is not None:
            self._restyle()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Emit `grabbed`."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.grabbed.emit(*self._at(event))
            event.accept()
        else:
            event.ignore()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Emit `dragged`."""
        if event.buttons() & Qt.MouseButton.LeftButton:
            self.dragged.emit(*self._at(event))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Emit `dropped`."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.dropped.emit(*self._at(event))

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Treat the second click of a double click as a click."""
        self.mousePressEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Pass the wheel to the surrounding scroll area."""
        event.ignore()

    def _at(self, event: QMouseEvent) -> tuple[float, float]:
        scene = self.mapToScene(event.position().toPoint())
        place = self.getViewBox().mapSceneToView(scene)
        return float(place.x()), float(place.y())

    def _restyle(self) -> None:
        shades = self.shades
        self.setBackground(shades.background)
        item = self.getPlotItem()
        for name in ("left", "bottom"):
            axis = item.getAxis(name)
            axis.setPen(shades.line)
            axis.setTextPen(shades.muted)
            axis.setTickFont(self.font())
        self.themed.emit(shades)

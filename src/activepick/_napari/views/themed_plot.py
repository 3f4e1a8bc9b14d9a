"""A plot that looks like the theme around it and leaves wheel and keys to others."""

import pyqtgraph as pg
from qtpy.QtCore import QEvent, QSize, Qt, Signal
from qtpy.QtGui import QMouseEvent, QWheelEvent
from qtpy.QtWidgets import QSizePolicy, QWidget

from activepick._napari.views.shades import Shades, changes_shades, shades_of

__all__ = ["ThemedPlot"]


class ThemedPlot(pg.PlotWidget):
    """A plot without zoom and menus, for a narrow dock.

    Parameters
    ----------
    height
        In screen pixels, at least.
    parent
        Of the widget.

    Attributes
    ----------
    grabbed, dragged, dropped
        Signals of the left mouse button at x in the units of the plot: pressed, moved, released.
    themed
        Signal with the `Shades` to draw with, at each change of the theme.
    """

    grabbed = Signal(float)
    dragged = Signal(float)
    dropped = Signal(float)
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
        """The colours to draw with now."""
        return shades_of(self)

    def sizeHint(self) -> QSize:
        """Ask for the height it was made with."""
        return QSize(300, self._height)

    def px_per_unit(self) -> float:
        """Screen pixels for one unit along x."""
        return 1 / max(self.getViewBox().viewPixelSize()[0], 1e-12)

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme."""
        super().changeEvent(event)
        # Qt tells also while the plot is made and while it goes.
        if changes_shades(event) and self.getPlotItem() is not None:
            self._restyle()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Say where the left button went down."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.grabbed.emit(self._x_at(event))
            event.accept()
        else:
            event.ignore()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Say where the mouse is while the left button is down."""
        if event.buttons() & Qt.MouseButton.LeftButton:
            self.dragged.emit(self._x_at(event))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Say where the left button was released."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.dropped.emit(self._x_at(event))

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Take the second click as a click."""
        self.mousePressEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Leave the wheel to the area that scrolls around this plot."""
        event.ignore()

    def _x_at(self, event: QMouseEvent) -> float:
        scene = self.mapToScene(event.position().toPoint())
        return float(self.getViewBox().mapSceneToView(scene).x())

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

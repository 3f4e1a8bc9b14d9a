"""A grid of class averages."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QIcon, QKeyEvent, QPainter, QPen, QPixmap
from qtpy.QtWidgets import QListView, QListWidget, QListWidgetItem, QWidget

from activepick._napari.views.grey_images import grey_image

__all__ = ["ClassGrid", "ClassTile"]

_SIDE, _FRAME = 72, 4
_LEFT_OUT_OPACITY = 0.3
_NUMBER = Qt.ItemDataRole.UserRole


@dataclass(frozen=True, eq=False)
class ClassTile:
    """A class as it is drawn.

    Attributes
    ----------
    number
        Number of the class.
    pixels
        Its average, uint8, (side, side).
    caption, tip
        Text below it, in two lines, and its tool tip.
    colour
        Colour of its answer, "#rrggbb"; None if it was not answered.
    left_out
        Whether its members are left out of the picks; it is drawn faintly.
    """

    number: int
    pixels: NDArray[np.uint8]
    caption: str
    tip: str
    colour: str | None
    left_out: bool = False


class ClassGrid(QListWidget):
    """Show class averages, of which one can be selected.

    Signals
    -------
    chosen(number)
        A class was selected; None if none is.
    """

    chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setMovement(QListView.Movement.Static)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setUniformItemSizes(True)
        self.setIconSize(QSize(_SIDE, _SIDE))
        lines = 2 * self.fontMetrics().lineSpacing()
        self.setGridSize(QSize(_SIDE + 12, _SIDE + lines + 8))
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        # A click does not take the keyboard focus from the image; the Tab key still reaches it.
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setMinimumHeight(_SIDE + lines)
        self._filling = False
        self.currentItemChanged.connect(self._on_current)

    def set_tiles(self, tiles: Sequence[ClassTile], selected: int | None) -> None:
        """Show classes in this order, one of which may be selected by its number."""
        scrolled = self.verticalScrollBar().value()
        self._filling = True
        try:
            self.clear()
            for tile in tiles:
                item = QListWidgetItem(_icon(tile), tile.caption)
                item.setData(_NUMBER, tile.number)
                item.setToolTip(tile.tip)
                self.addItem(item)
                if tile.number == selected:
                    self.setCurrentItem(item)
        finally:
            self._filling = False
        self.verticalScrollBar().setValue(scrolled)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move with the arrow keys; letters, which are shortcuts of the viewer, are ignored."""
        if event.text().isprintable() and event.text().strip():
            event.ignore()
        else:
            super().keyPressEvent(event)

    def _on_current(self, item: QListWidgetItem | None) -> None:
        if not self._filling:
            self.chosen.emit(None if item is None else item.data(_NUMBER))


def _icon(tile: ClassTile) -> QIcon:
    """Return the average, with a frame in the colour of its answer."""
    drawn = QPixmap(_SIDE, _SIDE)
    drawn.fill(QColor(0, 0, 0, 0))
    painter = QPainter(drawn)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    inside = QRectF(0, 0, _SIDE, _SIDE).adjusted(_FRAME, _FRAME, -_FRAME, -_FRAME)
    painter.setOpacity(_LEFT_OUT_OPACITY if tile.left_out else 1.0)
    painter.drawImage(inside, grey_image(tile.pixels))
    painter.setOpacity(1.0)
    if tile.colour is not None:
        painter.setPen(QPen(QColor(tile.colour), _FRAME))
        half = _FRAME / 2
        painter.drawRect(QRectF(0, 0, _SIDE, _SIDE).adjusted(half, half, -half, -half))
    painter.end()
    icon = QIcon(drawn)
    icon.addPixmap(drawn, QIcon.Mode.Selected)  # without the colour of the selection
    return icon

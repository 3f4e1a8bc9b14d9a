"""A grid of crops."""

from typing import cast

from qtpy.QtCore import QModelIndex, QPoint, QPointF, QRect, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from qtpy.QtWidgets import QListView, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from activepick._napari.colours import NOT_PARTICLE
from activepick._napari.views.pick_list import PickList

__all__ = ["CropGrid"]

LEAST_TILE = 68
GAP = 2


class CropGrid(QListView):
    """Show a `PickList` as crops that fill the width; only those on screen are drawn.

    Signals
    -------
    toggled(row, shift)
        A crop was clicked, with or without Shift.
    opened(row)
        A crop was double-clicked; `toggled` of its first click came before.
    """

    toggled = Signal(int, bool)
    opened = Signal(int)

    def __init__(self, picks: PickList, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setModel(picks)
        self.setFlow(QListView.Flow.LeftToRight)
        self.setWrapping(True)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setUniformItemSizes(True)
        self.setSelectionMode(QListView.SelectionMode.NoSelection)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setMinimumHeight(LEAST_TILE)
        self.setItemDelegate(_TileDrawer(self))
        self._pressed: int | None = None

    def sizeHint(self) -> QSize:
        """Return the size of five rows of five crops."""
        return QSize(5 * LEAST_TILE + 20, 5 * LEAST_TILE)

    def visible_rows(self) -> range:
        """Return the rows of the model that are on screen."""
        first = self.indexAt(QPoint(GAP, GAP)).row()
        if first < 0:
            return range(0)
        columns = max(1, self.viewport().width() // self.gridSize().width())
        rows = self.viewport().height() // self.gridSize().height() + 2
        return range(first, min(first + rows * columns, self.model().rowCount()))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Set the size of the crops so that they fill the width."""
        width = self.viewport().width() - 1
        side = width // max(1, width // LEAST_TILE)
        self.setGridSize(QSize(side, side))
        self.verticalScrollBar().setSingleStep(side // 2)
        super().resizeEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Load the crops that are on screen in one call, then draw."""
        cast(PickList, self.model()).prepare(self.visible_rows())
        super().paintEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Remember the crop on which the button was pressed."""
        self._pressed = self._row_at(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Emit `toggled` if the button was pressed and released on the same crop."""
        if self._pressed is not None and self._row_at(event) == self._pressed:
            shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            self.toggled.emit(self._pressed, shift)
        self._pressed = None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Emit `opened`; the release that follows is not a click."""
        self._pressed = None
        row = self._row_at(event)
        if row is not None:
            self.opened.emit(row)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Ignore drags."""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Toggle with Space and open with Enter; letters are left to the viewer."""
        row = self.currentIndex().row()
        if event.key() == Qt.Key.Key_Space and row >= 0:
            self.toggled.emit(row, False)
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and row >= 0:
            self.opened.emit(row)
        elif event.text():
            event.ignore()
        else:
            super().keyPressEvent(event)

    def _row_at(self, event: QMouseEvent) -> int | None:
        index = self.indexAt(event.position().toPoint())
        left = Qt.MouseButton.LeftButton
        return index.row() if index.isValid() and event.button() == left else None


class _TileDrawer(QStyledItemDelegate):
    """Draw a crop; a marked one is dimmed and crossed out."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:
        return cast(CropGrid, self.parent()).gridSize()

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        grid = cast(CropGrid, self.parent())
        place = QRectF(QRect(option.rect.topLeft(), grid.gridSize())).adjusted(GAP, GAP, -GAP, -GAP)
        painter.save()
        painter.setRenderHints(
            QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform
        )
        picture = index.data(Qt.ItemDataRole.DecorationRole)
        if picture is not None:
            painter.drawImage(place, picture)
        if index.data(PickList.WRONG):
            self._cross_out(painter, place)
        if grid.hasFocus() and index == grid.currentIndex():
            painter.setPen(QPen(option.palette.windowText().color(), 1, Qt.PenStyle.DotLine))
            painter.drawRect(place.adjusted(-1, -1, 1, 1))
        painter.restore()

    def _cross_out(self, painter: QPainter, place: QRectF) -> None:
        painter.fillRect(place, QColor(0, 0, 0, 130))
        painter.setPen(QPen(QColor(NOT_PARTICLE), 3))
        painter.drawRect(place.adjusted(1, 1, -1, -1))
        arm = place.width() / 4
        for turn in (-1, 1):
            corner = QPointF(arm, turn * arm)
            painter.drawLine(place.center() - corner, place.center() + corner)

"""Clickable crops, one for each question, in one or two rows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QPainter, QPaintEvent, QPen, QWheelEvent
from qtpy.QtWidgets import (
    QAbstractButton,
    QGridLayout,
    QLabel,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from activepick._napari.views.grey_images import grey_image
from activepick._napari.views.shades import shades_of

__all__ = ["Crop", "CropStrip"]

# Side of a crop in screen pixels: in one row, and in two rows.
CROP, CROP_OF_TWO_ROWS = 62, 54
FRAME = 4
SPACING = 2
# Number of columns that are visible; others are reached by scrolling.
COLUMNS = 5
_SCROLL_BAR = 14


@dataclass(frozen=True, eq=False)
class Crop:
    """A crop of a micrograph around a position.

    Attributes
    ----------
    id
        Identifier of the question or label.
    pixels
        Grey values (n, n).
    colour
        Colour of the border, "#rrggbb".
    badge
        One character drawn on the crop: "?", "✓", "×".
    tip
        Text of the tool tip.
    caption
        Name that is drawn on the crop, elided if it is too long.
    """

    id: int
    pixels: NDArray[np.uint8]
    colour: str
    badge: str = ""
    tip: str = ""
    caption: str = ""


class _Tile(QAbstractButton):
    """A crop as a button that does not take the keyboard focus from the image."""

    def __init__(self, clicked: Callable[[int], object]) -> None:
        super().__init__()
        self.clicked.connect(lambda: clicked(self.crop.id))
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.set_side(CROP)
        self.current = False

    def set_side(self, crop_px: int) -> None:
        """Set the side of the crop without its frame."""
        self._side_px = crop_px + 2 * FRAME
        self.setFixedSize(self.sizeHint())

    def show_crop(self, crop: Crop) -> None:
        self.crop = crop
        self._picture = grey_image(crop.pixels)
        self.setToolTip(crop.tip)
        self.setAccessibleName(crop.tip)
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self._side_px, self._side_px)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHints(
            QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform
        )
        shades = shades_of(self)
        inside = QRectF(self.rect()).adjusted(FRAME, FRAME, -FRAME, -FRAME)
        painter.drawImage(inside, self._picture)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(self.crop.colour), 3))
        painter.drawRect(inside.adjusted(1, 1, -1, -1))
        if self.current or self.hasFocus():
            style = Qt.PenStyle.SolidLine if self.current else Qt.PenStyle.DotLine
            painter.setPen(QPen(shades.text, 2, style))
            painter.drawRect(QRectF(self.rect()).adjusted(1, 1, -1, -1))
        if self.crop.caption:
            band = QRectF(inside.left() + 3, inside.top() + 3, inside.width() - 6, 14)
            painter.fillRect(band, QColor(0, 0, 0, 150))
            font = painter.font()
            font.setPixelSize(10)
            painter.setFont(font)
            painter.setPen(QColor("white"))
            fitting = painter.fontMetrics().elidedText(
                self.crop.caption, Qt.TextElideMode.ElideMiddle, int(band.width()) - 4
            )
            painter.drawText(band, Qt.AlignmentFlag.AlignCenter, fitting)
        if self.crop.badge:
            centre = inside.bottomRight() - QPointF(11, 11)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(self.crop.colour))
            painter.drawEllipse(centre, 9, 9)
            painter.setPen(QColor("black"))
            font = painter.font()
            font.setBold(True)
            font.setPixelSize(13)
            painter.setFont(font)
            badge = QRectF(centre - QPointF(9, 9), centre + QPointF(9, 9))
            painter.drawText(badge, Qt.AlignmentFlag.AlignCenter, self.crop.badge)


class _SidewaysArea(QScrollArea):
    """A scroll area that the wheel scrolls horizontally."""

    def wheelEvent(self, event: QWheelEvent) -> None:
        bar = self.horizontalScrollBar()
        steps = event.angleDelta().y() or event.angleDelta().x()
        before = bar.value()
        bar.setValue(before - steps * (CROP + 2 * FRAME) // 120)
        # At its end, the wheel scrolls the surrounding area.
        event.setAccepted(bar.value() != before)


class CropStrip(QWidget):
    """Show crops side by side, in one row or in two rows of five; the current one is framed.

    Signals
    -------
    clicked(id)
        A crop was clicked.
    """

    clicked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tiles: list[_Tile] = []
        self._ids: list[int] = []
        self._current: int | None = None
        self._empty = QLabel("No open questions")
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setWordWrap(True)
        self._rows = 1
        self._grid = QWidget()
        self._layout = QGridLayout(self._grid)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(SPACING)
        self._layout.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        self._area = _SidewaysArea()
        self._area.setFrameShape(QScrollArea.Shape.NoFrame)
        self._area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._area.setWidgetResizable(True)
        self._area.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._area.setWidget(self._grid)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._empty)
        layout.addWidget(self._area)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.set_crops([])

    def set_empty_text(self, text: str) -> None:
        """Set the text that is shown when there are no crops."""
        self._empty.setText(text)

    def set_rows(self, rows: int) -> None:
        """Show the crops in one row, or in two."""
        if rows != self._rows:
            self._rows = rows
            self._arrange()

    def set_crops(self, crops: Sequence[Crop]) -> None:
        """Show these crops in this order; the scroll position is kept."""
        count = len(self._tiles)
        while len(self._tiles) < len(crops):
            self._tiles.append(_Tile(self.clicked.emit))
        while len(self._tiles) > len(crops):
            tile = self._tiles.pop()
            self._layout.removeWidget(tile)
            tile.hide()
            tile.deleteLater()
        before = self._ids
        self._ids = [crop.id for crop in crops]
        for tile, crop in zip(self._tiles, crops, strict=True):
            tile.show_crop(crop)
        if len(self._tiles) != count or not count:
            self._arrange()
        self._empty.setVisible(not crops)
        self._area.setVisible(bool(crops))
        self._frame(scroll=self._ids != before)

    def visible_ids(self) -> list[int]:
        """Return the identifiers of the crops that are entirely on screen."""
        return [
            tile.crop.id
            for tile in self._tiles
            if tile.visibleRegion().boundingRect().size() == tile.sizeHint()
        ]

    def scroll_to(self, id: int) -> None:
        """Scroll to the crop with this `id`."""
        for tile in self._tiles:
            if tile.crop.id == id:
                self._area.ensureWidgetVisible(tile, 0, 0)

    def _arrange(self) -> None:
        """Place the crops row by row, page after page to the right."""
        crop_px = CROP if self._rows == 1 else CROP_OF_TWO_ROWS
        for number, tile in enumerate(self._tiles):
            tile.set_side(crop_px)
            page, place = divmod(number, COLUMNS * self._rows)
            row, column = divmod(place, COLUMNS)
            self._layout.addWidget(tile, row, COLUMNS * page + column)
        scrolls = len(self._tiles) > COLUMNS * self._rows
        side = crop_px + 2 * FRAME + SPACING
        self.setFixedHeight(self._rows * side + (_SCROLL_BAR if scrolls else 0))

    def set_current(self, id: int | None) -> None:
        """Frame the crop with this `id` and scroll to it if it is a new one; None frames none."""
        before, self._current = self._current, id
        self._frame(scroll=id != before)

    def _frame(self, scroll: bool) -> None:
        for tile in self._tiles:
            tile.current = tile.crop.id == self._current
            tile.update()
            if tile.current and scroll:
                self._layout.activate()
                self._area.ensureWidgetVisible(tile, CROP, 0)

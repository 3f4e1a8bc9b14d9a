"""A gallery of crops in which wrong picks can be marked."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QKeyEvent, QResizeEvent, QWheelEvent
from qtpy.QtWidgets import (
    QBoxLayout,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)
from superqt import QElidingLabel

from activepick._napari.views.crop_grid import CropGrid
from activepick._napari.views.pick_list import ORDERS, PickList, PixelsOf
from activepick._napari.views.shades import LABEL_PADDING
from activepick.wording import counted

__all__ = ["CropGallery"]

# From this width on, all controls fit in one line.
WIDE = 700


class CropGallery(QWidget):
    """Show all picks as crops; a click marks one as wrong, a button rejects the marked ones.

    Signals
    -------
    rejected(ids)
        The button was pressed. `ids` lists the marked picks; their marks are removed.
    opened(id)
        A crop was double-clicked.
    """

    rejected = Signal(list)
    opened = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._picks = PickList(self)
        self._grid = CropGrid(self._picks)
        self._last_toggled: int | None = None

        self._order = _OrderBox()
        self._order.addItems(list(ORDERS))
        self._order.setToolTip("Order of the picks")
        self._count = QLabel()
        self._reject = QPushButton()
        self._reject.setMinimumWidth(150)
        self._reject.setToolTip("Label the crossed-out picks as non-particles")
        self._clear = QPushButton("Clear")
        self._clear.setToolTip("Remove all crosses")
        for control in (self._order, self._reject, self._clear):
            # A click does not take the keyboard focus from the image; the Tab key still reaches
            # them.
            control.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        hint = QElidingLabel("Click on wrong picks")
        hint.setToolTip("Shift+click marks all picks between the last click and this one")
        hint.setEllipsesWidth(LABEL_PADDING)

        order = self._first_controls = QHBoxLayout()
        order.addWidget(self._order)
        order.addStretch()
        order.addWidget(self._count)
        marked = QHBoxLayout()
        marked.addWidget(self._reject, stretch=1)
        marked.addWidget(self._clear)
        self._controls = QBoxLayout(QBoxLayout.Direction.TopToBottom)
        self._controls.setSpacing(4)
        self._controls.addLayout(order)
        self._controls.addWidget(hint, stretch=1)
        self._controls.addLayout(marked)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(self._controls)
        layout.addWidget(self._grid, stretch=1)

        self._order.currentTextChanged.connect(self._sort)
        self._reject.clicked.connect(self._emit_rejected)
        self._clear.clicked.connect(self._picks.clear_marks)
        self._grid.toggled.connect(self._toggle)
        self._grid.opened.connect(self._open)
        self._picks.dataChanged.connect(self._show_counts)
        self._picks.modelReset.connect(self._show_counts)
        self._show_counts()

    def set_items(self, ids: ArrayLike, scores: ArrayLike, pixels_of: PixelsOf) -> None:
        """Show picks; marks of picks that are still present are kept.

        Parameters
        ----------
        ids, scores
            Unique identifiers (n,) and logits (n,).
        pixels_of
            Returns uint8 crops (k, size, size) for k rows of these arrays; called for the rows that
            are on screen.
        """
        scrolled = self._grid.verticalScrollBar().value()
        self._last_toggled = None
        self._picks.set_items(ids, scores, pixels_of)
        self._grid.verticalScrollBar().setValue(scrolled)

    def refresh_pixels(self) -> None:
        """Discard the crops, for instance after the display filter changed."""
        self._picks.drop_pictures()

    def put_pixels(self, rows: NDArray[np.intp], pixels: NDArray[np.uint8]) -> None:
        """Set crops (k, size, size) that were not available when they were requested.

        Parameters
        ----------
        rows
            Rows (k,) of the arrays of `set_items`.
        pixels
            Their crops.
        """
        self._picks.put(rows, pixels)

    def visible_rows(self) -> NDArray[np.intp]:
        """Return the rows of the arrays of `set_items` whose crops are on screen."""
        positions = self._grid.visible_rows()
        return np.array([self._picks.row_at(position) for position in positions], np.intp)

    def add_control(self, control: QWidget) -> None:
        """Add a control before the others."""
        self._first_controls.insertWidget(0, control)

    def wrong_ids(self) -> list[int]:
        """Return the identifiers of the marked picks."""
        return self._picks.wrong_ids()

    def set_wrong_ids(self, ids: Iterable[int]) -> None:
        """Mark only these picks, for instance after identifiers changed."""
        self._picks.set_wrong(ids)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Place the controls in one line if the widget is wide enough."""
        super().resizeEvent(event)
        wide = event.size().width() >= WIDE
        direction = QBoxLayout.Direction
        self._controls.setDirection(direction.LeftToRight if wide else direction.TopToBottom)

    def _toggle(self, row: int, to_here: bool) -> None:
        wrong = not self._picks.is_wrong(row)
        first = row
        if to_here:
            wrong = True
            first = 0 if self._last_toggled is None else self._last_toggled
        self._picks.mark(range(min(first, row), max(first, row) + 1), wrong)
        self._last_toggled = row

    def _open(self, row: int) -> None:
        # The first click of a double click has toggled the mark.
        self._picks.mark(range(row, row + 1), not self._picks.is_wrong(row))
        self.opened.emit(self._picks.id_at(row))

    def _sort(self, name: str) -> None:
        self._last_toggled = None
        self._picks.set_order(name)
        self._grid.scrollToTop()

    def _emit_rejected(self) -> None:
        wrong = self._picks.wrong_ids()
        self._picks.clear_marks()
        self.rejected.emit(wrong)

    def _show_counts(self) -> None:
        wrong = len(self._picks.wrong_ids())
        self._count.setText(counted(self._picks.rowCount(), "pick", spec=","))
        self._reject.setText(
            f"Label {counted(wrong, 'as a non-particle', 'as non-particles', ',')}"
            if wrong
            else "Label as non-particles"
        )
        self._reject.setEnabled(wrong > 0)
        self._clear.setEnabled(wrong > 0)


class _OrderBox(QComboBox):
    """A combo box that ignores letters, which are shortcuts of the viewer, and the wheel."""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.text().isalpha():
            event.ignore()
        else:
            super().keyPressEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()

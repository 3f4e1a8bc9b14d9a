"""The picks as small pictures, in which wrong ones are clicked away."""

from numpy.typing import ArrayLike
from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QWheelEvent
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from activepick._napari.views.crop_grid import CropGrid
from activepick._napari.views.pick_list import ORDERS, PickList, PixelsOf

__all__ = ["CropGallery"]


class CropGallery(QWidget):
    """All picks as crops. A click marks one as wrong, a button hands the marked ones over.

    Attributes
    ----------
    rejected
        Signal with the list of `id` that are marked, when the button is pressed; the marks go.
    opened
        Signal with the `id` of a crop that was double-clicked.
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
        self._order.setToolTip("The order in which the picks are shown")
        self._count = QLabel()
        self._reject = QPushButton()
        self._reject.setToolTip("Label the crossed-out picks as not particles")
        self._clear = QPushButton("Clear")
        self._clear.setToolTip("Take all crosses back")
        for control in (self._order, self._reject, self._clear):
            # A click leaves the keys to the image; the Tab key still gets here.
            control.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._hint = QLabel(
            "Click what is no particle; Shift: all up to it. Double-click: go there"
        )
        self._hint.setWordWrap(True)

        top = QHBoxLayout()
        top.addWidget(self._order)
        top.addStretch()
        top.addWidget(self._count)
        bottom = QHBoxLayout()
        bottom.addWidget(self._reject, stretch=1)
        bottom.addWidget(self._clear)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(top)
        layout.addWidget(self._grid, stretch=1)
        layout.addWidget(self._hint)
        layout.addLayout(bottom)

        self._order.currentTextChanged.connect(self._sort)
        self._reject.clicked.connect(self._hand_over)
        self._clear.clicked.connect(self._picks.clear_marks)
        self._grid.toggled.connect(self._toggle)
        self._grid.opened.connect(self._open)
        self._picks.dataChanged.connect(self._show_counts)
        self._picks.modelReset.connect(self._show_counts)
        self._show_counts()

    def set_items(self, ids: ArrayLike, scores: ArrayLike, pixels_of: PixelsOf) -> None:
        """Show picks.

        Parameters
        ----------
        ids, scores
            (n,) each; `id` unique, score a logit. Marks of picks that stay are kept.
        pixels_of
            Gives (k, n, n) uint8 crops of k rows of these arrays; called for what is on screen.
        """
        scrolled = self._grid.verticalScrollBar().value()
        self._last_toggled = None
        self._picks.set_items(ids, scores, pixels_of)
        self._grid.verticalScrollBar().setValue(scrolled)

    def refresh_pixels(self) -> None:
        """Ask for the crops again, for instance when the display filter changed."""
        self._picks.drop_pictures()

    def wrong_ids(self) -> list[int]:
        """Give the `id` of the picks that are marked now."""
        return self._picks.wrong_ids()

    def _toggle(self, place: int, to_here: bool) -> None:
        wrong = not self._picks.is_wrong(place)
        first = place
        if to_here:
            wrong = True
            first = 0 if self._last_toggled is None else self._last_toggled
        self._picks.mark(range(min(first, place), max(first, place) + 1), wrong)
        self._last_toggled = place

    def _open(self, place: int) -> None:
        # The first click of the two has marked it.
        self._picks.mark(range(place, place + 1), not self._picks.is_wrong(place))
        self.opened.emit(self._picks.id_at(place))

    def _sort(self, name: str) -> None:
        self._last_toggled = None
        self._picks.set_order(name)
        self._grid.scrollToTop()

    def _hand_over(self) -> None:
        wrong = self._picks.wrong_ids()
        self._picks.clear_marks()
        self.rejected.emit(wrong)

    def _show_counts(self) -> None:
        wrong = len(self._picks.wrong_ids())
        self._count.setText(f"{self._picks.rowCount():,} picks")
        self._reject.setText(f"Not particles: {wrong:,}")
        self._reject.setEnabled(wrong > 0)
        self._clear.setEnabled(wrong > 0)


class _OrderBox(QComboBox):
    """The wheel scrolls what is around it: one turn too many would sort everything anew."""

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()

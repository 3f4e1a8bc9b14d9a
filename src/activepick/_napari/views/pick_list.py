"""Qt model of the gallery: order, marks and crops of the picks."""

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from qtpy.QtCore import QAbstractListModel, QModelIndex, QObject, Qt
from qtpy.QtGui import QImage
from scipy.special import expit

from activepick._napari.views.grey_images import grey_image

__all__ = ["ORDERS", "PickList", "PixelsOf"]

PixelsOf = Callable[[NDArray[np.intp]], NDArray[np.uint8]]
# Largest number of crops in memory: about twenty screens, 25 MB.
PICTURES_KEPT = 6000


def _as_found(scores: NDArray[np.float64]) -> NDArray[np.intp]:
    return np.arange(scores.size)


def _highest_first(scores: NDArray[np.float64]) -> NDArray[np.intp]:
    return np.argsort(-scores, kind="stable")


def _lowest_first(scores: NDArray[np.float64]) -> NDArray[np.intp]:
    return np.argsort(scores, kind="stable")


def _at_random(scores: NDArray[np.float64]) -> NDArray[np.intp]:
    return np.random.default_rng(0).permutation(scores.size)


ORDERS: dict[str, Callable[[NDArray[np.float64]], NDArray[np.intp]]] = {
    "Lowest score first": _lowest_first,
    "Highest score first": _highest_first,
    "Random order": _at_random,
    "Order of detection": _as_found,
}


class PickList(QAbstractListModel):
    """List picks in a chosen order; the position in the list is not the row of the arrays."""

    WRONG = Qt.ItemDataRole.UserRole + 1

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._ids = np.empty(0, np.int64)
        self._scores = np.empty(0)
        self._order = np.empty(0, np.intp)
        self._order_name = next(iter(ORDERS))
        self._pixels_of: PixelsOf | None = None
        self._pictures: dict[int, QImage] = {}
        self._wrong: set[int] = set()

    def set_items(self, ids: ArrayLike, scores: ArrayLike, pixels_of: PixelsOf) -> None:
        """Show these picks; marks of picks that are still present are kept."""
        self.beginResetModel()
        self._ids = np.asarray(ids, np.int64).ravel()
        self._scores = np.asarray(scores, np.float64).ravel()
        self._pixels_of = pixels_of
        self._pictures.clear()
        self._wrong &= set(self._ids.tolist())
        self._order = ORDERS[self._order_name](self._scores)
        self.endResetModel()

    def set_order(self, name: str) -> None:
        """Sort by one of `ORDERS`."""
        self.beginResetModel()
        self._order_name = name
        self._order = ORDERS[name](self._scores)
        self.endResetModel()

    def wrong_ids(self) -> list[int]:
        """Return the identifiers of the marked picks, in the order shown."""
        return [id for id in self._ids[self._order].tolist() if id in self._wrong]

    def id_at(self, position: int) -> int:
        """Return the identifier at a position of the list."""
        return int(self._ids[self._order[position]])

    def row_at(self, position: int) -> int:
        """Return the row of the arrays at a position of the list."""
        return int(self._order[position])

    def is_wrong(self, position: int) -> bool:
        """Return whether the pick at a position of the list is marked."""
        return self.id_at(position) in self._wrong

    def mark(self, positions: range, wrong: bool) -> None:
        """Mark positions of the list as wrong, or remove their marks."""
        ids = self._ids[self._order[positions.start : positions.stop]].tolist()
        if wrong:
            self._wrong.update(ids)
        else:
            self._wrong.difference_update(ids)
        self._changed(positions)

    def set_wrong(self, ids: Iterable[int]) -> None:
        """Mark only the picks with these identifiers."""
        self._wrong = set(ids) & set(self._ids.tolist())
        self._changed(range(len(self._order)))

    def clear_marks(self) -> None:
        """Remove all marks."""
        self.set_wrong(())

    def drop_pictures(self) -> None:
        """Discard all crops, so that they are requested again."""
        self._pictures.clear()
        self._changed(range(len(self._order)))

    def put(self, rows: NDArray[np.intp], pixels: NDArray[np.uint8]) -> None:
        """Set crops (k, size, size) of rows that were not available when they were requested."""
        for row, own in zip(rows.tolist(), pixels, strict=True):
            self._pictures[row] = grey_image(own)
        self._changed(range(len(self._order)))

    def prepare(self, positions: range) -> None:
        """Load the crops of positions that are about to be drawn, in one call."""
        rows = self._order[positions.start : positions.stop]
        missing = np.array([row for row in rows.tolist() if row not in self._pictures], np.intp)
        if self._pixels_of is None or not missing.size:
            return
        if len(self._pictures) + missing.size > PICTURES_KEPT:
            self._pictures.clear()
            missing = rows
        for row, pixels in zip(missing.tolist(), self._pixels_of(missing), strict=True):
            self._pictures[row] = grey_image(pixels)

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008
        """Return the number of picks."""
        return 0 if parent.isValid() else len(self._order)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Return the crop, the mark, or the tool tip of a pick."""
        if not index.isValid():
            return None
        row = int(self._order[index.row()])
        if role == Qt.ItemDataRole.DecorationRole:
            return self._pictures.get(row)
        if role == self.WRONG:
            return self.is_wrong(index.row())
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            mark = ", marked as a non-particle" if self.is_wrong(index.row()) else ""
            return f"probability {expit(self._scores[row]):.3f}{mark}"
        return None

    def _changed(self, positions: range) -> None:
        if len(positions):
            self.dataChanged.emit(self.index(positions.start), self.index(positions.stop - 1))

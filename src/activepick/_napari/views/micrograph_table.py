"""A table of micrographs, which can be searched, opened and rejected."""

from collections.abc import Mapping, Sequence

from qtpy.QtCore import QModelIndex, Qt, Signal
from qtpy.QtGui import QKeyEvent, QResizeEvent
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from activepick._napari.views.micrograph_model import MicrographModel
from activepick._napari.views.micrograph_rows import (
    CONTRAST,
    DEFOCUS,
    LABELS,
    MEAN_SCORE,
    NAME,
    PICKS,
    STATE,
    UNSURE,
    USE,
    Row,
)

__all__ = ["MicrographTable", "Row"]

# Number of rows that are shown at first, and their height in screen pixels.
_ROWS, _ROW_HEIGHT = 4, 22
WIDTHS = {
    USE: 30,
    STATE: 20,
    LABELS: 48,
    PICKS: 46,
    UNSURE: 52,
    DEFOCUS: 90,
    CONTRAST: 66,
    MEAN_SCORE: 80,
}
_WIDE_COLUMNS = (DEFOCUS, CONTRAST, MEAN_SCORE)


class MicrographTable(QWidget):
    """Show one row for each micrograph.

    Parameters
    ----------
    wide
        Whether to show all columns and as many rows as fit; otherwise the most important columns
        and a few rows.

    Signals
    -------
    opened(number)
        The row of a micrograph was clicked.
    rejected(number, rejected)
        The check box of a micrograph was clicked. The box itself is changed by `update_rows`, so
        that it shows the state of the session.
    """

    opened = Signal(int)
    rejected = Signal(int, bool)

    def __init__(self, parent: QWidget | None = None, *, wide: bool = False) -> None:
        super().__init__(parent)
        self._model = MicrographModel(self, shorten=not wide)
        self._current: int | None = None
        self._view = _View()
        self._view.setModel(self._model)
        self._filter = QLineEdit()
        self._filter.setPlaceholderText("Find by name")
        self._filter.setToolTip("Show only micrographs whose names contain this text")
        self._filter.setClearButtonEnabled(True)
        self._count = QLabel()
        header = self._view.horizontalHeader()
        header.setMinimumSectionSize(20)
        for column in range(self._model.columnCount()):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
            header.resizeSection(column, WIDTHS.get(column, 100))
        header.setSectionResizeMode(NAME, QHeaderView.ResizeMode.Stretch)
        for column in _WIDE_COLUMNS:
            self._view.setColumnHidden(column, not wide)
        if not wide:
            self.show_rows(_ROWS)

        top = QHBoxLayout()
        top.addWidget(self._filter, stretch=1)
        top.addWidget(self._count)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(top)
        layout.addWidget(self._view)

        self._filter.textChanged.connect(self._model.set_filter)
        self._filter.returnPressed.connect(self._filter.clearFocus)
        self._view.clicked.connect(self._clicked)
        self._view.entered_row.connect(self._open)
        self._model.use_requested.connect(lambda number, use: self.rejected.emit(number, not use))
        self._model.layoutChanged.connect(self._show_count)
        self._show_count()

    def show_rows(self, count: int) -> None:
        """Make room for a number of rows; the others are scrolled to."""
        height = (1 + count) * _ROW_HEIGHT + 2 * self._view.frameWidth()
        if self._view.height() != height:
            self._view.setFixedHeight(height)

    def set_rows(self, rows: Sequence[Row]) -> None:
        """Show these micrographs, in this order until the table is sorted.

        If the micrographs are the same as before, rows change in place and nothing scrolls.
        """
        self._model.set_rows(rows)

    def update_rows(self, rows: Sequence[Row]) -> None:
        """Replace the rows of micrographs that are in the table under the same names."""
        self._model.update_rows(rows)

    @property
    def rows(self) -> Mapping[int, Row]:
        """Rows of all micrographs by number, including those that are filtered out."""
        return self._model.rows

    def visible_numbers(self) -> list[int]:
        """Return the numbers of the micrographs whose rows are on screen."""
        first, last = self._view.rowAt(0), self._view.rowAt(self._view.viewport().height() - 1)
        end = self._model.rowCount() if last < 0 else last + 1  # all rows fit
        return [self._model.row_at(position).number for position in range(max(0, first), end)]

    def set_current(self, number: int | None) -> None:
        """Highlight the micrograph that is shown, and scroll to it if it is a new one."""
        if number == self._current:
            return
        self._current = number
        self._model.set_current(number)
        position = None if number is None else self._model.position_of(number)
        if position is not None:
            # Scrolling is not possible before new rows have been laid out.
            self._view.executeDelayedItemsLayout()
            self._view.setCurrentIndex(self._model.index(position, NAME))

    def _clicked(self, index: QModelIndex) -> None:
        if index.column() != USE:
            self._open(index.row())

    def _open(self, position: int) -> None:
        # The next keys are shortcuts of the viewer.
        self._filter.clearFocus()
        self.opened.emit(self._model.row_at(position).number)

    def _show_count(self) -> None:
        shown, total = self._model.rowCount(), self._model.total()
        self._count.setText(f"{shown:,}" if shown == total else f"{shown:,} of {total:,}")


class _View(QTableView):
    """A table view that selects whole rows and leaves the keyboard focus to the viewer."""

    entered_row = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setSortingEnabled(True)
        self.sortByColumn(-1, Qt.SortOrder.AscendingOrder)
        self.verticalHeader().hide()
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.verticalHeader().setMinimumSectionSize(_ROW_HEIGHT)
        self.verticalHeader().setDefaultSectionSize(_ROW_HEIGHT)
        self.horizontalHeader().setHighlightSections(False)
        self.horizontalHeader().setFixedHeight(_ROW_HEIGHT)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self.currentIndex().isValid():
            self.scrollTo(self.currentIndex())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if self.currentIndex().isValid():
                self.entered_row.emit(self.currentIndex().row())
        elif event.text().strip():
            event.ignore()
        else:
            super().keyPressEvent(event)

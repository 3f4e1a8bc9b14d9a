"""The table of micrographs behind its view: order, filter, and what each cell says."""

from collections.abc import Sequence

from qtpy.QtCore import QAbstractTableModel, QModelIndex, QObject, Qt, Signal
from qtpy.QtGui import QColor, QFont

from activepick._napari.colours import EXCLUDED
from activepick._napari.views.micrograph_rows import COLUMNS, NAME, STATE, USE, Row
from activepick._napari.views.short_names import short_names

__all__ = ["MicrographModel"]

Role = Qt.ItemDataRole
Align = Qt.AlignmentFlag
ALIGNMENT = {NAME: Align.AlignLeft, STATE: Align.AlignHCenter}


class MicrographModel(QAbstractTableModel):
    """Rows, sorted and filtered by itself: a proxy in Python is slow at thousands of rows.

    Attributes
    ----------
    use_asked
        Signal (number, whether it is to be used) when a box is ticked; the row itself waits for
        `update_row`.
    """

    use_asked = Signal(int, bool)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: dict[int, Row] = {}
        self._short: dict[int, str] = {}
        self._shown: list[int] = []
        self._places: dict[int, int] = {}
        self._filter = ""
        self._sorted_by: tuple[int, bool] | None = None
        self._current: int | None = None

    def set_rows(self, rows: Sequence[Row]) -> None:
        """Show these rows; the same micrographs stay where they are until sorted again."""
        before, self._rows = self._rows, {row.number: row for row in rows}
        names = [row.name for row in self._rows.values()]
        if list(before) == list(self._rows) and names == [row.name for row in before.values()]:
            changed = [number for number, row in self._rows.items() if row != before[number]]
            self._redraw(*changed)
            return
        self._short = dict(zip(self._rows, short_names(names), strict=True))
        self._arrange()

    def update_row(self, row: Row) -> None:
        """Show what changed in a row, or a new one.

        It stays where it is until the table is sorted again.
        """
        known = row.number in self._rows
        self._rows[row.number] = row
        if known:
            self._redraw(row.number)
        else:
            self._short[row.number] = row.name
            self._arrange()

    def set_filter(self, text: str) -> None:
        """Show only names that hold all words of a text, in any case."""
        self._filter = text
        self._arrange()

    def set_current(self, number: int | None) -> None:
        """Stress the row of the micrograph that is shown."""
        before, self._current = self._current, number
        self._redraw(before, number)

    def row_at(self, place: int) -> Row:
        """Give what is at a place of the table."""
        return self._rows[self._shown[place]]

    def place_of(self, number: int) -> int | None:
        """Give the place of a micrograph; None when it is filtered out."""
        return self._places.get(number)

    def total(self) -> int:
        """Count the rows, also those that are filtered out."""
        return len(self._rows)

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort by a column; -1 for the order in which they came."""
        self._sorted_by = None if column < 0 else (column, order == Qt.SortOrder.DescendingOrder)
        self._arrange()

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008
        """Count the rows that are shown."""
        return 0 if parent.isValid() else len(self._shown)

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008
        """Count the columns."""
        return 0 if parent.isValid() else len(COLUMNS)

    def flags(self, index: QModelIndex) -> Qt.ItemFlag:
        """Let the boxes be ticked."""
        flags = super().flags(index)
        return flags | Qt.ItemFlag.ItemIsUserCheckable if index.column() == USE else flags

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Role.DisplayRole
    ) -> object:
        """Give the titles and what they mean."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        column = COLUMNS[section]
        if role == Role.TextAlignmentRole:
            return ALIGNMENT.get(section, Align.AlignRight) | Align.AlignVCenter
        return {Role.DisplayRole: column.title, Role.ToolTipRole: column.tip}.get(role)

    def setData(self, index: QModelIndex, value: object, role: int = Role.EditRole) -> bool:
        """Ask for a micrograph to be used or left out."""
        if role != Role.CheckStateRole or index.column() != USE:
            return False
        row = self.row_at(index.row())
        self.use_asked.emit(row.number, row.rejected)
        return True

    def data(self, index: QModelIndex, role: int = Role.DisplayRole) -> object:
        """Give what a cell says and how."""
        if not index.isValid():
            return None
        row, column = self.row_at(index.row()), index.column()
        if role == Role.DisplayRole:
            return self._short[row.number] if column == NAME else COLUMNS[column].text(row)
        if role == Role.CheckStateRole and column == USE:
            return Qt.CheckState.Unchecked if row.rejected else Qt.CheckState.Checked
        if role == Role.ToolTipRole:
            return f"{row.name}\n{row.note}" if row.note else row.name
        if role == Role.TextAlignmentRole:
            return ALIGNMENT.get(column, Align.AlignRight) | Align.AlignVCenter
        if role == Role.ForegroundRole and column == STATE and row.note:
            return QColor(EXCLUDED)
        if role == Role.FontRole:
            font = QFont()
            font.setBold(row.number == self._current or (column == STATE and bool(row.note)))
            font.setStrikeOut(row.rejected and column == NAME)
            return font
        return None

    def _redraw(self, *numbers: int | None) -> None:
        places = [self._places[number] for number in numbers if number in self._places]
        if places:
            # One signal for all between: the view draws only what is on screen.
            last = self.index(max(places), len(COLUMNS) - 1)
            self.dataChanged.emit(self.index(min(places), 0), last)

    def _arrange(self) -> None:
        self.layoutAboutToBeChanged.emit()
        words = self._filter.casefold().split()
        shown = [
            row for row in self._rows.values() if all(word in row.name.casefold() for word in words)
        ]
        if self._sorted_by is not None:
            column, reverse = self._sorted_by
            shown.sort(key=COLUMNS[column].key, reverse=reverse)
        held = [(index, self._shown[index.row()]) for index in self.persistentIndexList()]
        self._shown = [row.number for row in shown]
        self._places = {number: place for place, number in enumerate(self._shown)}
        # What is selected stays selected, wherever it goes.
        for index, number in held:
            place = self._places.get(number)
            moved = QModelIndex() if place is None else self.index(place, index.column())
            self.changePersistentIndex(index, moved)
        self.layoutChanged.emit()

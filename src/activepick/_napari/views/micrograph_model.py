"""Qt model of the table of micrographs: order, filter, and contents of the cells."""

from collections.abc import Mapping, Sequence

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
    """Sort and filter rows; a proxy model in Python would be slow for thousands of rows.

    Parameters
    ----------
    shorten
        Whether to leave out the parts of names that all micrographs share.

    Signals
    -------
    use_requested(number, use)
        A check box was clicked; the row is unchanged until `update_rows`.
    """

    use_requested = Signal(int, bool)

    def __init__(self, parent: QObject | None = None, *, shorten: bool = True) -> None:
        super().__init__(parent)
        self._shorten = shorten
        self._rows: dict[int, Row] = {}
        self._short: dict[int, str] = {}
        self._shown: list[int] = []
        self._positions: dict[int, int] = {}
        self._filter = ""
        self._sorted_by: tuple[int, bool] | None = None
        self._current: int | None = None

    def set_rows(self, rows: Sequence[Row]) -> None:
        """Show these rows; rows of the same micrographs stay in position until sorted again."""
        before = [(number, row.name) for number, row in self._rows.items()]
        if [(row.number, row.name) for row in rows] == before:
            self.update_rows(rows)
            return
        self._rows = {row.number: row for row in rows}
        names = [row.name for row in self._rows.values()]
        shown = short_names(names) if self._shorten else names
        self._short = dict(zip(self._rows, shown, strict=True))
        self._arrange()

    def update_rows(self, rows: Sequence[Row]) -> None:
        """Replace rows of the same names; they stay in position until the table is sorted again."""
        changed = {row.number: row for row in rows if row != self._rows[row.number]}
        self._rows.update(changed)
        self._redraw(*changed)

    @property
    def rows(self) -> Mapping[int, Row]:
        """Rows of all micrographs by number, including those that are filtered out."""
        return self._rows

    def set_filter(self, text: str) -> None:
        """Show only names that contain all words of a text, regardless of case."""
        self._filter = text
        self._arrange()

    def set_current(self, number: int | None) -> None:
        """Highlight the row of the micrograph that is shown."""
        before, self._current = self._current, number
        self._redraw(before, number)

    def row_at(self, position: int) -> Row:
        """Return the row at a position of the table."""
        return self._rows[self._shown[position]]

    def position_of(self, number: int) -> int | None:
        """Return the position of a micrograph in the table; None if it is filtered out."""
        return self._positions.get(number)

    def total(self) -> int:
        """Return the number of rows, including those that are filtered out."""
        return len(self._rows)

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort by a column; -1 restores the original order."""
        self._sorted_by = None if column < 0 else (column, order == Qt.SortOrder.DescendingOrder)
        self._arrange()

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008
        """Return the number of rows that are shown."""
        return 0 if parent.isValid() else len(self._shown)

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008
        """Return the number of columns."""
        return 0 if parent.isValid() else len(COLUMNS)

    def flags(self, index: QModelIndex) -> Qt.ItemFlag:
        """Return the flags of a cell; the first column has check boxes."""
        flags = super().flags(index)
        return flags | Qt.ItemFlag.ItemIsUserCheckable if index.column() == USE else flags

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Role.DisplayRole
    ) -> object:
        """Return the titles of the columns and their tool tips."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        column = COLUMNS[section]
        if role == Role.TextAlignmentRole:
            return ALIGNMENT.get(section, Align.AlignRight) | Align.AlignVCenter
        if role == Role.DisplayRole:
            return column.title
        return column.tip if role == Role.ToolTipRole else None

    def setData(self, index: QModelIndex, value: object, role: int = Role.EditRole) -> bool:
        """Emit `use_requested` for a check box that was clicked."""
        if role != Role.CheckStateRole or index.column() != USE:
            return False
        row = self.row_at(index.row())
        self.use_requested.emit(row.number, row.rejected)
        return True

    def data(self, index: QModelIndex, role: int = Role.DisplayRole) -> object:
        """Return the text and the style of a cell."""
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
        positions = [self._positions[number] for number in numbers if number in self._positions]
        if positions:
            # One signal for the whole range: the view draws only what is on screen.
            last = self.index(max(positions), len(COLUMNS) - 1)
            self.dataChanged.emit(self.index(min(positions), 0), last)

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
        self._positions = {number: position for position, number in enumerate(self._shown)}
        # The selection follows its micrograph.
        for index, number in held:
            position = self._positions.get(number)
            moved = QModelIndex() if position is None else self.index(position, index.column())
            self.changePersistentIndex(index, moved)
        self.layoutChanged.emit()

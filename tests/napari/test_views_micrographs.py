import os
import sys
from dataclasses import replace

import pytest

pytest.importorskip("qtpy.QtWidgets", exc_type=ImportError)

from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QLabel, QLineEdit, QTableView

from activepick._napari.views.micrograph_table import MicrographTable, Row
from activepick._napari.views.short_names import short_names

pytestmark = pytest.mark.skipif(
    sys.platform.startswith("linux") and not os.environ.get("DISPLAY"),
    reason="a window needs a screen: run it under xvfb-run",
)
LEFT = Qt.MouseButton.LeftButton
USE, NAME, PICKS, UNSURE = 0, 2, 4, 5
ROWS = [
    Row(1, "grid_0001_b.mrc", "done", 12, 300, 0.1),
    Row(2, "grid_0002_a.mrc", "seen", 0, 120, 0.6),
    Row(3, "grid_0003_c.mrc", "unseen"),
    Row(4, "grid_0004_d.mrc", "rejected", 3, 90, 0.3, "the file changed"),
]


class Table(MicrographTable):
    """The table, with hands and eyes."""

    @property
    def view(self) -> QTableView:
        return self.findChild(QTableView)

    @property
    def filter(self) -> QLineEdit:
        return self.findChild(QLineEdit)

    def cell(self, row: int, column: int) -> QPoint:
        return self.view.visualRect(self.view.model().index(row, column)).center()

    def text(self, row: int, column: int) -> str:
        return self.view.model().index(row, column).data()

    def column(self, column: int) -> list[str]:
        return [self.text(row, column) for row in range(self.view.model().rowCount())]

    def numbers(self) -> list[int]:
        return [self.view.model().row_at(row).number for row in range(len(self.column(0)))]

    def ticked(self, row: int) -> bool:
        state = self.view.model().index(row, USE).data(Qt.ItemDataRole.CheckStateRole)
        return state == Qt.CheckState.Checked


def tick(qtbot, table: Table, row: int) -> None:
    rect = table.view.visualRect(table.view.model().index(row, USE))
    box = QPoint(rect.left() + 11, rect.center().y())
    qtbot.mouseClick(table.view.viewport(), LEFT, pos=box)


def click_header(qtbot, table: Table, column: int) -> None:
    header = table.view.horizontalHeader()
    middle = header.sectionViewportPosition(column) + header.sectionSize(column) // 2
    qtbot.mouseClick(header.viewport(), LEFT, pos=QPoint(middle, header.height() // 2))


@pytest.fixture
def table(qtbot):
    table = Table()
    table.resize(390, 300)
    qtbot.addWidget(table)
    table.set_rows(ROWS)
    with qtbot.waitExposed(table):
        table.show()
    return table


def test_a_click_on_a_row_opens_the_micrograph(qtbot, table):
    with qtbot.waitSignal(table.opened) as heard:
        qtbot.mouseClick(table.view.viewport(), LEFT, pos=table.cell(2, NAME))
    assert heard.args == [3]


def test_a_check_box_emits_a_request_and_changes_only_on_update(qtbot, table):
    opened, rejected = [], []
    table.opened.connect(opened.append)
    table.rejected.connect(lambda number, out: rejected.append((number, out)))
    tick(qtbot, table, 0)
    tick(qtbot, table, 3)
    assert rejected == [(1, True), (4, False)]
    assert opened == []
    assert table.ticked(0)
    table.update_rows([replace(ROWS[0], state="rejected")])
    assert not table.ticked(0)


def test_unknown_values_are_empty_cells(table):
    assert table.column(PICKS) == ["300", "120", "", "90"]
    assert [bool(text) for text in table.column(UNSURE)] == [True, True, False, True]


def test_a_click_on_a_header_sorts_the_table(qtbot, table):
    click_header(qtbot, table, PICKS)
    assert table.numbers() == [3, 4, 2, 1]
    click_header(qtbot, table, PICKS)
    assert table.numbers() == [1, 2, 4, 3]


def test_the_selection_is_kept_when_the_table_is_sorted(qtbot, table):
    table.set_current(2)
    click_header(qtbot, table, PICKS)
    assert table.view.model().row_at(table.view.currentIndex().row()).number == 2


def test_the_filter_matches_parts_of_names(qtbot, table):
    qtbot.keyClicks(table.filter, "A 0002")
    assert table.numbers() == [2]
    assert "1 of 4" in [label.text() for label in table.findChildren(QLabel)]
    table.filter.clear()
    assert table.numbers() == [1, 2, 3, 4]


def test_an_updated_row_keeps_its_position(qtbot, table):
    click_header(qtbot, table, PICKS)
    table.update_rows([replace(ROWS[2], picks=1000)])
    assert table.numbers() == [3, 4, 2, 1]
    assert table.text(0, PICKS) == "1,000"


def test_setting_the_same_rows_keeps_order_and_scroll_position(qtbot, table):
    rows = [Row(number, f"grid_{number:04}.mrc", "unseen") for number in range(1, 501)]
    table.set_rows(rows)
    click_header(qtbot, table, NAME)
    click_header(qtbot, table, NAME)
    table.set_current(7)
    table.view.scrollToTop()
    rows[499] = replace(rows[499], picks=33, labels=4)
    table.set_rows(rows)
    table.set_current(7)
    assert table.view.verticalScrollBar().value() == 0
    assert table.numbers()[0] == 500
    assert table.text(0, PICKS) == "33"


def test_added_micrographs_are_shown_in_order(qtbot, table):
    click_header(qtbot, table, PICKS)
    table.set_rows([*ROWS, Row(5, "grid_0005_e.mrc", "seen", 0, 100)])
    assert table.numbers() == [3, 4, 5, 2, 1]


def test_hidden_rows_are_updated(qtbot, table):
    qtbot.keyClicks(table.filter, "0002")
    table.update_rows([replace(ROWS[0], picks=7)])
    table.filter.clear()
    assert table.text(0, PICKS) == "7"


def test_the_table_scrolls_to_the_current_micrograph(qtbot, table):
    rows = [Row(number, f"grid_{number:04}.mrc", "unseen") for number in range(1, 8001)]
    table.set_rows(rows)
    table.set_current(7000)
    rect = table.view.visualRect(table.view.model().index(6999, NAME))
    assert table.view.viewport().rect().contains(rect)
    table.set_current(None)


def test_errors_are_shown_beside_the_name(table):
    tip = table.view.model().index(3, NAME).data(Qt.ItemDataRole.ToolTipRole)
    assert "grid_0004_d.mrc" in tip
    assert "the file changed" in tip


def test_a_click_after_a_search_returns_the_keyboard_focus(qtbot, table):
    table.filter.setFocus()
    qtbot.mouseClick(table.view.viewport(), LEFT, pos=table.cell(0, NAME))
    assert not table.filter.hasFocus()


@pytest.mark.parametrize(
    ("names", "short"),
    [
        (["a_1.mrc", "b_2.mrc"], ["a_1.mrc", "b_2.mrc"]),
        (["Falcon_12-14_aligned.mrc", "Falcon_12-15_aligned.mrc"], ["…14", "…15"]),
        (["FoilHole_107.mrc", "FoilHole_1078.mrc"], ["…107.mrc", "…1078.mrc"]),
        (["sample_x.mrc", "sample_x.mrc"], ["sample_x.mrc", "sample_x.mrc"]),
        (["only_one_file.mrc"], ["only_one_file.mrc"]),
        ([], []),
    ],
)
def test_names_are_shortened_to_their_differences(names, short):
    assert short_names(names) == short

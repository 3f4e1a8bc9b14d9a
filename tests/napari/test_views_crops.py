import os
import sys

import numpy as np
import pytest

pytest.importorskip("qtpy.QtWidgets", exc_type=ImportError)

from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QAbstractButton, QComboBox, QLabel, QPushButton, QScrollArea

from activepick._napari.views.crop_gallery import CropGallery
from activepick._napari.views.crop_grid import CropGrid
from activepick._napari.views.crop_strip import Crop, CropStrip

pytestmark = pytest.mark.skipif(
    sys.platform.startswith("linux") and not os.environ.get("DISPLAY"),
    reason="a window needs a screen: run it under xvfb-run",
)
LEFT = Qt.MouseButton.LeftButton
SHIFT = Qt.KeyboardModifier.ShiftModifier


def crops(*ids: int) -> list[Crop]:
    return [Crop(id, np.full((64, 64), id, np.uint8), "#f0e442", "?", f"no {id}") for id in ids]


def shown(qtbot, widget):
    widget.resize(390, 500)
    qtbot.addWidget(widget)
    with qtbot.waitExposed(widget):
        widget.show()
    return widget


def tiles(strip: CropStrip) -> dict[str, QAbstractButton]:
    found = strip.findChildren(QAbstractButton)
    return {tile.toolTip(): tile for tile in found if tile.isVisibleTo(strip)}


@pytest.fixture
def strip(qtbot):
    return shown(qtbot, CropStrip())


class Gallery(CropGallery):
    """A gallery of picks whose score is their number / 100, and the rows it asked for."""

    def __init__(self, picks: int):
        super().__init__()
        self.asked: list[int] = []
        self.ids = np.arange(picks) + 1000
        self.set_items(self.ids, np.arange(picks) / 100, self.pixels_of)

    def pixels_of(self, rows):
        self.asked.extend(rows.tolist())
        return np.full((len(rows), 32, 32), 77, np.uint8)

    @property
    def grid(self) -> CropGrid:
        return self.findChild(CropGrid)

    @property
    def button(self) -> QPushButton:
        return next(b for b in self.findChildren(QPushButton) if "non-particle" in b.text())

    def order_by(self, words: str) -> None:
        box = self.findChild(QComboBox)
        box.setCurrentText(next(t for t in map(box.itemText, range(box.count())) if words in t))


def centre(gallery: Gallery, place: int) -> QPoint:
    return gallery.grid.visualRect(gallery.grid.model().index(place)).center()


def click(qtbot, gallery: Gallery, place: int, modifier=Qt.KeyboardModifier.NoModifier):
    qtbot.mouseClick(gallery.grid.viewport(), LEFT, modifier, centre(gallery, place))


@pytest.fixture
def gallery(qtbot):
    return shown(qtbot, Gallery(5000))


def test_a_click_on_a_crop_emits_its_id(qtbot, strip):
    strip.set_crops(crops(7, 8, 9))
    with qtbot.waitSignal(strip.clicked) as heard:
        qtbot.mouseClick(tiles(strip)["no 8"], LEFT)
    assert heard.args == [8]


def test_changed_crops_are_shown_in_order(qtbot, strip):
    strip.set_crops(crops(1, 2, 3, 4))
    strip.set_crops(crops(9, 2))
    across = sorted(tiles(strip).items(), key=lambda tile: tile[1].x())
    assert [tip for tip, _ in across] == ["no 9", "no 2"]


def test_the_current_crop_is_framed_and_visible(qtbot, strip):
    strip.set_crops(crops(*range(1, 21)))
    plain = tiles(strip)["no 15"].grab().toImage()
    strip.set_current(15)
    tile = tiles(strip)["no 15"]
    assert tile.grab().toImage() != plain
    assert tile.visibleRegion().boundingRect().width() == tile.width()
    strip.set_current(None)
    assert tile.grab().toImage() == plain


def test_answers_do_not_scroll_back_to_the_current_crop(qtbot, strip):
    strip.set_crops(crops(*range(1, 21)))
    strip.set_current(2)
    bar = strip.findChild(QScrollArea).horizontalScrollBar()
    bar.setValue(bar.maximum())
    strip.set_crops(crops(*range(1, 21)))
    strip.set_current(2)
    assert bar.value() == bar.maximum()
    strip.set_current(3)
    assert bar.value() < bar.maximum()


def test_an_empty_strip_shows_a_text(strip):
    strip.set_empty_text("Nothing to ask")
    strip.set_crops([])
    (label,) = strip.findChildren(QLabel)
    assert label.isVisible()
    assert label.text() == "Nothing to ask"
    strip.set_crops(crops(1))
    assert not label.isVisible()


def test_the_button_emits_the_marked_picks(qtbot, gallery):
    assert not gallery.button.isEnabled()
    for place in (2, 4, 5, 4):
        click(qtbot, gallery, place)
    assert gallery.button.text() == "Label 2 as non-particles"
    with qtbot.waitSignal(gallery.rejected) as heard:
        qtbot.mouseClick(gallery.button, LEFT)
    assert heard.args == [[1002, 1005]]
    assert gallery.wrong_ids() == []
    assert not gallery.button.isEnabled()


def test_marked_picks_are_crossed_out(qtbot, gallery):
    before = gallery.grid.grab().toImage()
    click(qtbot, gallery, 1)
    crossed = gallery.grid.grab().toImage()
    assert crossed != before
    click(qtbot, gallery, 1)
    assert gallery.grid.grab().toImage() == before


def test_shift_marks_all_crops_from_the_previous_click(qtbot, gallery):
    click(qtbot, gallery, 3)
    click(qtbot, gallery, 7, SHIFT)
    assert gallery.wrong_ids() == [1003, 1004, 1005, 1006, 1007]


def test_a_first_click_with_shift_marks_all_crops_from_the_beginning(qtbot, gallery):
    click(qtbot, gallery, 2, SHIFT)
    assert gallery.wrong_ids() == [1000, 1001, 1002]


def test_a_double_click_opens_a_crop_without_marking_it(qtbot, gallery):
    opened = []
    gallery.opened.connect(opened.append)
    place = centre(gallery, 6)
    qtbot.mouseClick(gallery.grid.viewport(), LEFT, pos=place)
    qtbot.mouseDClick(gallery.grid.viewport(), LEFT, pos=place)
    qtbot.mouseRelease(gallery.grid.viewport(), LEFT, pos=place)
    assert opened == [1006]
    assert gallery.wrong_ids() == []


def test_a_press_that_is_dragged_off_a_crop_is_not_a_click(qtbot, gallery):
    qtbot.mousePress(gallery.grid.viewport(), LEFT, pos=centre(gallery, 0))
    qtbot.mouseRelease(gallery.grid.viewport(), LEFT, pos=centre(gallery, 2))
    assert gallery.wrong_ids() == []


@pytest.mark.parametrize(("words", "first"), [("Lowest", 1000), ("Highest", 5999)])
def test_picks_are_ordered_by_score(qtbot, gallery, words, first):
    gallery.order_by(words)
    click(qtbot, gallery, 0)
    assert gallery.wrong_ids() == [first]


def test_every_order_shows_each_pick_once(qtbot, gallery):
    box = gallery.findChild(QComboBox)
    for order in range(box.count()):
        box.setCurrentIndex(order)
        click(qtbot, gallery, 0)
        click(qtbot, gallery, 0)
        gallery.grid.model().mark(range(5000), True)
        assert sorted(gallery.wrong_ids()) == list(range(1000, 6000))


def test_marks_are_kept_when_picks_are_sorted_or_added(qtbot, gallery):
    click(qtbot, gallery, 0)
    click(qtbot, gallery, 1)
    gallery.order_by("Highest")
    assert gallery.wrong_ids() == [1001, 1000]
    keep = gallery.ids != 1001
    gallery.set_items(gallery.ids[keep], np.zeros(4999), gallery.pixels_of)
    assert gallery.wrong_ids() == [1000]


def test_marks_can_be_set_for_new_ids(gallery):
    gallery.set_wrong_ids([1004, 1002, 9999])
    assert gallery.wrong_ids() == [1002, 1004]
    assert gallery.button.text() == "Label 2 as non-particles"


def test_only_visible_crops_are_cut(qtbot, gallery):
    gallery.grid.repaint()
    assert 0 < len(gallery.asked) < 100
    gallery.asked.clear()
    bar = gallery.grid.verticalScrollBar()
    bar.setValue(bar.maximum())
    gallery.grid.repaint()
    assert max(gallery.asked) == 4999
    assert len(gallery.asked) < 100
    gallery.asked.clear()
    gallery.grid.viewport().repaint()
    assert gallery.asked == []
    gallery.refresh_pixels()
    gallery.grid.viewport().repaint()
    assert max(gallery.asked) == 4999


@pytest.mark.parametrize("width", range(300, 520, 23))
def test_crops_fill_the_width(qtbot, gallery, width):
    gallery.resize(width, 400)
    qtbot.wait(1)
    grid = gallery.grid
    tops = [grid.visualRect(grid.model().index(place)).top() for place in range(12)]
    columns = tops.count(tops[0])
    assert columns == grid.viewport().width() // grid.gridSize().width()
    assert grid.viewport().width() - columns * grid.gridSize().width() <= columns


def test_controls_are_in_one_line_below_the_image(qtbot, gallery):
    gallery.resize(380, 200)
    qtbot.wait(1)
    narrow = gallery.grid.height()
    gallery.resize(900, 200)
    qtbot.wait(1)
    assert gallery.grid.height() > narrow


def test_new_picks_keep_the_scroll_position_of_the_gallery(qtbot, gallery):
    bar = gallery.grid.verticalScrollBar()
    bar.setValue(700)
    gallery.set_items(gallery.ids, np.zeros(5000), gallery.pixels_of)
    qtbot.wait(20)
    assert bar.value() == 700


def test_an_empty_gallery_can_be_shown(qtbot, gallery):
    gallery.set_items([], [], gallery.pixels_of)
    gallery.grid.repaint()
    assert any("0 picks" in label.text() for label in gallery.findChildren(QLabel))

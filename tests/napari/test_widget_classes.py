"""Class averages in the window: look at classes and members, answer, leave out, take back."""

import numpy as np
from needed_screen import needs_screen
from person import Person
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from activepick.scoremap import SAME_POSITION
from activepick.simulate import SimulationSettings

pytestmark = needs_screen

DIAMETER = 2 * SimulationSettings().radius_px * SimulationSettings().pixel_size_angstrom


def test_a_class_is_inspected_answered_and_undone(qtbot, open_widget, micrographs):
    person = Person(qtbot, open_widget())
    window, widget, panel = person.viewer.window._qt_window, person.widget, person.widget.classes
    window.resize(1280, 768)
    person.start(micrographs, DIAMETER)
    person.session.set_settings(threshold=0.1)
    person.settle()
    person.click_button("Class averages")
    person.wait(lambda: panel.grid.count() > 0)
    person.settle()
    classes = person.open.classes
    assert sum(one.size for one in classes.summaries) == len(person.picks.picks)
    assert window.height() <= 768
    assert not panel.grid.visualItemRect(panel.grid.item(0)).isEmpty()

    def choose(place: int) -> int:
        item = panel.grid.item(place)
        panel.grid.scrollToItem(item)
        centre = panel.grid.visualItemRect(item).center()
        QTest.mouseClick(panel.grid.viewport(), Qt.MouseButton.LeftButton, pos=centre)
        person.settle()
        return int(classes.selected)

    # The largest class is first; its members are listed, and circled on the micrograph.
    number = choose(0)
    summary = classes.summaries[number]
    assert summary.size == max(one.size for one in classes.summaries)
    assert panel.members.model().rowCount() == summary.size
    circled = person.viewer.layers["class members"].data
    np.testing.assert_allclose(circled[:, ::-1], classes.members_on(person.open.shown))
    assert len(circled) == summary.size

    # A click on a member shows it on its micrograph.
    for _ in range(3):
        person.turn_wheel_to(3 * person.viewer.scene.camera.zoom)
    index = panel.members.model().index(panel.members.model().rowCount() - 1, 0)
    panel.members.scrollTo(index)
    centre = panel.members.visualRect(index).center()
    QTest.mouseClick(panel.members.viewport(), Qt.MouseButton.LeftButton, pos=centre)
    person.settle()
    row = classes.members()[panel.members.model().row_at(index.row())]
    assert widget.navigation.is_in_view(*classes.picks.xy[row])

    # The answer to a class is one action; the head and the picks are updated.
    head = person.open.workspace.trainer.head
    person.click_button_in(panel, "Not particles")
    person.settle()
    labels = list(person.state.labels.values())
    assert {(mark.target, mark.source) for mark in labels} == {(0, "class")}
    assert 4 <= len(labels) <= 20
    assert all(mark.weight < 1 for mark in labels)
    assert person.open.workspace.trainer.head is not head
    # The new head may have found more picks, so that the classes were refined.
    assert f"labels contradict {classes.summaries[number].contradicted}" in panel._about.toolTip()
    assert panel.grid.currentItem().text().startswith("✗")
    picks = person.picks.picks[["x", "y"]].to_numpy()
    for mark in labels:
        assert np.hypot(*(picks - (mark.x, mark.y)).T).min() > person.open.images.radius_px / 2

    # More picks refine the classes, and the answer is kept.
    person.session.set_settings(threshold=0.02)
    person.settle()
    person.click_button_in(panel, "Update")
    person.settle()
    assert classes.summaries[number].answer == 0
    assert classes.selected == number

    person.canvas.setFocus()
    QTest.keyClick(person.canvas, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    person.settle()
    assert not person.state.labels
    assert classes.summaries[number].answer is None

    # A class is left out of the picks, shown and counted, until that is undone.
    before = person.picks.picks[["x", "y"]].to_numpy()
    person.click_button_in(panel, "Leave out of picks")
    person.settle()
    assert classes.summaries[number].left_out
    assert window.width() == 1280
    assert "left out" in panel.grid.currentItem().text()
    left_out = person.state.left_out_of(person.open.shown)
    kept = person.picks.picks[["x", "y"]].to_numpy()
    reach = SAME_POSITION * person.open.images.radius_px
    is_left_out = np.array([np.hypot(*(left_out - xy).T).min() <= reach for xy in before])
    np.testing.assert_array_equal(kept, before[~is_left_out])
    assert is_left_out.any()
    assert person.open.counts()[person.open.shown] == len(kept)
    assert len(person.viewer.layers["picks"].data) == len(kept)
    person.click_button_in(panel, "Put back")
    person.settle()
    assert len(person.picks.picks) == len(before)
    for count in (len(kept), len(before)):
        person.canvas.setFocus()
        QTest.keyClick(person.canvas, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
        person.settle()
        assert len(person.picks.picks) == count

    # The circles disappear with the panel.
    widget.hide_classes()
    person.settle()
    assert "class members" not in person.viewer.layers

"""Keys act on what is on screen, and report what they did."""

import numpy as np
from needed_screen import needs_screen
from person import Person
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QDialog

from activepick.simulate import SimulationSettings

pytestmark = needs_screen

DIAMETER = 2 * SimulationSettings().radius_px * SimulationSettings().pixel_size_angstrom


def test_answers_undo_and_rejection_act_on_what_is_on_screen(qtbot, open_widget, micrographs):
    person = Person(qtbot, open_widget())
    person.start(micrographs, DIAMETER)
    question = person.labelling.current
    other = next(i for i in person.state.micrographs if i != question.micrograph)

    # On another micrograph, the first press shows the question and the second one answers it.
    person.open.show(other)
    person.settle()
    for key in "FDHG":
        person.press(key)
        assert not person.state.marks
        person.settle()
        assert person.open.shown == question.micrograph
        assert person.in_view(question)
        person.open.show(other)
        person.settle()
    person.press("F")
    person.settle()
    person.answer("F")
    assert set(person.state.marks) == {question.id}

    # The same after the camera was moved away, and with the button.
    question = person.labelling.current
    person.viewer.scene.camera.center = (1e5, 1e5)
    person.click_button("Not a particle (D)")
    assert question.id not in person.state.marks
    assert person.in_view(question)
    person.click_button("Not a particle (D)")
    person.settle()
    assert person.state.marks[question.id].target == 0

    # The same if the layer of the questions is hidden, in 3D, and in the grid view.
    for hide in (
        lambda: setattr(person.viewer.layers["questions"], "visible", False),
        lambda: setattr(person.viewer.layers["micrograph"], "visible", False),
        lambda: setattr(person.viewer.dims, "ndisplay", 3),
        lambda: setattr(person.viewer.canvas.grid, "enabled", True),
        # Covered by the image, or without it.
        lambda: person.viewer.layers.reverse(),
        lambda: person.viewer.layers.remove("micrograph"),
        lambda: person.viewer.layers.remove("questions"),
    ):
        question = person.labelling.current
        person.settle()
        hide()
        qtbot.wait(20)
        person.press("G")
        assert question.id not in person.state.marks
        qtbot.wait(20)
        assert person.in_view(question)
        assert person.widget.layers.shows_questions
        person.answer("G")
        assert question.id in person.state.marks

    # Undo shows the position that it changes, with a message, and asks the question again.
    last = person.state.asked[[q.id for q in person.state.asked].index(question.id)]
    person.open.show(next(i for i in person.state.micrographs if i != last.micrograph))
    person.settle()
    person.press("X")
    person.settle()
    assert person.open.shown == last.micrograph
    assert person.labelling.current.id == last.id
    assert person.in_view(last)
    said = f"Undone: skipped position on {person.open.shown_name}"
    assert person.told[-1] == ("info", said)
    # It is shown over the canvas, and not by napari, whose popups take the keyboard.
    assert person.widget.popups.messages()[-1] == said
    assert person.canvas.rect().contains(person.widget.popups.geometry())
    dialogs = person.canvas.findChildren(QDialog)
    assert [d.message.text() for d in dialogs if "Notification" in type(d).__name__] == []
    person.press("Shift+X")
    person.settle()
    assert person.told[-1][1].startswith("Redone: skipped position on ")
    assert last.id in person.state.marks

    # The same for the last answer of a round, after the next round has started.
    while len(person.state.questions) > 1:
        person.answer_in_view("D")
    question = person.state.questions[0]
    person.answer_in_view("F")
    person.wait(lambda: question not in person.state.asked)
    person.settle()
    open_before = person.state.questions
    person.press("X")
    person.settle()
    assert person.labelling.current.id == question.id
    assert person.told[-1][1].startswith("Undone: particle on ")
    assert person.state.questions == (question, *open_before)
    person.answer_in_view("D")
    assert person.state.marks[question.id].target == 0

    # Undo of a label that was clicked also shows its position, unless it is on screen.
    person.see_all()
    person.click(400, 300)
    person.settle()
    [mark] = [one for one in person.state.marks.values() if one.source == "click"]
    centre = tuple(person.viewer.scene.camera.center)
    person.press("X")
    person.settle()
    assert tuple(person.viewer.scene.camera.center) == centre
    assert mark.id not in person.state.marks
    person.press("Shift+X")
    person.settle()
    person.viewer.scene.camera.center = (1e5, 1e5)
    person.press("X")
    assert person.in_view(mark)

    # Delete removes the label under the mouse, not the one that was there before the camera moved.
    person.click(400, 300)
    person.settle()
    person.move_to(400, 300)
    person.viewer.scene.camera.center = np.add(person.viewer.scene.camera.center, (0, 900, 0))
    count = len(person.state.marks)
    person.press("Delete")
    assert len(person.state.marks) == count
    # A label that the user has hidden is shown first, and is not moved by a drag.
    person.see_all()
    person.viewer.layers["labels"].visible = False
    labels = dict(person.state.marks)
    person.drag((400, 300), (460, 340))
    person.settle()
    assert person.state.marks == labels
    # Nor is it changed by a click, which shows it; and a click on a hidden image adds no label.
    person.see_all()
    person.click(400, 300, "Right")
    assert person.state.marks == labels
    assert person.viewer.layers["labels"].visible
    person.viewer.layers["micrograph"].visible = False
    person.click(400, 500)
    assert person.state.marks == labels
    person.viewer.layers["micrograph"].visible = True
    person.viewer.layers["labels"].visible = False
    person.see_all()
    person.move_to(400, 300)
    person.press("Delete")
    assert person.state.marks == labels
    assert person.viewer.layers["labels"].visible
    person.press("Delete")
    assert len(person.state.marks) == count - 1
    person.press("X")
    person.settle()

    # The questions of a rejected micrograph disappear, and return when it is restored.
    while len({q.micrograph for q in person.state.questions}) < 2:
        person.press("N")
        person.settle()
    person.open.labelling.go_to(person.state.questions[0].id)
    rejected = person.labelling.current.micrograph
    person.open.show(rejected)
    person.settle()
    person.press("J")
    person.settle()
    name = person.state.names[rejected]
    assert (
        "info",
        f"Rejected: {name}; press X to undo this, or tick it in the table",
    ) in person.told
    assert rejected not in {q.micrograph for q in person.state.questions}
    assert person.labelling.current.micrograph != rejected
    strip = person.widget.label._strip
    assert not {q.id for q in person.state.asked if q.micrograph == rejected} & set(strip._ids)
    person.press("X")
    person.settle()
    assert person.told[-1] == ("info", f"Undone: rejection of {name}")
    assert person.open.shown == rejected
    assert rejected in {q.micrograph for q in person.state.questions}
    person.press("J")
    person.settle()
    tick(person, rejected)
    person.settle()
    assert person.state.micrographs[rejected].status != "rejected"
    assert rejected in {q.micrograph for q in person.state.questions}
    for number in list(person.state.micrographs):
        person.open.set_rejected(number, True)
        person.settle()
    assert person.labelling.current is None
    assert not person.state.questions


def test_only_visible_suggestions_are_accepted(qtbot, open_widget, micrographs):
    person = Person(qtbot, open_widget())
    person.start(micrographs, DIAMETER)
    person.open.set_settings(batch=36)
    person.settle()
    person.click_button("Suggestions")
    person.settle()
    suggested = person.labelling.suggestions
    assert {q.micrograph for q in suggested} == {person.open.shown}
    strip = person.widget.label._strip
    seen = set(strip.visible_ids())
    assert len(seen) == 10  # two rows of five

    # On another micrograph, they are named.
    shown, title = person.open.shown, person.widget.label._title
    step, back = ("Q", "E") if shown > 1 else ("E", "Q")
    person.press(step)
    person.settle()
    assert title.text() == f"Suggestions on {person.state.names[shown]}"
    person.press(back)
    person.settle()
    assert "accept (Y)" in title.text()

    # If they are not visible, they are scrolled into view first.
    person.widget.label.set_open(False)
    qtbot.wait(20)
    assert strip.visible_ids() == []
    person.press("Y")
    person.wait(lambda: bool(strip.visible_ids()))
    assert not person.state.marks
    seen = set(strip.visible_ids()) & {q.id for q in suggested}
    assert seen
    person.answer("Y")
    assert set(person.state.marks) == seen
    left = {q.id for q in suggested} - seen
    assert {q.id for q in person.labelling.suggestions} == left
    while person.labelling.suggestions:
        person.press("Y")
        person.settle()
    assert {mark.source for mark in person.state.marks.values()} == {"suggestion"}
    assert all(person.state.marks[q.id].target == q.suggestion for q in suggested)

    # There are none on a rejected micrograph.
    person.open.set_rejected(shown, True)
    person.settle()
    person.open.show(shown)
    person.settle()
    asked = person.state.asked
    person.click_button("Suggestions")
    person.settle()
    assert "This micrograph is rejected" in person.told[-1][1]
    assert person.state.asked == asked


def test_the_zoom_of_the_user_is_kept(qtbot, open_widget, micrographs):
    person = Person(qtbot, open_widget())
    person.start(micrographs, DIAMETER)
    camera = person.viewer.scene.camera
    for zoom in (0.4, 3.0):
        person.turn_wheel_to(zoom)
        kept = camera.zoom
        for _ in range(2):
            person.answer_in_view("F")
            assert camera.zoom == kept
    assert len(person.state.labels) == 4


def tick(person: Person, number: int) -> None:
    """Click on the box of a micrograph in the table."""
    view = person.widget.data._table._view
    [row] = [k for k in range(view.model().rowCount()) if view.model().row_at(k).number == number]
    cell = view.visualRect(view.model().index(row, 0))
    place = QPoint(cell.left() + 11, cell.center().y())
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=place)

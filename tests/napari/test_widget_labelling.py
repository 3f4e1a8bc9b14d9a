import numpy as np
from needed_screen import needs_screen
from person import Person
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QAbstractSlider, QAbstractSpinBox, QApplication, QComboBox, QScrollBar

from activepick.simulate import SimulationSettings

pytestmark = needs_screen

DIAMETER = 2 * SimulationSettings().radius_px * SimulationSettings().pixel_size_angstrom


def test_questions_are_answered_with_keys_and_picks_are_updated(person):
    # Picks and questions appear.
    assert len(person.picks.picks) > 0
    assert len(person.state.questions) == person.state.settings.batch
    shown = [layer.name for layer in person.viewer.layers]
    assert shown == ["micrograph", "score map", "picks", "labels", "questions"]
    assert not person.viewer.layers["score map"].visible
    picks = person.viewer.layers["picks"]
    np.testing.assert_allclose(picks.size, DIAMETER / SimulationSettings().pixel_size_angstrom)
    np.testing.assert_allclose(picks.data[:, ::-1], person.picks.picks[["x", "y"]])

    # Undo asks the question again.
    question = person.labelling.current
    person.answer("F")
    assert person.labelling.current != question
    person.answer("X")
    assert person.labelling.current == question
    assert not person.state.marks
    person.answer("Shift+X")
    assert person.state.marks[question.id].target == 1

    # After going back, an answer can be changed.
    person.press("R")
    assert person.labelling.current == question
    person.settle()
    person.answer_in_view("D")
    assert person.state.marks[question.id].target == 0
    person.answer("X")
    person.answer("X")
    assert not person.state.marks

    # The keys answer, and the camera follows.
    person.press("R")
    for key, target in (("F", 1), ("D", 0), ("H", -1), ("G", None)):
        question = person.labelling.current
        person.answer_in_view(key)
        assert person.state.marks[question.id].target == target
        following = person.labelling.current
        assert person.in_view(following)
    assert "Question 5 of 10" in person.widget.label._title.text()
    assert person.widget.label.summary == "1 particle, 2 non-particles"
    rims = {tuple(rim) for rim in person.viewer.layers["labels"].border_color.round(3)}
    assert len(rims) == len(person.state.marks_of(person.open.shown))

    # The wheel over the panel changes nothing.
    before = person.state.settings
    for control in person.widget.findChildren((QAbstractSpinBox, QComboBox, QAbstractSlider)):
        if not isinstance(control, QScrollBar):
            _turn_wheel(control)
    person.settle()
    assert person.state.settings == before

    # Letters are keys of the viewer, and Enter returns the focus to it.
    low_pass = person.widget.particle.low_pass.native
    person.widget.particle.set_open(True)
    low_pass.setFocus()
    QTest.keyClick(low_pass, Qt.Key.Key_F)
    person.settle()
    assert low_pass.value() == 0
    QTest.keyClick(low_pass, Qt.Key.Key_Return)
    person.qtbot.waitUntil(lambda: not low_pass.hasFocus())
    strategy = person.widget.label.strategy.native
    QTest.keyClick(strategy, Qt.Key.Key_T)
    assert strategy.currentText() == "active"

    # Doubtful labels are reviewed: kept, changed or removed; each step can be undone.
    for key in ("F", "D", "F"):
        person.answer_in_view(key)
    targets = {i: label.target for i, label in person.state.labels.items()}
    person.click_button_in(person.widget.learning, "Review doubtful labels")
    person.settle()
    review = person.labelling.review
    order = [question.id for question in review.questions]
    assert len(order) == 5
    assert set(order) <= targets.keys()
    assert "Doubtful label 1 of 5" in person.widget.label._title.text()
    hint, strip = person.widget.label._hint, person.widget.label._strip
    assert "according to all other labels" in hint.text()
    # The questions are scrolled to from the section with the button, and hide no text.
    for part in (hint, strip, person.widget.label._title):
        person.wait(lambda part=part: part.visibleRegion().boundingRect() == part.rect())
    assert hint.height() >= 3 * hint.fontMetrics().height()
    assert hint.y() >= strip.geometry().bottom()
    assert person.in_view(person.labelling.current)
    circled = set(person.viewer.layers["questions"].features["id"])
    assert circled == {q.id for q in review.questions if q.micrograph == person.open.shown}

    def press(key):
        """Press a key, after going to the label if it is not on screen."""
        if not person.widget.navigation.question_in_view(person.open):
            person.press(key)
            person.settle()
        person.press(key)
        person.settle()

    press("G")
    assert person.labelling.current.id == order[1]
    other = next(i for i in person.state.micrographs if i != review.questions[0].micrograph)
    person.open.show(other)
    person.settle()
    person.press("X")
    person.settle()
    assert person.labelling.current.id == order[0]
    assert person.in_view(person.labelling.current)
    assert person.told[-1][1] == f"Undone: label kept on {person.open.shown_name}"
    # The button removes only a label that is on screen.
    person.open.show(other)
    person.settle()
    person.click_button("Remove label (Del)")
    person.settle()
    assert order[0] in person.state.marks
    assert person.in_view(person.labelling.current)
    press(
        {1: "F", 0: "D", -1: "H"}[targets[order[0]]]
    )  # the key of the current label also keeps it
    assert {i: label.target for i, label in person.state.labels.items()} == targets
    press("D" if targets[order[1]] == 1 else "F")
    assert person.state.labels[order[1]].target == int(targets[order[1]] != 1)
    assert person.labelling.current.id == order[2]
    # After a correction, the labels behind the current one are chosen anew.
    order = [question.id for question in review.questions]
    doubtful = person.open.workspace.trainer.doubtful_labels()
    assert order[3:] == [i for i in doubtful if i not in order[:3]][:2]
    press("Delete")
    assert order[2] not in person.state.marks
    assert person.labelling.current.id == order[3]
    person.press("X")
    person.settle()
    assert person.state.labels[order[2]].target == targets[order[2]]
    assert person.labelling.current.id == order[2]
    press("Delete")
    press("G")
    press("G")
    assert person.labelling.review is None
    assert ("info", "5 labels reviewed: 1 changed, 1 removed.") in person.told


def test_labels_are_added_and_moved_by_clicks_drags_and_crops(person):
    # Clicks label any position and do not move the view.
    person.see_all()
    free = _free_places(person, 4)
    centre = tuple(person.viewer.scene.camera.center)
    person.click(*free[0])
    person.click(*free[1], button="Right")
    person.settle()
    marks = list(person.state.marks.values())
    assert [mark.target for mark in marks] == [1, 0]
    pixel = 1.5 / person.viewer.scene.camera.zoom / person.widget.layers.scale
    np.testing.assert_allclose([(m.x, m.y) for m in marks], free[:2], atol=pixel)
    assert len(person.viewer.layers["labels"].data) == 2
    assert tuple(person.viewer.scene.camera.center) == centre

    # A click on a question answers it.
    question = [q for q in person.state.questions if q.micrograph == person.open.shown][-1]
    person.click(question.x + 3, question.y, key="Shift")
    person.settle()
    assert person.state.marks[question.id].target == 0

    # A label is dragged and deleted, and only the label moves.
    person.see_all()
    x, y = free[2]
    person.click(x, y)
    person.settle()
    known = set(person.state.marks)
    centre = tuple(person.viewer.scene.camera.center)
    person.drag((x, y), (x + 30, y + 20))
    person.settle()
    assert set(person.state.marks) == known
    mark = person.state.marks[max(known)]
    np.testing.assert_allclose((mark.x, mark.y), (x + 30, y + 20), atol=6)
    assert tuple(person.viewer.scene.camera.center) == centre
    person.move_to(mark.x, mark.y)
    person.press("Delete")
    person.settle()
    assert set(person.state.marks) == known - {mark.id}

    # A drag elsewhere moves the view and labels nothing.
    x, y = free[3]
    person.drag((x, y), (x + 80, y + 20))
    person.settle()
    assert set(person.state.marks) == known - {mark.id}
    assert tuple(person.viewer.scene.camera.center) != centre

    # A crop is clicked.
    third = person.labelling.round.questions[2]
    person.widget.label._strip.clicked.emit(third.id)
    assert person.labelling.current == third

    # The view stays on a micrograph that was opened in the meantime.
    asked = person.labelling.current
    other = next(i for i in person.state.micrographs if i != asked.micrograph)
    person.open.show(other)
    person.settle()
    assert person.open.shown == other
    assert person.labelling.current == asked
    person.press("T")
    person.settle()
    assert person.open.shown == person.labelling.current.micrograph

    # Suggestions are corrected and accepted with one key.
    person.labelling.suggest()
    person.settle()
    suggested = [q for q in person.state.questions if q.suggestion is not None]
    assert {q.suggestion for q in suggested} == {0, 1}
    assert {q.micrograph for q in suggested} == {person.open.shown}
    before = person.state.labels
    person.see_all()
    wrong = next(q for q in suggested if q.suggestion == 1)
    person.click(wrong.x, wrong.y, button="Right")
    person.settle()
    assert len(person.state.labels) == len(before) + 1  # not used for training until accepted
    while person.labelling.suggestions:
        person.press("Y")
        person.settle()
    marks = person.state.marks
    assert marks[wrong.id].target == 0
    assert all(marks[q.id].target == q.suggestion for q in suggested if q.id != wrong.id)


def _turn_wheel(control) -> None:
    middle = QPointF(control.rect().center())
    event = QWheelEvent(
        middle,
        control.mapToGlobal(middle),
        QPoint(0, -120),
        QPoint(0, -120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(control, event)


def test_manual_picking_asks_no_questions(qtbot, open_widget, micrographs):
    person = Person(qtbot, open_widget())
    person.widget.label.start.value = "No questions (manual picking)"
    person.start(micrographs, DIAMETER)
    assert not person.state.questions
    person.see_all()
    person.click(300, 300)
    person.settle()
    assert len(person.state.labels) == 1
    assert not person.state.questions


def _free_places(person, count: int) -> list[tuple[float, float]]:
    """Return positions far from all questions."""
    taken = np.array([(q.x, q.y) for q in person.state.questions])
    found = []
    for x in range(120, 700, 40):
        for y in range(120, 540, 40):
            others = np.vstack([taken, *[np.array([place]) for place in found]])
            if np.hypot(*(others - (x, y)).T).min() > 60:
                found.append((float(x), float(y)))
                if len(found) == count:
                    return found
    raise AssertionError("no free place")

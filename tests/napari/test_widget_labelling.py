import numpy as np
import pytest
from person import Person
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QAbstractSlider, QAbstractSpinBox, QApplication, QComboBox, QScrollBar

from activepick.simulate import SimulationSettings
from conftest import needs_screen

pytestmark = needs_screen

DIAMETER = 2 * SimulationSettings().radius_px * SimulationSettings().pixel_size_angstrom


@pytest.fixture
def person(qtbot, open_widget, micrographs) -> Person:
    someone = Person(qtbot, open_widget())
    someone.start(micrographs, DIAMETER)
    return someone


def test_picks_and_questions_come_at_once(person):
    assert len(person.picks.picks) > 0
    assert len(person.state.questions) == person.state.settings.batch
    person.wait(lambda: "diameter" not in person.viewer.layers)  # shown for a moment
    shown = [layer.name for layer in person.viewer.layers]
    assert shown == ["micrograph", "score map", "picks", "labels", "questions"]
    assert not person.viewer.layers["score map"].visible
    picks = person.viewer.layers["picks"]
    np.testing.assert_allclose(picks.size, DIAMETER / SimulationSettings().pixel_size_angstrom)
    np.testing.assert_allclose(picks.data[:, ::-1], person.picks.picks[["x", "y"]])


def test_the_keys_answer_and_the_camera_follows(person):
    for key, target in (("F", 1), ("D", 0), ("H", 2), ("G", None)):
        question = person.labelling.current
        centre = np.asarray(person.viewer.scene.camera.center)[-2:] / person.widget.layers.scale
        np.testing.assert_allclose(centre, (question.y, question.x), atol=0.5)
        person.answer(key)
        assert person.state.marks[question.id].target == target
    assert "Question 5 of 10" in person.widget.label._title.text()
    rims = {tuple(rim) for rim in person.viewer.layers["labels"].border_color.round(3)}
    assert len(rims) == 4


def test_undo_brings_the_question_back(person):
    question = person.labelling.current
    person.answer("F")
    assert person.labelling.current != question
    person.answer("X")
    assert person.labelling.current == question
    assert not person.state.marks
    person.answer("Shift+X")
    assert person.state.marks[question.id].target == 1


def test_back_changes_an_answer(person):
    question = person.labelling.current
    person.answer("F")
    person.press("R")
    assert person.labelling.current == question
    person.answer("D")
    assert person.state.marks[question.id].target == 0


def test_clicks_label_anywhere(person):
    person.see_all()
    free = _free_places(person, 2)
    person.click(*free[0])
    person.click(*free[1], button="Right")
    person.settle()
    marks = list(person.state.marks.values())
    assert [mark.target for mark in marks] == [1, 0]
    pixel = 1.5 / person.viewer.scene.camera.zoom / person.widget.layers.scale
    np.testing.assert_allclose([(m.x, m.y) for m in marks], free, atol=pixel)
    assert len(person.viewer.layers["labels"].data) == 2


def test_a_click_on_a_question_answers_it(person):
    person.see_all()
    question = [q for q in person.state.questions if q.micrograph == person.open.shown][-1]
    person.click(question.x + 3, question.y, key="Shift")
    person.settle()
    assert person.state.marks[question.id].target == 0


def test_a_label_is_dragged_and_deleted(person):
    person.see_all()
    [(x, y)] = _free_places(person, 1)
    person.click(x, y)
    person.settle()
    camera = tuple(person.viewer.scene.camera.center)
    person.drag((x, y), (x + 30, y + 20))
    person.settle()
    [mark] = person.state.marks.values()
    np.testing.assert_allclose((mark.x, mark.y), (x + 30, y + 20), atol=6)
    assert tuple(person.viewer.scene.camera.center) == camera  # only the label moved
    person.move_to(mark.x, mark.y)
    person.press("Delete")
    person.settle()
    assert not person.state.marks


def test_who_looks_at_another_micrograph_is_left_there(person):
    asked = person.labelling.current
    other = next(i for i in person.state.micrographs if i != asked.micrograph)
    person.open.show(other)
    person.settle()
    assert person.open.shown == other
    assert person.labelling.current == asked
    person.press("T")
    person.settle()
    assert person.open.shown == person.labelling.current.micrograph


def test_a_click_by_hand_leaves_the_view_where_it_is(person):
    person.see_all()
    [(x, y)] = _free_places(person, 1)
    centre = tuple(person.viewer.scene.camera.center)
    person.click(x, y)
    person.settle()
    assert len(person.state.marks) == 1
    assert tuple(person.viewer.scene.camera.center) == centre


def test_the_wheel_over_the_panel_changes_nothing(person):
    before = person.state.settings
    for control in person.widget.findChildren((QAbstractSpinBox, QComboBox, QAbstractSlider)):
        if not isinstance(control, QScrollBar):
            _turn_wheel(control)
    person.settle()
    assert person.state.settings == before


def test_letters_are_for_the_micrograph_and_enter_goes_back_to_it(person):
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


def test_a_drag_elsewhere_moves_the_view_and_labels_nothing(person):
    person.see_all()
    [(x, y)] = _free_places(person, 1)
    before = tuple(person.viewer.scene.camera.center)
    person.drag((x, y), (x + 80, y + 20))
    person.settle()
    assert not person.state.marks
    assert tuple(person.viewer.scene.camera.center) != before


def test_a_crop_is_clicked(person):
    third = person.labelling.round.questions[2]
    person.widget.label._strip.clicked.emit(third.id)
    assert person.labelling.current == third


def test_suggestions_are_corrected_and_accepted_with_one_key(person):
    person.labelling.suggest()
    person.settle()
    suggested = [q for q in person.state.questions if q.suggestion is not None]
    assert {q.suggestion for q in suggested} == {0, 1}
    assert not person.state.labels  # they train nothing until accepted
    person.see_all()
    wrong = next(q for q in suggested if q.suggestion == 1 and q.micrograph == person.open.shown)
    person.click(wrong.x, wrong.y, button="Right")
    person.settle()
    person.answer("Y")
    marks = person.state.marks
    assert marks[wrong.id].target == 0
    assert all(marks[q.id].target == q.suggestion for q in suggested if q.id != wrong.id)


def test_who_picks_by_hand_is_not_asked(qtbot, open_widget, micrographs):
    person = Person(qtbot, open_widget())
    person.widget.label.start.value = "Nothing: I pick by hand"
    person.start(micrographs, DIAMETER)
    assert not person.state.questions
    person.see_all()
    person.click(300, 300)
    person.settle()
    assert len(person.state.labels) == 1
    assert not person.state.questions


def _free_places(person, count: int) -> list[tuple[float, float]]:
    """Give places far from all questions."""
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

"""napari's own tools neither lose nor falsify anything on the layers of the widget."""

import contextlib

import numpy as np
import pytest
from napari._app_model import get_app_model
from napari.utils.notifications import notification_manager
from needed_screen import needs_screen
from person import Person
from qtpy.QtCore import QPoint
from qtpy.QtWidgets import QAbstractButton

from activepick._napari.notifications import OwnMessage
from activepick.simulate import SimulationSettings

pytestmark = needs_screen

DIAMETER = 2 * SimulationSettings().radius_px * SimulationSettings().pixel_size_angstrom
OURS = ["micrograph", "score map", "excluded areas", "picks", "labels", "questions"]


def test_tools_for_points_do_not_change_labels(qtbot, open_widget, micrographs):
    person = Person(qtbot, open_widget())
    person.start(micrographs, DIAMETER)
    person.see_all()
    for place in ((400, 300), (300, 200)):
        person.click(*place)
        person.settle()
    viewer, marks = person.viewer, dict(person.state.marks)
    for name in ("labels", "picks", "questions"):
        layer = viewer.layers[name]
        viewer.layers.selection.active = layer
        shown = np.array(layer.data)
        controls = person.viewer.window._qt_viewer.controls.widgets[layer]
        tools = controls.findChildren(QAbstractButton)
        assert any(button.isVisible() for button in tools)
        # With the keys that napari lists: transform, add, select, select all, copy, paste.
        for key in ("5", "2", "3", "A", "Shift+A", "Control+A", "Control+C", "Control+V"):
            person.press(key)
        for mode in ("add", "select", "transform"):
            layer.mode = mode
            assert layer.mode == "pan_zoom"
        # With the buttons.
        for button in tools:
            if button.isVisible() and "mode" in type(button).__name__.lower():
                button.click()
        assert layer.mode == "pan_zoom"
        person.settle()
        np.testing.assert_array_equal(layer.data, shown)
        # From code, such as another plugin or the console.
        layer.add((30, 30))
        layer.selected_data = {0}
        layer.remove_selected()
        person.settle()
        qtbot.wait(20)
        np.testing.assert_array_equal(layer.data, shown)
    assert person.state.marks == marks
    # A click still labels the position that was clicked.
    person.click(500, 400)
    person.settle()
    [new] = set(person.state.marks) - set(marks)
    assert np.hypot(person.state.marks[new].x - 500, person.state.marks[new].y - 400) < 5


def test_layers_can_be_hidden_removed_renamed_and_reordered(qtbot, open_widget, micrographs):
    person = Person(qtbot, open_widget())
    person.start(micrographs, DIAMETER)
    viewer = person.viewer
    area = [(20.0, 20.0), (90.0, 20.0), (90.0, 70.0)]
    for number in (1, 2):
        person.open.edit(lambda session, i=number: session.micrographs.set_areas(i, [area]))
    person.settle()

    def page() -> None:
        """Show another micrograph, label there, return, and answer a question."""
        for number in (2, 1):
            person.open.show(number)
            person.settle()
        person.click_on_free_place()
        person.answer_in_view("D")
        person.open.show(1)
        person.settle()

    for name in OURS:  # hidden with the button in the layer list
        viewer.layers.selection = {viewer.layers[name]}
        person.press("V")
        assert not viewer.layers[name].visible or name == "score map"
    page()
    person.open.show(2)
    person.settle()
    for name in OURS:
        viewer.layers[name].visible = True
    check_layers(person)
    for number, name in enumerate(OURS):  # removed one by one, and all at once
        viewer.layers.remove(name)
        person.open.show(1 + number % 2)
        person.settle()
        assert sorted(layer.name for layer in viewer.layers) == sorted(OURS)
        check_layers(person)
    viewer.layers.clear()
    page()
    check_layers(person)

    for name in OURS:  # renamed, reordered, all selected at once, moved on each other
        viewer.layers[name].name = f"my {name}"
    viewer.layers.reverse()
    viewer.layers.selection = set(viewer.layers)
    for layer in viewer.layers:
        layer.mode = "transform"
        assert layer.mode == "pan_zoom"
        scale = np.array(layer.scale)
        layer.rotate, layer.translate, layer.scale = 30, (50, 60), (7, 7)
        np.testing.assert_array_equal(layer.rotate, np.eye(2))
        np.testing.assert_array_equal(layer.translate, (0, 0))
        np.testing.assert_array_equal(layer.scale, scale)
    page()
    for name in OURS:
        viewer.layers[f"my {name}"].name = name
    check_layers(person)

    # Linked layers do not move each other.
    viewer.layers.selection = set(viewer.layers)
    execute = get_app_model().commands.execute_command
    execute("napari.layer.link_selected_layers").result()
    spacing = np.array(viewer.layers["score map"].scale)
    viewer.layers["micrograph"].scale = (5, 5)
    page()
    np.testing.assert_allclose(viewer.layers["score map"].scale, spacing)
    check_layers(person)

    # Copies belong to the user and are not changed.
    viewer.layers.selection = set(viewer.layers)
    execute("napari.layer.duplicate").result()
    copies = [layer for layer in viewer.layers if layer.name.endswith("copy")]
    assert len(copies) == len(OURS)
    page()
    check_layers(person)
    for layer in copies:
        viewer.layers.remove(layer)

    # Positions are right if axes are exchanged, or go up and to the left.
    navigation = person.widget.navigation
    for change in (
        lambda: viewer.dims.transpose(),
        lambda: setattr(viewer.scene.camera, "orientation2d", ("up", "left")),
        lambda: viewer.dims.transpose(),
    ):
        change()
        viewer.scene.camera.zoom = 2.0
        question = person.labelling.current
        navigation.go_to_question(person.open)
        person.settle()
        [place] = navigation.on_screen([(question.x, question.y)])
        assert person.canvas.rect().contains(QPoint(*map(int, place)))
        person.click_on_screen(place)
        person.settle()
        assert person.state.marks[question.id].target == 1
        aside = question.x + 3, question.y + 5
        navigation.centre(*aside)
        person.move_on_screen(navigation.on_screen([aside])[0])
        np.testing.assert_allclose(navigation.mouse_position(), aside, atol=2)
    viewer.scene.camera.orientation2d = ("down", "right")
    person.see_all()

    # Clicks in 3D and in the grid view do not label, because positions are not defined there.
    for turn, back in (
        (lambda: setattr(viewer.dims, "ndisplay", 3), lambda: setattr(viewer.dims, "ndisplay", 2)),
        (
            lambda: setattr(viewer.canvas.grid, "enabled", True),
            lambda: setattr(viewer.canvas.grid, "enabled", False),
        ),
    ):
        turn()
        qtbot.wait(20)
        marks = dict(person.state.marks)
        person.click(420, 310)
        assert person.state.marks == marks
        person.open.show(2)
        person.settle()
        back()
        person.open.show(1)
        check_layers(person)


def check_layers(person: Person) -> None:
    """Compare the layers with the session."""
    person.settle()
    layers, state, shown = person.viewer.layers, person.state, person.open.shown
    places = {
        "labels": [(one.y, one.x) for one in state.marks_of(shown)],
        "questions": [(q.y, q.x) for q in state.questions if q.micrograph == shown],
        "picks": person.picks.picks[["y", "x"]].to_numpy(),
    }
    for name, expected in places.items():
        np.testing.assert_allclose(
            layers[name].data, np.reshape(expected, (-1, 2)), atol=1e-3, err_msg=name
        )
        np.testing.assert_allclose(layers[name].scale, (person.widget.layers.scale,) * 2)
        assert not layers[name].editable
    if "excluded areas" in layers:
        outlines = [np.array(one.vertices) for one in state.areas.get(shown, ())]
        shapes = layers["excluded areas"].data
        assert len(shapes) == len(outlines) == 1
        np.testing.assert_allclose(shapes[0], outlines[0][:, ::-1])


@contextlib.contextmanager
def errors_told():
    """Fail if napari or the widget tells the user about an error or a warning."""
    told, before = [], len(notification_manager.records)
    notification_manager.notification_ready.connect(told.append)
    try:
        yield
    finally:
        notification_manager.notification_ready.disconnect(told.append)
    told += [one for one in notification_manager.records[before:] if isinstance(one, OwnMessage)]
    assert [note.message for note in told if str(note.severity) != "info"] == []


@pytest.fixture(autouse=True)
def _no_errors():
    with errors_told():
        yield

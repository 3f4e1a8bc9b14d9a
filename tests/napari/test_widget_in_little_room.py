"""With long names, damaged files and a small screen, nothing is cut off, hidden or wrong."""

import numpy as np
import pytest
from needed_screen import needs_screen
from person import Person, inside_the_dock
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QPlainTextEdit, QScrollArea, QWidget

from activepick._napari.views.message_list import path_last
from activepick.simulate import SimulationSettings

pytestmark = needs_screen

DIAMETER = 2 * SimulationSettings().radius_px * SimulationSettings().pixel_size_angstrom
LONG = "FoilHole_24015511_Data_24016401_24016403_20230913_{}_Fractions_aligned_mic_DW_" + "x" * 43


@pytest.fixture
def long_names(micrographs):
    """Return a folder of micrographs with names of 120 characters; the first is damaged."""
    for number, file in enumerate(sorted(micrographs.glob("*.mrc")), 1):
        file.rename(file.with_name(f"{LONG.format(number)}.mrc"))
    (micrographs / f"{LONG.format(0)}.mrc").write_bytes(b"damaged")
    assert all(len(file.stem) >= 120 for file in micrographs.glob("*.mrc"))
    return micrographs


def test_long_names_and_errors_fit_on_a_small_screen(
    qtbot, open_widget, long_names, tmp_path, recwarn, monkeypatch
):
    monkeypatch.setattr("activepick._napari.diameter_circle._SHOW_MS", 600_000)
    person = Person(qtbot, open_widget())
    widget, window = person.widget, person.viewer.window._qt_window
    widget.open_path(long_names)
    person.wait(lambda: widget.layers.has_micrograph)
    person.settle()

    # The first that can be read is shown, the damaged one is listed and stays listed.
    new = person.controller.new_micrographs
    assert new.shown == 1
    [message] = widget.messages.messages()
    assert message.startswith("FoilHole_")
    assert message.endswith("grid 1/)")
    assert "pixel size" not in widget.particle._hint.whole_text()
    assert not widget.particle._hint.text().startswith("The micrographs contain no pixel size")

    # Before the session begins, all can be shown, with the filters of a session.
    raw = person.viewer.layers["micrograph"].data
    person.press("E")
    person.settle()
    assert new.shown == 2
    assert not np.array_equal(person.viewer.layers["micrograph"].data, raw)
    person.press("Q")
    person.settle()
    diameter, pixel_size = widget.particle.diameter.native, widget.particle.pixel_size.native
    type_in(person, diameter, f"{DIAMETER:g}", Qt.Key.Key_Tab)
    assert pixel_size.hasFocus()
    person.settle()
    filtered = person.viewer.layers["micrograph"].data
    assert filtered.std() < 0.9 * raw.std()
    person.press("W")
    assert widget.particle.raw.value
    person.settle()
    assert person.viewer.layers["micrograph"].data.std() > filtered.std() / 0.9
    person.press("W")
    person.settle()
    np.testing.assert_array_equal(person.viewer.layers["micrograph"].data, filtered)
    table = widget.data._table
    click_row(person, table, 3)
    assert new.shown == 2
    widget.particle.denoised.value = True
    person.settle()
    denoised = person.viewer.layers["micrograph"].data
    assert np.abs(np.diff(denoised)).mean() < 0.5 * np.abs(np.diff(raw)).mean()
    widget.particle.denoised.value = False
    person.settle()

    # The diameter and the pixel size show the circle, whichever is typed last.
    circle_of(person, DIAMETER)
    type_in(person, pixel_size, f"{2 * SimulationSettings().pixel_size_angstrom:g}", Qt.Key.Key_Tab)
    person.settle()
    circle_of(person, DIAMETER)
    assert "The header contains" in widget.particle._hint.whole_text()
    type_in(person, pixel_size, f"{SimulationSettings().pixel_size_angstrom:g}", Qt.Key.Key_Return)
    assert not widget.particle._hint.isVisible()

    # The circle of a measured diameter stays on the particle.
    person.settle()
    person.see_all()
    person.click_button("⌀ Measure")
    person.drag((300, 200), (340, 200))
    circle_of(person, 40 * SimulationSettings().pixel_size_angstrom, at=(320, 200))
    type_in(person, diameter, f"{DIAMETER:g}", Qt.Key.Key_Return)
    circle_of(person, DIAMETER, at=(320, 200))

    person.click_button("Find particles")
    person.wait(lambda: person.has_picks)
    person.settle()
    assert person.open.shown_name == f"{LONG.format(2)}.mrc"  # that was looked at before
    answer_at_the_keys(person)

    # Errors stay, and names are shown completely.
    assert len(widget.messages.messages()) == 1
    [said] = widget.messages.findChildren(QPlainTextEdit)
    assert f"{LONG.format(0)}.mrc is truncated" in said.toPlainText()
    lines = said.document().size().height()
    assert lines * said.fontMetrics().lineSpacing() <= said.height()
    for size in ((1280, 800), (1366, 768)):
        window.resize(*size)
        person.settle()
        inside_the_dock(widget)
        seen_together(person)
        # The text of a job and the remaining time are shown completely.
        for text in ("Choosing the scale of the particles", "Picking 1,234 of 2,000, 12.3 s each"):
            widget.status._on_started("test", text)
            said = widget.status._busy
            said._left.setText("12 min left")
            qtbot.wait(5)
            assert said._text.fontMetrics().horizontalAdvance(text) <= said._text.width()
        widget.status._on_finished("test")
        # An opened section is scrolled completely into view.
        for section in (widget.learning, widget.head, widget.export):
            section.set_open(False)
            qtbot.wait(5)
            QTest.mouseClick(section._collapsible.toggleButton(), Qt.MouseButton.LeftButton)
            person.wait(lambda section=section: entirely_in_view(section))
            section.set_open(False)
            widget.findChild(QScrollArea).verticalScrollBar().setValue(0)
        for number in person.state.micrographs:
            person.open.show(number)
            qtbot.wait(5)
            current = table._view.visualRect(table._view.currentIndex())
            assert table._view.viewport().rect().contains(current)
    # The same with two rows of suggestions, also below a title bar.
    person.click_button("Suggestions")
    person.settle()
    for size in ((1280, 800), (1366, 768), (1366, 740)):
        window.resize(*size)
        person.settle()
        assert widget.label._strip._rows == 2
        assert "Accept" in widget.label._accept.text()
        seen_together(person)
    person.press("N")
    person.settle()
    for section in widget.sections:
        section.set_open(True)
    person.settle()
    widget.export.set_list(tmp_path / f"{LONG.format(9)}.star")
    widget.export._result.setText(f"57 positions written to {tmp_path / LONG.format(9)}.star")
    widget.head._errors.setText(f"{long_names / LONG.format(0)}.mrc is truncated")
    widget.head._errors.show()
    person.controller.notify("error", f"{long_names / LONG.format(3)}.mrc is missing: look for it.")
    person.settle()
    inside_the_dock(widget)
    # Also when the dock is as narrow as possible.
    dock = widget.parentWidget()
    window.resizeDocks([dock], [1], Qt.Orientation.Horizontal)
    person.wait(lambda: widget.width() < 400)
    person.settle()
    inside_the_dock(widget)
    window.resizeDocks([dock], [400], Qt.Orientation.Horizontal)
    person.settle()

    # Collapsed sections are below each other without gaps.
    for section in widget.sections:
        section.set_open(False)
    person.settle()
    heads = [section._collapsible.toggleButton().height() for section in widget.sections]
    for section, head in zip(widget.sections, heads, strict=True):
        assert section.height() <= head + 4, section.title
    widget.label.set_open(True)

    # The gallery below the image keeps the height of the widget, and reacts to each click.
    height = widget.height()
    widget.show_gallery()
    person.settle()
    assert widget.height() >= height
    widget.show_dataset()
    qtbot.wait(5)
    # Of 768 pixels, the title bar and a panel of the desktop leave about this height.
    assert window.minimumSizeHint().height() <= 720
    widget.show_gallery()
    person.settle()
    shown = widget.gallery.xy.copy()
    assert len(shown) == len(person.picks.picks)
    widget.gallery.view._grid.toggled.emit(0, False)
    widget.gallery.view._reject.click()
    qtbot.wait(1)
    # Before the refit, which does not restore rejected picks.
    rejected = [(one.x, one.y) for one in person.state.labels.values() if one.source == "gallery"]
    assert len(rejected) == 1
    assert (shown == rejected[0]).all(axis=1).sum() == 1
    assert not (widget.gallery.xy == rejected[0]).all(axis=1).any()
    person.settle()

    # Errors stay until they are dismissed, the newest first and the path last.
    messages = widget.messages.messages()
    assert messages[0].endswith(f"is missing: look for it. (in {long_names}/)")
    widget.messages.dismiss(messages[0])
    assert widget.messages.messages() == messages[1:]
    widget.messages.clear()
    assert not widget.messages.isVisible()
    assert [str(one.message) for one in recwarn if "napari" not in one.filename] == []


def test_values_of_the_last_dataset_must_be_confirmed(qtbot, open_widget, micrographs):
    person = Person(qtbot, open_widget())
    person.widget.preferences.set("diameter_angstrom", 321.0)
    person.widget.particle.diameter.value = 321.0
    person.widget.open_path(micrographs)
    person.wait(lambda: person.widget.layers.has_micrograph)
    person.settle()
    assert "that of the last dataset" in person.widget.particle._hint.whole_text()
    type_in(person, person.widget.particle.diameter.native, f"{DIAMETER:g}", Qt.Key.Key_Return)
    assert not person.widget.particle._hint.isVisible()


def test_messages_end_with_the_path():
    text = "/data/set 1/mic.mrc is truncated: copy /data/x/mic.mrc again"
    assert path_last("mic.mrc is missing") == "mic.mrc is missing"
    assert path_last(text).endswith("(in /data/set 1/, /data/x/)")
    assert path_last("C:\\data\\mic.mrc is missing") == "mic.mrc is missing (in C:\\data\\)"
    assert path_last("1/2 of them, 3 Å/px") == "1/2 of them, 3 Å/px"


def seen_together(person: Person) -> None:
    """Check that the questions, the histogram and the table are on screen while labelling."""
    widget = person.widget
    widget.messages.clear()  # about the damaged micrograph, whenever it is shown
    assert not widget.warnings.isVisible()

    def seen(part: QWidget) -> bool:
        visible = part.visibleRegion().boundingRect()
        return visible.height() >= 0.9 * part.height() and visible.width() == part.width()

    parts = (widget.label._strip, widget.picks.histogram._plot, widget.data._table._view)
    person.wait(lambda: all(map(seen, parts)))  # the window is laid out while it is drawn


def entirely_in_view(section: QWidget) -> bool:
    """Tell whether all of an open section is on screen, its contents included."""
    visible = section.visibleRegion().boundingRect().size()
    return (
        visible == section.size()
        and section.height() > 2 * section._collapsible.toggleButton().height()
    )


def answer_at_the_keys(person: Person) -> None:
    for key in "FD":
        person.answer_in_view(key)


def type_in(person: Person, box: QWidget, text: str, end: Qt.Key) -> None:
    """Type a number in a spin box."""

    def has_focus() -> bool:
        box.window().activateWindow()  # there is no window manager that does
        box.setFocus()
        return box.hasFocus()

    person.wait(has_focus)
    box.selectAll()
    QTest.keyClicks(box, text)
    QTest.keyClick(box, end)


def click_row(person: Person, table: QWidget, row: int) -> None:
    view = table._view
    place = view.visualRect(view.model().index(row - 1, 2)).center()
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    person.settle()


def circle_of(person: Person, diameter: float, at: tuple[float, float] | None = None) -> None:
    """Check the circle that shows the diameter."""
    assert person.widget.overlay.isVisible()
    diameter_px, centre = person.widget.overlay.circle
    np.testing.assert_allclose(diameter_px * person.widget.layers.scale, diameter, rtol=0.06)
    if at is not None:
        np.testing.assert_allclose(centre, at, atol=6)

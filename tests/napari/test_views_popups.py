"""Messages over the canvas neither stay nor take the keyboard."""

import pytest

pytest.importorskip("qtpy.QtWidgets", exc_type=ImportError)

from needed_screen import needs_screen
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QDoubleSpinBox, QHBoxLayout, QToolButton, QWidget

from activepick._napari.views import popups as module
from activepick._napari.views.popups import Popups
from activepick._napari.views.wrapped_label import WrappedLabel

pytestmark = needs_screen


@pytest.fixture
def window(qtbot):
    """Return a window with a canvas and a number beside it."""
    widget = QWidget()
    widget.canvas, widget.number = QWidget(), QDoubleSpinBox()
    widget.number.setKeyboardTracking(False)
    layout = QHBoxLayout(widget)
    layout.addWidget(widget.canvas, 1)
    layout.addWidget(widget.number)
    widget.popups = Popups()
    widget.popups.attach(widget.canvas)
    widget.resize(700, 300)
    qtbot.addWidget(widget)
    with qtbot.waitExposed(widget):
        widget.show()
    return widget


def test_all_messages_disappear_and_a_number_can_be_typed_meanwhile(qtbot, window, monkeypatch):
    monkeypatch.setattr(module, "_SHOWN_MS", {"info": 300, "warning": 400, "error": 500})
    box, chosen = window.number, []
    box.valueChanged.connect(chosen.append)

    def has_focus() -> bool:
        window.activateWindow()
        box.setFocus()
        return box.hasFocus()

    qtbot.waitUntil(has_focus)
    box.selectAll()
    for severity in ("warning", "warning", "info", "error"):
        window.popups.show_message(severity, f"{severity} {len(window.popups.messages())}")
    assert len(window.popups.messages()) == 4
    QTest.keyClicks(box, "0.")
    qtbot.waitUntil(lambda: not window.popups.messages())
    assert not window.popups.isVisible()
    assert box.hasFocus()
    assert chosen == []
    QTest.keyClicks(box, "7")
    QTest.keyClick(box, Qt.Key.Key_Return)
    assert chosen == [0.7]


def test_a_message_replaces_the_last_message_but_not_a_warning(window):
    show = window.popups.show_message
    show("warning", "look here")
    show("info", "Undone: particle on a.mrc")
    show("info", "Redone: particle on a.mrc")
    assert window.popups.messages() == ["look here", "Redone: particle on a.mrc"]
    for number in range(9):
        show("warning", f"look at {number}")
    assert window.popups.messages()[-1] == "look at 8"
    assert len(window.popups.messages()) == 4
    show("warning", "look at 8")
    assert len(window.popups.messages()) == 4


def test_a_message_is_on_the_canvas_and_shown_completely(qtbot, window):
    popups, name = window.popups, "x" * 120 + ".mrc"
    popups.show_message("error", f"{name} is truncated: copy it again from where it was recorded.")
    [label] = popups.findChildren(WrappedLabel)

    def is_whole() -> bool:
        on_canvas = window.canvas.rect().contains(popups.geometry())
        return on_canvas and label.height() >= label.heightForWidth(label.width())

    for width in (700, 300, 900):
        window.resize(width, 300)
        qtbot.waitUntil(is_whole)
    [close] = popups.findChildren(QToolButton)
    QTest.mouseClick(close, Qt.MouseButton.LeftButton)
    assert not popups.messages()
    assert not popups.isVisible()


def test_messages_have_the_colours_of_the_theme(qtbot, window):
    themes = {"#202028": "#f0f0f0", "#ececec": "#101010"}
    for before in (True, False):  # the theme may change while the message is shown
        for background, text in themes.items():
            theme = f"QWidget {{background-color: {background}; color: {text};}}"
            window.setStyleSheet(theme if before else "")
            window.popups.show_message("info", "Undone: particle on a.mrc")
            window.setStyleSheet(theme)
            qtbot.wait(10)
            picture = window.popups.grab().toImage()
            inside = QPoint(picture.width() // 2, picture.height() - 4)
            assert picture.pixelColor(inside).name() == background
            colours = {
                picture.pixelColor(x, y).name()
                for x in range(picture.width() - 40)
                for y in range(picture.height())
            }
            assert text in colours

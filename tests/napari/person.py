"""A user of the window, who acts only by keys and mouse."""

import itertools
from collections.abc import Callable

import numpy as np
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt, QTimer
from qtpy.QtGui import QMouseEvent, QWheelEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QAbstractButton, QApplication, QPushButton, QWidget

LONG = 180_000


class Person:
    """A user of one window.

    Parameters
    ----------
    qtbot, widget
        The window's event loop, and the widget in it.
    """

    def __init__(self, qtbot, widget) -> None:
        self.qtbot, self.widget = qtbot, widget
        self.controller, self.viewer = widget.controller, widget._viewer
        self.told: list[tuple[str, str]] = []
        self.controller.notified.connect(lambda severity, text: self.told.append((severity, text)))

    @property
    def open(self):
        """The session as it is open in the window."""
        return self.controller.open_session

    @property
    def session(self):
        return self.open.session

    @property
    def state(self):
        return self.session.state

    @property
    def labelling(self):
        return self.open.labelling

    @property
    def picks(self):
        return self.open.picks

    @property
    def dataset(self):
        return self.open.dataset

    @property
    def has_picks(self) -> bool:
        """Whether the picks of the shown micrograph are visible."""
        return self.open is not None and self.picks.picks is not None

    @property
    def canvas(self):
        return self.viewer.window._qt_viewer.canvas.native

    def wait(self, seen: Callable[[], bool]) -> None:
        self.qtbot.waitUntil(seen, timeout=LONG)

    def settle(self) -> None:
        """Wait until no job is running, and all results are shown."""
        self.wait(lambda: not self.controller.jobs.busy())
        for _ in range(3):
            self.qtbot.wait(1)
        self.wait(lambda: not self.controller.jobs.busy())

    def start(self, folder, diameter: float | None = None) -> None:
        """Open a folder or session and wait for its first picks and questions."""
        self.widget.open_path(folder)
        self.wait(lambda: self.widget.layers.has_micrograph)
        if self.open is None:
            self.settle()
            self.widget.particle.diameter.value = diameter
            self.widget.particle.start()
        self.wait(lambda: self.has_picks)
        self.settle()

    def press(self, key: str) -> None:
        """Press a key, such as "F" or "Shift+X", over the micrograph."""
        modifiers = Qt.KeyboardModifier.NoModifier
        for name in key.split("+")[:-1]:
            modifiers |= getattr(Qt.KeyboardModifier, f"{name}Modifier")
        QTest.keyClick(self.canvas, getattr(Qt.Key, f"Key_{key.split('+')[-1]}"), modifiers)

    def answer(self, key: str) -> None:
        """Answer the current question by a key, and wait for the results."""
        before = self.session.last
        self.press(key)
        assert self.session.last > before
        self.settle()

    def answer_in_view(self, key: str) -> None:
        """Answer the current question, after going to it if it is not on screen."""
        self.go_to_question(key)
        self.answer(key)

    def go_to_question(self, key: str) -> None:
        """Bring the current question into view by a press of a key, where it is not on screen."""
        if not self.widget.navigation.question_in_view(self.open):
            self.press(key)
            self.settle()

    def in_view(self, one) -> bool:
        """Whether a question or label of the shown micrograph is on screen."""
        place = self.where(one.x, one.y)
        return one.micrograph == self.open.shown and self.canvas.rect().contains(place)

    def click_button(self, text: str) -> None:
        """Click on the visible button with this text."""
        self.click_button_in(self.widget, text)

    def click_button_in(self, section, text: str) -> None:
        """Open a section if it is collapsed, and click on the button with this text."""
        if hasattr(section, "set_open"):
            section.set_open(True)
            self.qtbot.wait(5)
        buttons = section.findChildren(QAbstractButton)
        [button] = [one for one in buttons if one.text() == text and one.isVisible()]
        self.wait(lambda: button.height() > 0)  # a section that was opened is laid out later
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)

    def choose(self, button: str, action: str) -> None:
        """Click on the visible button with this text, and on this entry of the menu below it."""
        [opener] = [one for one in self.widget.findChildren(QPushButton) if one.text() == button]

        menu = opener.menu()
        [entry] = [one for one in menu.actions() if one.text() == action]

        clicked = []

        def click_entry() -> None:
            if menu.isVisible():
                place = menu.actionGeometry(entry).center()
                QTest.mouseClick(menu, Qt.MouseButton.LeftButton, pos=place)
                clicked.append(entry)
            else:
                QTimer.singleShot(20, click_entry)

        click_entry()  # after Qt has opened the menu, which runs an event loop of its own
        QTest.mouseClick(opener, Qt.MouseButton.LeftButton)
        self.wait(lambda: bool(clicked))

    def turn_wheel_to(self, zoom: float) -> None:
        """Turn the wheel over the micrograph until the camera has about a zoom."""
        camera, middle = self.viewer.scene.camera, QPointF(self.canvas.rect().center())
        outwards = camera.zoom > zoom
        while (camera.zoom > zoom) == outwards:
            turn = QPoint(0, -120 if outwards else 120)
            event = QWheelEvent(
                middle,
                self.canvas.mapToGlobal(middle),
                turn,
                turn,
                Qt.MouseButton.NoButton,
                Qt.KeyboardModifier.NoModifier,
                Qt.ScrollPhase.NoScrollPhase,
                False,
            )
            QApplication.sendEvent(self.canvas, event)
            self.qtbot.wait(1)

    def answer_now(self, key: str) -> None:
        """Answer by a key, without waiting for slow results."""
        self.press(key)
        self.qtbot.wait(5)

    def where(self, x: float, y: float) -> QPoint:
        """Return the position on the canvas of a position in original pixels."""
        scale, camera = self.widget.layers.scale, self.viewer.scene.camera
        offset = (np.array([y, x]) * scale - np.asarray(camera.center)[-2:]) * camera.zoom
        middle = np.array([self.canvas.height(), self.canvas.width()]) / 2
        down, right = np.rint(middle + offset).astype(int)
        return QPoint(int(right), int(down))

    def click(self, x: float, y: float, button: str = "Left", key: str = "No") -> None:
        """Click on a place in original pixels."""
        self._click(self.where(x, y), button, key)

    def click_on_screen(self, place: tuple[float, float]) -> None:
        """Click on a position of the canvas in screen pixels."""
        self._click(QPointF(*place).toPoint(), "Left", "No")

    def move_on_screen(self, place: tuple[float, float]) -> None:
        """Move the mouse to a position of the canvas in screen pixels."""
        self._move(QPointF(*place).toPoint())

    def _click(self, place: QPoint, button: str, key: str) -> None:
        self._move(place)
        QTest.mouseClick(
            self.canvas,
            getattr(Qt.MouseButton, f"{button}Button"),
            getattr(Qt.KeyboardModifier, f"{key}Modifier"),
            place,
        )

    def click_on_free_place(self) -> None:
        """Click somewhere on screen where there is neither a label nor a question."""
        height, width = self.open.images.shape
        for x in range(40, width - 40, 37):
            for y in range(40, height - 40, 37):
                place = self.where(x, y)
                free = not self.labelling.question_at(x, y) and not self.labelling.label_near(x, y)
                if free and self.canvas.rect().contains(place):
                    self.click(x, y)
                    self.settle()
                    return

    def move_to(self, x: float, y: float) -> None:
        self._move(self.where(x, y))

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Drag from one place in original pixels to another."""
        self.drag_along([start, end])

    def drag_along(
        self, corners: list[tuple[float, float]], look: Callable[[], None] = lambda: None
    ) -> None:
        """Drag along a line through places in original pixels; look before the button goes up."""
        left, plain = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
        ways = [np.linspace(*pair, 8) for pair in itertools.pairwise(corners)]
        places = [self.where(*place) for place in np.concatenate(ways)]
        QTest.mousePress(self.canvas, left, plain, places[0])
        for place in places[1:]:
            self._move(place, left)
        look()
        QTest.mouseRelease(self.canvas, left, plain, places[-1])

    def _move(self, place: QPoint, buttons: Qt.MouseButton = Qt.MouseButton.NoButton) -> None:
        """Move the mouse on the canvas, no faster than VisPy looks at it.

        `QTest.mouseMove` moves the pointer of the screen, whose events come late, and only the last
        of them, while other programs use the processor.
        """
        self.qtbot.wait(12)  # VisPy drops moves within 10 ms
        move = QMouseEvent(
            QEvent.Type.MouseMove,
            QPointF(place),
            QPointF(self.canvas.mapToGlobal(place)),
            Qt.MouseButton.NoButton,
            buttons,
            Qt.KeyboardModifier.NoModifier,
        )
        QApplication.sendEvent(self.canvas, move)
        self.qtbot.wait(6)  # napari shows moves 5 ms after the last one

    def see_all(self) -> None:
        """Show the whole micrograph."""
        self.viewer.reset_view()
        self.qtbot.wait(5)


def inside_the_dock(widget: QWidget) -> None:
    """Check that no visible part of the widget is wider than the widget."""
    for part in widget.findChildren(QWidget):
        if part.isVisible() and not part.visibleRegion().isEmpty():
            scrolled = any(type(p).__name__ == "CropStrip" for p in ancestors(part))
            right = part.mapTo(widget, QPoint(part.width(), 0)).x()
            where = [type(one).__name__ for one in ancestors(part)]
            assert scrolled or right <= widget.width(), where


def ancestors(part: QWidget):
    while part is not None:
        yield part
        part = part.parentWidget()

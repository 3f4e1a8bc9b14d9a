"""A person at the window: all that is done is done by keys and mouse."""

import itertools
from collections.abc import Callable

import numpy as np
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest

LONG = 180_000


class Person:
    """Hands and eyes on one window.

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
        """Whether the picks of the shown micrograph are seen."""
        return self.open is not None and self.picks.picks is not None

    @property
    def canvas(self):
        return self.viewer.window._qt_viewer.canvas.native

    def wait(self, seen: Callable[[], bool]) -> None:
        self.qtbot.waitUntil(seen, timeout=LONG)

    def settle(self) -> None:
        """Wait until nothing goes on, and all of it is shown."""
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
        """Answer the current question by a key, and wait for what follows from it."""
        before = self.session.last
        self.press(key)
        assert self.session.last > before
        self.settle()

    def answer_now(self, key: str) -> None:
        """Answer by a key, and wait for nothing that takes long."""
        self.press(key)
        self.qtbot.wait(5)

    def where(self, x: float, y: float) -> QPoint:
        """Give the place on the canvas of a place in original pixels."""
        scale, camera = self.widget.layers.scale, self.viewer.scene.camera
        offset = (np.array([y, x]) * scale - np.asarray(camera.center)[-2:]) * camera.zoom
        middle = np.array([self.canvas.height(), self.canvas.width()]) / 2
        down, right = np.rint(middle + offset).astype(int)
        return QPoint(int(right), int(down))

    def click(self, x: float, y: float, button: str = "Left", key: str = "No") -> None:
        """Click on a place in original pixels."""
        self.move_to(x, y)
        QTest.mouseClick(
            self.canvas,
            getattr(Qt.MouseButton, f"{button}Button"),
            getattr(Qt.KeyboardModifier, f"{key}Modifier"),
            self.where(x, y),
        )

    def move_to(self, x: float, y: float) -> None:
        QTest.mouseMove(self.canvas, self.where(x, y))
        self.qtbot.wait(5)

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Drag from one place in original pixels to another."""
        self.drag_along([start, end])

    def drag_along(self, corners: list[tuple[float, float]]) -> None:
        """Drag along a line through places in original pixels."""
        left, plain = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
        ways = [np.linspace(*pair, 8) for pair in itertools.pairwise(corners)]
        places = [self.where(*place) for place in np.concatenate(ways)]
        QTest.mousePress(self.canvas, left, plain, places[0])
        for place in places[1:]:
            QTest.mouseMove(self.canvas, place)
            self.qtbot.wait(5)
        QTest.mouseRelease(self.canvas, left, plain, places[-1])

    def see_all(self) -> None:
        """Show the whole micrograph."""
        self.viewer.reset_view()
        self.qtbot.wait(5)

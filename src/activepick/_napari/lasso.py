"""Reject many picks or remove many labels at once with a lasso."""

from typing import Literal

import numpy as np
from qtpy.QtCore import QObject, Signal

from activepick._napari.layers import Layers
from activepick._napari.mouse_bindings import MouseBindings, Position
from activepick._napari.open_session import OpenSession
from activepick._napari.session_listener import SessionListener
from activepick.picking.rules import outside_areas
from activepick.session import Session

__all__ = ["Lasso", "LassoAction"]

# Label picks as non-particles, or remove labels.
LassoAction = Literal["reject", "erase"]


class Lasso(QObject, SessionListener):
    """Reject the picks, or remove the labels, inside a closed line; each line is one action.

    Parameters
    ----------
    mouse
        Draws the line.
    layers
        Show the line.

    Signals
    -------
    stopped()
        Drawing ended.
    """

    stopped = Signal()

    def __init__(self, mouse: MouseBindings, layers: Layers, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._mouse, self._layers = mouse, layers
        self._action: LassoAction | None = None

    def show_session(self, session: OpenSession) -> None:
        """Draw on the micrographs of a session."""
        self.stop()
        session.shown_changed.connect(self.stop)

    def clear(self) -> None:
        """End drawing."""
        self.stop()

    def start(self, action: LassoAction) -> None:
        """Draw a line at each drag until `stop` is called."""
        self._action = action
        self._mouse.draw(self._on_drawn)

    def stop(self) -> None:
        """End drawing."""
        if self._action is not None:
            self._action = None
            self._mouse.draw(None)
            self._layers.hide_line()
        self.stopped.emit()

    def _on_drawn(self, line: list[Position], final: bool) -> None:
        if not final:
            self._layers.show_line(line)
            return
        self._layers.hide_line()
        action = self._action
        if len(line) > 2:
            self.call(
                lambda session: (
                    _reject(session, line) if action == "reject" else _erase(session, line)
                )
            )


def _reject(session: OpenSession, line: list[Position]) -> None:
    """Label the picks inside a line as non-particles."""
    picks, shown = session.picks.picks, session.shown
    if picks is None:
        return
    xy = picks[["x", "y"]].to_numpy(np.float64)
    xy = xy[~outside_areas(xy, [line])]
    particles = [i for i in _labels_in(session, line) if session.state.marks[i].target == 1]
    if not len(xy):
        return

    def act(changed: Session) -> None:
        if particles:
            changed.labels.replace(particles, shown, xy.tolist(), 0, "gallery")
        else:
            changed.labels.add(shown, xy.tolist(), 0, "gallery")

    session.edit(act)


def _erase(session: OpenSession, line: list[Position]) -> None:
    """Remove the labels inside a line."""
    inside = _labels_in(session, line)
    if inside:
        session.edit(lambda changed: changed.labels.remove(inside))


def _labels_in(session: OpenSession, line: list[Position]) -> list[int]:
    marks = session.state.marks_of(session.shown)
    inside = ~outside_areas([(mark.x, mark.y) for mark in marks], [line])
    return [mark.id for mark, one in zip(marks, inside, strict=True) if one]

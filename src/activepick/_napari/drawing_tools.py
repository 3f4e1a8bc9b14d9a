"""Tools that draw on the image: a lasso for picks, labels and areas, and a brush for areas."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from qtpy.QtCore import QObject, Signal

from activepick._napari.canvas_overlay import LINE_PX, CanvasOverlay
from activepick._napari.excluded_areas import add_area
from activepick._napari.layers import Layers
from activepick._napari.mouse_bindings import MouseBindings, Position
from activepick._napari.open_session import OpenSession
from activepick._napari.session_listener import SessionListener
from activepick.picking.rules import outside_areas
from activepick.session import Session

__all__ = ["DrawingAction", "DrawingTools", "stroke_outline"]

# With the lasso: label picks as non-particles, remove labels, or exclude an area. With the brush:
# exclude an area.
DrawingAction = Literal["reject", "erase", "exclude", "paint"]
# Lines that enclose less than a square with this side, in pixels of the screen, are ignored.
_LEAST_SIDE_PX = 4.0
# Diameter of the brush in pixels of the screen, and the number of cells of the grid across it.
_BRUSH_PX, _BRUSH_CELLS = 30.0, 16


class DrawingTools(QObject, SessionListener):
    """Reject picks, remove labels or exclude areas with a line that is drawn on the image.

    Each line is one action.

    Parameters
    ----------
    mouse
        Draws the line.
    layers
        Layers of the shown micrograph.
    overlay
        Shows the line and the brush.

    Signals
    -------
    stopped()
        Drawing ended.
    """

    stopped = Signal()

    def __init__(
        self,
        mouse: MouseBindings,
        layers: Layers,
        overlay: CanvasOverlay,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._mouse, self._layers, self._overlay = mouse, layers, overlay
        self._action: DrawingAction | None = None

    def show_session(self, session: OpenSession) -> None:
        """Draw on the micrographs of a session."""
        self.stop()
        session.shown_changed.connect(self.stop)

    def clear(self) -> None:
        """End drawing."""
        self.stop()

    def start(self, action: DrawingAction) -> None:
        """Draw lines until `stop` is called."""
        self._action = action
        if action == "paint":
            self._mouse.draw(self._on_drawn, from_click_to_click=False, hovered=self._show_brush)
        else:
            self._mouse.draw(self._on_drawn)

    def stop(self) -> None:
        """End drawing."""
        if self._action is not None:
            self._action = None
            self._mouse.draw(None)
            self._overlay.hide_line()
            self._overlay.hide_circle()
        self.stopped.emit()

    def _show_brush(self, position: Position) -> None:
        self._overlay.show_circle(_BRUSH_PX * self._layers.screen_px, position)

    def _on_drawn(self, line: list[Position], complete: bool) -> None:
        action = self._action
        if not complete:
            self._overlay.hide_circle()
            self._overlay.show_line(line, _BRUSH_PX if action == "paint" else LINE_PX)
            return
        self._overlay.hide_line()
        if action is not None:
            self.call(lambda session: self._act(session, action, line))

    def _act(self, session: OpenSession, action: DrawingAction, line: list[Position]) -> None:
        screen_px = self._layers.screen_px
        if not session.images.is_current:
            return
        if action == "paint":
            outline = stroke_outline(line, _BRUSH_PX * screen_px)
            add_area(session, outline, tolerance_px=screen_px)
        elif _enclosed(line) > (_LEAST_SIDE_PX * screen_px) ** 2:
            if action == "exclude":
                add_area(session, line, tolerance_px=screen_px)
            elif action == "reject":
                _reject(session, line)
            else:
                _erase(session, line)


def stroke_outline(line: list[Position], diameter_px: float) -> NDArray[np.float64]:
    """Return the outline (n, 2), as x, y, of what a round brush covers, without holes.

    Parameters
    ----------
    line
        Corners (x, y) of the path of the brush.
    diameter_px
        Diameter of the brush, in the same units.
    """
    from skimage.measure import find_contours  # slow to import

    cell = diameter_px / _BRUSH_CELLS
    corners = np.array(line, np.float64)
    first = corners.min(axis=0) - diameter_px
    cells = (corners - first) / cell
    width, height = (int(side) + 2 * _BRUSH_CELLS for side in cells.max(axis=0))
    image = Image.new("L", (width, height))
    drawing = ImageDraw.Draw(image)
    drawing.line([(x, y) for x, y in cells.tolist()], fill=1, width=_BRUSH_CELLS)
    radius = _BRUSH_CELLS / 2
    for x, y in cells.tolist():
        drawing.ellipse((x - radius, y - radius, x + radius, y + radius), fill=1)
    contours = find_contours(np.asarray(image, np.float32), 0.5)
    # The others are holes.
    outer = max(contours, key=lambda contour: float(np.ptp(contour, axis=0).max()))
    return np.asarray(outer[:, ::-1] * cell + first)


def _enclosed(line: list[Position]) -> float:
    """Return the area inside a closed line."""
    x, y = np.array(line).T
    return float(abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2)


def _reject(session: OpenSession, line: list[Position]) -> None:
    """Label the picks inside a line as non-particles."""
    picks, shown = session.picks.picks, session.shown
    if picks is None:
        return
    xy = picks[["x", "y"]].to_numpy(np.float64)
    xy = xy[~outside_areas(xy, [line])]
    particles = [i for i in _labels_in(session, line) if session.state.marks[i].is_particle]
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

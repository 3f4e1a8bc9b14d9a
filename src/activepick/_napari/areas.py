"""Draw and paint what is not to be picked."""

from typing import TYPE_CHECKING

import numpy as np
from napari.components import ViewerModel
from napari.layers import Labels
from napari.utils import DirectLabelColormap
from numpy.typing import NDArray
from qtpy.QtCore import QObject, QTimer, Signal

from activepick._napari.colours import EXCLUDED
from activepick._napari.layers import Layers

if TYPE_CHECKING:
    from activepick._napari.controller import Desk
    from activepick._napari.mouse_bindings import Hands

__all__ = ["AreaTools"]

# A painting has this many pixels along its longer side: finer than a brush.
_CANVAS = 512
# Corners of a painted outline that matter less than this are left out, in painting pixels.
_TOLERANCE = 0.7
_BRUSH = 24

Polygon = NDArray[np.float64]


class AreaTools(QObject):
    """Turns what is drawn and painted into excluded areas of the shown micrograph.

    Parameters
    ----------
    viewer, layers, hands, desk
        Where it is drawn and shown, whose keys hold there, and where it is kept.

    Signals
    -------
    stopped()
        Drawing or painting came to an end.
    """

    stopped = Signal()

    def __init__(self, viewer: ViewerModel, layers: Layers, hands: "Hands", desk: "Desk") -> None:
        super().__init__(desk)
        self._viewer, self._layers, self._hands, self._desk = viewer, layers, hands, desk
        self._before: list[Polygon] = []
        self._painting: Labels | None = None
        self._number = 0
        self._step = 1.0
        self._watched: object = None
        self._showing = False
        desk.shown_changed.connect(self.stop)
        desk.leaving.connect(self.stop)
        desk.areas_changed.connect(self.show)
        desk.images.ready.connect(self.show)
        # A shape is whole only when napari's own handling of the mouse has ended.
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(0)
        self._later.timeout.connect(self._take_drawing)

    def draw(self) -> None:
        """Let the person draw around areas."""
        if not self._desk.shown:
            self.stopped.emit()
            return
        self._number = self._desk.shown
        layer = self._layers.areas_layer()
        if self._watched is not layer:
            layer.events.data.connect(self._on_data)
            self._hands.bind(layer, leave=self.stop)
            self._watched = layer
        self._viewer.layers.selection.active = layer
        layer.mode = "add_polygon_lasso"

    def paint(self) -> None:
        """Let the person paint over areas."""
        if not self._desk.shown:
            self.stopped.emit()
            return
        self._number = self._desk.shown
        height, width = self._desk.shape
        step = max(1.0, max(height, width) / _CANVAS)
        shape = (int(np.ceil(height / step)), int(np.ceil(width / step)))
        layer = Labels(
            np.zeros(shape, np.uint8),
            name="painting",
            scale=(step * self._layers.scale,) * 2,
            units=self._layers.units,
            colormap=DirectLabelColormap(color_dict={None: "transparent", 1: EXCLUDED}),
            opacity=0.4,
        )
        layer.events.paint.connect(self._on_stroke)
        self._hands.bind(layer, leave=self.stop)
        self._before = self._known(self._number)
        self._viewer.add_layer(layer)
        self._viewer.layers.selection.active = layer
        layer.mode, layer.brush_size, layer.selected_label = "paint", _BRUSH, 1
        self._painting = layer
        self._step = step

    def stop(self) -> None:
        """End drawing or painting."""
        painting, self._painting = self._painting, None
        if painting is not None and painting in self._viewer.layers:
            self._viewer.layers.remove(painting)
        layer = self._layers.get("excluded areas")
        if layer is not None:
            layer.mode = "pan_zoom"
        self._layers.rest()
        self.stopped.emit()

    def clear(self) -> None:
        """Remove the areas of the shown micrograph."""
        if self._known(self._desk.shown):
            self._set(self._desk.shown, [])

    def show(self, *_: object) -> None:
        """Show the areas of the shown micrograph."""
        self._showing = True
        try:
            self._layers.show_areas(self._known(self._desk.shown))
        finally:
            self._showing = False

    def _on_stroke(self, event: object) -> None:
        # Each stroke is kept at once, as each click is.
        if self._painting is not None:
            outlines = _outlines(np.asarray(self._painting.data) > 0, self._step)
            self._set(self._number, [*self._before, *outlines])

    def _on_data(self, event: object) -> None:
        action = str(getattr(event, "action", ""))
        if not self._showing and action.endswith(("added", "changed", "removed")):
            self._later.start()

    def _take_drawing(self) -> None:
        layer = self._layers.get("excluded areas")
        if layer is None or getattr(layer, "_is_creating", False):
            return
        drawn = [np.asarray(shape)[:, -2:][:, ::-1] for shape in layer.data]
        self._set(self._desk.shown, [polygon for polygon in drawn if len(polygon) > 2])

    def _set(self, number: int, polygons: list[Polygon]) -> None:
        plain = [[(float(x), float(y)) for x, y in polygon] for polygon in polygons]
        self._desk.attempt(lambda session: session.micrographs.set_areas(number, plain))

    def _known(self, number: int) -> list[Polygon]:
        session = self._desk.session
        if session is None:
            return []
        areas = session.state.areas.get(number, ())
        return [np.array(area.vertices, np.float64) for area in areas]


def _outlines(mask: NDArray[np.bool_], step: float) -> list[Polygon]:
    """Give the outlines (n, 2) as x, y of the painted parts, in original pixels."""
    from skimage.measure import approximate_polygon, find_contours  # slow to import

    padded = np.pad(mask, 1).astype(np.float32)
    found = []
    for contour in find_contours(padded, 0.5):
        corners = approximate_polygon(contour, _TOLERANCE)[:-1]
        if len(corners) > 2:
            found.append((corners[:, ::-1] - 1) * step)
    return found

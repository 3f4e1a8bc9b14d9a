"""Drawing and painting of excluded areas, in which nothing is picked."""

import numpy as np
from napari.components import ViewerModel
from napari.layers import Labels, Shapes
from napari.utils import DirectLabelColormap
from numpy.typing import NDArray
from qtpy.QtCore import QObject, Signal
from superqt.utils import qdebounced

from activepick._napari.colours import EXCLUDED
from activepick._napari.key_bindings import KeyBindings
from activepick._napari.layers import AREAS, Layers
from activepick._napari.open_session import OpenSession
from activepick._napari.session_listener import SessionListener

__all__ = ["ExcludedAreas"]

# Number of pixels along the longer side of a painting: finer than the brush.
_PAINTING_SIDE = 512
# Largest deviation of the simplified outline of a painting, in its pixels.
_TOLERANCE = 0.7
_BRUSH_SIZE = 24

Polygon = NDArray[np.float64]


class ExcludedAreas(QObject, SessionListener):
    """Convert drawings and paintings to excluded areas of the shown micrograph.

    Parameters
    ----------
    viewer
        The viewer.
    layers
        Layers of the shown micrograph.
    key_bindings
        Key bindings for the layers on which areas are drawn and painted.

    Signals
    -------
    stopped()
        Drawing or painting ended.
    """

    stopped = Signal()

    def __init__(
        self,
        viewer: ViewerModel,
        layers: Layers,
        key_bindings: KeyBindings,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._viewer, self._layers, self._key_bindings = viewer, layers, key_bindings
        self._painting: Labels | None = None
        self._connected: Shapes | None = None
        self._warm = False

    def show_session(self, session: OpenSession) -> None:
        """Show and change the areas of a session."""
        self.clear()
        session.shown_changed.connect(self.stop)
        session.areas_changed.connect(self.with_session(self._show))
        session.images.ready.connect(lambda displayed: self._show(session))
        session.picks.head_changed.connect(self.with_session(self._warm_up))

    def clear(self) -> None:
        """End drawing or painting, and discard an incomplete shape."""
        self._take_drawing.cancel()
        self.stop()

    def draw(self) -> None:
        """Start drawing outlines of areas."""
        self.call(self._draw)

    def paint(self) -> None:
        """Start painting over areas."""
        self.call(self._paint)

    def stop(self) -> None:
        """End drawing or painting."""
        painting, self._painting = self._painting, None
        if painting is not None and painting in self._viewer.layers:
            self._viewer.layers.remove(painting)
        if self._layers.stop_drawing_areas():
            self.call(self._show)
        self._layers.activate_labels()
        self.stopped.emit()

    def remove(self) -> None:
        """Remove the areas of the shown micrograph."""
        self.call(lambda session: _set_polygons(session, session.shown, []))

    def _show(self, session: OpenSession) -> None:
        self._layers.show_areas(_polygons(session))

    def _draw(self, session: OpenSession) -> None:
        if not session.images.is_current:
            self.stopped.emit()
            return
        layer = self._layers.areas_layer()
        if self._connected is not layer:
            layer.events.data.connect(self._on_data)
            self._key_bindings.bind_layer(layer)
            self._connected = layer
        self._viewer.layers.selection.active = layer
        layer.mode = "add_polygon_lasso"

    def _paint(self, session: OpenSession) -> None:
        if not session.images.is_current:
            self.stopped.emit()
            return
        shown, before = session.shown, _polygons(session)
        height, width = session.images.shape
        step = max(1.0, max(height, width) / _PAINTING_SIDE)  # original pixels per painted pixel
        layer = Labels(
            np.zeros((int(np.ceil(height / step)), int(np.ceil(width / step))), np.uint8),
            name="painting",
            scale=(step * self._layers.scale,) * 2,
            units=self._layers.units,
            colormap=DirectLabelColormap(color_dict={None: "transparent", 1: EXCLUDED}),
            opacity=0.4,
        )

        def on_stroke(event: object) -> None:
            # Each stroke is stored at once, as each click is.
            is_current = self._painting is layer
            if is_current:
                outlines = _outlines(np.asarray(layer.data) > 0, step)
                _set_polygons(session, shown, [*before, *outlines])

        layer.events.paint.connect(on_stroke)
        self._key_bindings.bind_layer(layer)
        self._viewer.add_layer(layer)
        self._viewer.layers.selection.active = layer
        layer.mode, layer.brush_size, layer.selected_label = "paint", _BRUSH_SIZE, 1
        self._painting = layer

    def _warm_up(self, session: OpenSession) -> None:
        # napari compiles code for seconds when the first shape is created.
        if not self._warm:
            self._warm = True
            session.jobs.run(
                "warm-up", lambda progress: Shapes([np.eye(3, 2)], shape_type="polygon")
            )

    def _on_data(self, event: object) -> None:
        action = str(getattr(event, "action", ""))
        if not self._layers.updating_areas and action.endswith(("added", "changed", "removed")):
            self._take_drawing()

    @qdebounced(timeout=0)  # a shape is complete when napari's own mouse callbacks have returned
    def _take_drawing(self) -> None:
        layer = self._layers.get(AREAS)
        if layer is not None and not getattr(layer, "_is_creating", False):
            drawn = [np.asarray(shape)[:, -2:][:, ::-1] for shape in layer.data]
            polygons = [polygon for polygon in drawn if len(polygon) > 2]
            self.call(lambda session: _set_polygons(session, session.shown, polygons))


def _polygons(session: OpenSession) -> list[Polygon]:
    """Return the excluded areas of the shown micrograph, (n, 2) as x, y."""
    areas = session.state.areas.get(session.shown, ())
    return [np.array(area.vertices, np.float64) for area in areas]


def _set_polygons(session: OpenSession, micrograph: int, polygons: list[Polygon]) -> None:
    if polygons or micrograph in session.state.areas:
        vertices = [[(float(x), float(y)) for x, y in polygon] for polygon in polygons]
        session.edit(lambda changed: changed.micrographs.set_areas(micrograph, vertices))


def _outlines(mask: NDArray[np.bool_], step: float) -> list[Polygon]:
    """Return the outlines (n, 2) as x, y of the painted parts, in original pixels."""
    from skimage.measure import approximate_polygon, find_contours  # slow to import

    padded = np.pad(mask, 1).astype(np.float32)
    outlines = []
    for contour in find_contours(padded, 0.5):
        corners = approximate_polygon(contour, _TOLERANCE)[:-1]
        if len(corners) > 2:
            outlines.append((corners[:, ::-1] - 1) * step)
    return outlines

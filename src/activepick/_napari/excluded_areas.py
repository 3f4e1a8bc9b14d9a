"""Excluded areas, in which nothing is picked."""

import numpy as np
from napari.layers import Shapes
from numpy.typing import ArrayLike, NDArray
from qtpy.QtCore import QObject
from superqt.utils import qdebounced

from activepick._napari.key_bindings import KeyBindings
from activepick._napari.layers import AREAS, Layers
from activepick._napari.open_session import OpenSession
from activepick._napari.session_listener import SessionListener

__all__ = ["ExcludedAreas", "add_area"]

Polygon = NDArray[np.float64]


class ExcludedAreas(QObject, SessionListener):
    """Show the excluded areas of the shown micrograph, and take changes with napari's tools.

    Parameters
    ----------
    layers
        Layers of the shown micrograph.
    key_bindings
        Key bindings for the layer of the areas.
    """

    def __init__(
        self, layers: Layers, key_bindings: KeyBindings, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._layers, self._key_bindings = layers, key_bindings
        self._warm = False
        layers.areas_added.connect(self._connect)

    def show_session(self, session: OpenSession) -> None:
        """Show and change the areas of a session."""
        self.clear()
        session.shown_changed.connect(self.stop)
        session.areas_changed.connect(self.with_session(self._show))
        session.images.ready.connect(lambda displayed: self._show(session))
        session.picks.head_changed.connect(self.with_session(self._warm_up))

    def clear(self) -> None:
        """End editing, and discard an incomplete shape."""
        self._take_edited.cancel()
        self.stop()

    def stop(self) -> None:
        """End editing with napari's tools."""
        if self._layers.stop_editing_areas():
            self.call(self._show)
        self._layers.activate_labels()

    def remove(self) -> None:
        """Remove the areas of the shown micrograph."""
        self.call(lambda session: _set_polygons(session, session.shown, []))

    def _show(self, session: OpenSession) -> None:
        self._layers.show_areas(_polygons(session))

    def _connect(self, layer: Shapes) -> None:
        layer.events.data.connect(self._on_data)
        self._key_bindings.bind_layer(layer)

    def _warm_up(self, session: OpenSession) -> None:
        # napari compiles code for seconds when the first shape is created.
        if not self._warm:
            self._warm = True
            session.jobs.run("warm-up", lambda progress: _warm_up())

    def _on_data(self, event: object) -> None:
        action = str(getattr(event, "action", ""))
        if not self._layers.updating_areas and action.endswith(("added", "changed", "removed")):
            self._take_edited()

    @qdebounced(timeout=0)  # a shape is complete when napari's own mouse callbacks have returned
    def _take_edited(self) -> None:
        layer = self._layers.get(AREAS)
        if layer is not None and not getattr(layer, "_is_creating", False):
            edited = [np.asarray(shape)[:, -2:][:, ::-1] for shape in layer.data]
            polygons = [polygon for polygon in edited if len(polygon) > 2]
            self.call(lambda session: _set_polygons(session, session.shown, polygons))


def add_area(session: OpenSession, outline: ArrayLike, tolerance_px: float) -> None:
    """Exclude an area of the shown micrograph.

    Parameters
    ----------
    session
        The open session.
    outline
        Corners (n, 2) as x, y in original pixels.
    tolerance_px
        Largest deviation of the simplified outline, in original pixels.
    """
    from skimage.measure import approximate_polygon  # slow to import

    open_line = np.asarray(outline, np.float64)
    corners = np.concatenate([open_line, open_line[:1]])
    simple = approximate_polygon(corners, tolerance_px)[:-1]
    if len(simple) > 2:
        _set_polygons(session, session.shown, [*_polygons(session), simple])


def _polygons(session: OpenSession) -> list[Polygon]:
    """Return the excluded areas of the shown micrograph, (n, 2) as x, y."""
    areas = session.state.areas.get(session.shown, ())
    return [np.array(area.vertices, np.float64) for area in areas]


def _set_polygons(session: OpenSession, micrograph: int, polygons: list[Polygon]) -> None:
    if polygons or micrograph in session.state.areas:
        vertices = [[(float(x), float(y)) for x, y in polygon] for polygon in polygons]
        session.edit(lambda changed: changed.micrographs.set_areas(micrograph, vertices))


def _warm_up() -> None:
    """Import and compile what the first area needs."""
    from skimage.measure import approximate_polygon, find_contours  # noqa: F401

    Shapes([np.eye(3, 2)], shape_type="polygon")

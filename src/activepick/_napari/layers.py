"""The layers of the shown micrograph. They show what the session says, and change nothing in it.

Positions are original pixels; the scale of the layers makes Å of them, so that the window's scale
bar is right.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import matplotlib.colors
import numpy as np
import pandas as pd
from napari.components import ViewerModel
from napari.layers import Image, Layer, Points, Shapes
from numpy.typing import NDArray
from scipy.special import expit

from activepick._napari import colours
from activepick._napari.images import Picture
from activepick._napari.io.layer_data import in_angstrom
from activepick.scoremap.score_map import ScoreMap
from activepick.session import Label, Question

__all__ = ["AREAS", "LABELS", "MAP", "MICROGRAPH", "PICKS", "QUESTIONS", "Layers"]

MICROGRAPH, MAP, AREAS, PICKS, LABELS, QUESTIONS, CIRCLE = (
    "micrograph",
    "score map",
    "excluded areas",
    "picks",
    "labels",
    "questions",
    "diameter",
)
# From the bottom to the top.
_ORDER = (MICROGRAPH, MAP, AREAS, PICKS, LABELS, QUESTIONS, CIRCLE)
_RING = {
    "face_color": "transparent",
    "border_width_is_relative": True,
    "out_of_slice_display": False,
    "antialiasing": 1,
}
# Width of a ring in parts of its diameter.
_THIN, _THICK = 0.03, 0.06


class Layers:
    """Layers of one micrograph in a viewer, made when they are first needed.

    Parameters
    ----------
    viewer
        The viewer.
    map_seen
        Called when the person shows or hides the score map.
    """

    def __init__(self, viewer: ViewerModel, map_seen: Callable[[bool], None]) -> None:
        self.viewer = viewer
        self._tell_map = map_seen
        self._layers: dict[str, Layer] = {}
        self._picture: Picture | None = None

    @property
    def scale(self) -> float:
        """World units per original pixel."""
        return (self._picture and self._picture.pixel_size_angstrom) or 1.0

    @property
    def has_picture(self) -> bool:
        """Whether there is a micrograph to lay something on."""
        return self._picture is not None

    def get(self, name: str) -> Layer | None:
        """Give a layer if it is there."""
        layer = self._layers.get(name)
        return layer if layer is not None and layer in self.viewer.layers else None

    def show_picture(self, picture: Picture) -> None:
        """Show another picture, of the same micrograph or another one."""
        before = self._picture
        known = picture.pixel_size_angstrom is not None
        if before is not None and (before.pixel_size_angstrom is not None) != known:
            self.clear()  # units cannot be changed layer by layer
        self._picture = picture
        spacing = np.array(picture.image.spacing_px[::-1]) * self.scale
        size = picture.pixel_size_angstrom
        attributes = {
            "scale": spacing,
            "units": in_angstrom(size)["units"],
            "contrast_limits": picture.image.limits,
        }
        layer = self.get(MICROGRAPH)
        if layer is None:
            self._add(
                MICROGRAPH,
                Image(picture.image.pixels, name=MICROGRAPH, colormap="gray", **attributes),
            )
        else:
            layer.visible = True
            layer.data = picture.image.pixels
            layer.scale = attributes["scale"]
            layer.contrast_limits_range = (
                float(picture.image.pixels.min()),
                float(picture.image.pixels.max()),
            )
            layer.contrast_limits = attributes["contrast_limits"]
        self._layers[MICROGRAPH].metadata = {
            "path": str(picture.path),
            "pixel_size_angstrom": size,
            "spacing_px": picture.image.spacing_px,
        }
        for name in (PICKS, LABELS, QUESTIONS, AREAS):
            layer = self.get(name) if name == AREAS else self._points(name)
            if layer is not None and layer.scale[-1] != self.scale:
                layer.scale = (self.scale,) * 2
        self.map_layer()
        if before is None or before.shape != picture.shape:
            self.viewer.fit_to_view()

    def show_rejected(self, rejected: bool) -> None:
        """Let a rejected micrograph look faint."""
        layer = self.get(MICROGRAPH)
        if layer is not None:
            layer.opacity = 0.35 if rejected else 1.0

    def show_map(self, map: ScoreMap) -> None:
        """Show a score map as the probability of a particle."""
        values, scale = expit(map.values), (map.spacing_px * self.scale,) * 2
        layer = self.map_layer()
        layer.data, layer.scale = values, scale

    def map_layer(self) -> Image:
        """Give the layer of the score map, hidden until somebody shows it."""
        layer = self.get(MAP)
        if layer is None:
            layer = Image(
                np.zeros((2, 2), np.float32),
                name=MAP,
                colormap="magma",
                contrast_limits=(0, 1),
                opacity=0.5,
                blending="translucent",
                visible=False,
                units=self.units,
            )
            layer.events.visible.connect(self._map_seen)
            self._add(MAP, layer)
        return layer

    def show_picks(self, picks: pd.DataFrame | None, diameter_px: float, name: str) -> None:
        """Show picks coloured by their score, with circles of the particle's diameter."""
        table = pd.DataFrame({"x": [], "y": [], "score": []}) if picks is None else picks
        layer = self._points(PICKS)
        self._fill(
            layer,
            table[["y", "x"]].to_numpy(np.float64),
            colours.of_score(expit(table["score"].to_numpy(np.float64))),
            diameter_px,
        )
        layer.features = pd.DataFrame({"score": table["score"].to_numpy(np.float64)})
        layer.metadata = self._facts(diameter_px, name)
        self._layers[MICROGRAPH].metadata["diameter_angstrom"] = diameter_px * self.scale

    def show_labels(self, marks: Sequence[Label], diameter_px: float, name: str) -> None:
        """Show labels and skipped places."""
        layer = self._points(LABELS)
        rim = _rgba(colours.of_target(mark.target) for mark in marks)
        self._fill(layer, _positions(marks), rim, diameter_px)
        layer.features = pd.DataFrame(
            {"id": [mark.id for mark in marks], "label": [mark.target for mark in marks]}
        )
        layer.metadata = self._facts(diameter_px, name)

    def preview_move(self, label: int, x: float, y: float) -> None:
        """Show a label elsewhere while it is dragged."""
        layer = self._points(LABELS)
        rows = np.flatnonzero(layer.features["id"].to_numpy() == label)
        data = layer.data.copy()
        data[rows] = (y, x)
        layer.data = data

    def show_questions(
        self, questions: Sequence[Question], current: Question | None, diameter_px: float
    ) -> None:
        """Show open questions; squares are suggestions in the colour of their answer."""
        layer = self._points(QUESTIONS)
        rim = [
            colours.ASKED if q.suggestion is None else colours.of_target(q.suggestion)
            for q in questions
        ]
        self._fill(layer, _positions(questions), _rgba(rim), diameter_px)
        if questions:
            chosen = [current is not None and q.id == current.id for q in questions]
            layer.symbol = ["disc" if q.suggestion is None else "square" for q in questions]
            layer.border_width = np.where(chosen, _THICK * 1.5, _THICK / 1.5)
        layer.features = pd.DataFrame({"id": [question.id for question in questions]})

    def show_areas(self, areas: Iterable[NDArray[np.float64]]) -> None:
        """Show excluded areas, polygons (n, 2) as x, y."""
        polygons = [np.asarray(area)[:, ::-1] for area in areas]
        layer = self.get(AREAS)
        if layer is None:
            if not polygons:
                return
            layer = self.areas_layer()
        layer.data = []
        if polygons:
            layer.add_polygons(polygons)

    def areas_layer(self) -> Shapes:
        """Give the layer on which excluded areas are drawn."""
        layer = self.get(AREAS)
        if layer is None:
            layer = Shapes(
                ndim=2,
                name=AREAS,
                edge_color=colours.EXCLUDED,
                face_color=colours.EXCLUDED,
                edge_width=0,
                opacity=0.35,
                scale=(self.scale,) * 2,
                units=self.units,
            )
            self._add(AREAS, layer)
        return layer

    def show_circle(self, diameter_px: float, place: tuple[float, float]) -> None:
        """Show how large a diameter is, at a place (x, y)."""
        layer = self._points(CIRCLE)
        yx = np.array([[place[1], place[0]]])
        self._fill(layer, yx, _rgba([colours.CURRENT]), diameter_px)

    def hide_circle(self) -> None:
        """Show it no longer."""
        layer = self.get(CIRCLE)
        if layer is not None:
            self.viewer.layers.remove(layer)

    def rest(self) -> None:
        """Make the labels the active layer, so that our keys and clicks hold."""
        layer = self.get(LABELS) or self.get(MICROGRAPH)
        if layer is not None:
            self.viewer.layers.selection.active = layer

    def blank(self) -> None:
        """Show that there is nothing to see: the micrograph cannot be read."""
        layer = self.get(MICROGRAPH)
        if layer is not None:
            layer.visible = False
        self.empty()

    def empty(self) -> None:
        """Show nothing on the micrograph."""
        for name in (PICKS, LABELS, QUESTIONS):
            layer = self.get(name)
            if layer is not None:
                layer.data = np.empty((0, 2))
        self.show_areas([])

    def clear(self) -> None:
        """Remove all layers that were made here."""
        for name in _ORDER:
            layer = self.get(name)
            if layer is not None:
                self.viewer.layers.remove(layer)
        self._layers.clear()
        self._picture = None

    def _map_seen(self, event: object = None) -> None:
        layer = self.get(MAP)
        self._tell_map(layer is not None and layer.visible)

    def _points(self, name: str) -> Points:
        layer = self.get(name)
        if layer is None:
            layer = Points(
                np.empty((0, 2)),
                name=name,
                border_width=_THIN if name == PICKS else _THICK,
                scale=(self.scale,) * 2,
                units=self.units,
                **_RING,
            )
            # Changes go through the session, which can take them back; napari's tools could not.
            layer.editable = False
            self._add(name, layer)
        return layer

    def _fill(
        self,
        layer: Points,
        yx: NDArray[np.float64],
        rim: NDArray[np.float64],
        diameter_px: float,
    ) -> None:
        # Each change of a layer is drawn, and its thumbnail made anew: only the last one counts.
        with layer.events.thumbnail.blocker(), layer.events.set_data.blocker():
            layer.selected_data = set()
            layer.data = yx
            if len(yx):
                layer.border_color = rim
                layer.size = diameter_px
        layer.events.set_data()

    def _add(self, name: str, layer: Layer) -> None:
        self._layers[name] = layer
        above = [self.get(other) for other in _ORDER[_ORDER.index(name) + 1 :]]
        places = [self.viewer.layers.index(other) for other in above if other is not None]
        if places:
            self.viewer.layers.insert(min(places), layer)
        else:
            self.viewer.add_layer(layer)
        self.rest()

    def _facts(self, diameter_px: float, name: str) -> dict[str, Any]:
        """Say what whoever saves the points of a layer has to know."""
        return {
            "micrograph": name,
            "pixel_size_angstrom": self._picture and self._picture.pixel_size_angstrom,
            "diameter_angstrom": diameter_px * self.scale,
        }

    @property
    def units(self) -> Any:
        """Of the layers."""
        return in_angstrom(self._picture and self._picture.pixel_size_angstrom)["units"]


def _positions(places: Sequence[Label] | Sequence[Question]) -> NDArray[np.float64]:
    return np.array([(place.y, place.x) for place in places], np.float64).reshape(-1, 2)


def _rgba(names: Iterable[str]) -> NDArray[np.float64]:
    return np.array([matplotlib.colors.to_rgba(name) for name in names]).reshape(-1, 4)

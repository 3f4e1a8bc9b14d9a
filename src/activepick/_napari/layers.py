"""Layers of the shown micrograph. They show the state of the session and never change it.

Positions are original pixels; the scale of the layers converts them to Å, so that the scale bar of
the viewer is correct.
"""

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import matplotlib.colors
import numpy as np
import pandas as pd
from napari.components import ViewerModel
from napari.experimental import unlink_layers
from napari.layers import Image, Layer, Points, Shapes
from numpy.typing import ArrayLike, NDArray
from psygnal import Signal
from scipy.special import expit

from activepick._napari import colours
from activepick._napari.display_images import DisplayedMicrograph
from activepick._napari.io.layer_data import in_angstrom
from activepick.formats.kind_columns import KIND_COLUMN, KIND_NAME_COLUMN
from activepick.micrograph.display import DisplayImage
from activepick.scoremap.score_map import ScoreMap
from activepick.session import Label, Question

__all__ = ["AREAS", "LABELS", "MAP", "MICROGRAPH", "PICKS", "QUESTIONS", "Layers"]

MICROGRAPH, MAP, AREAS, PICKS, MEMBERS, LABELS, QUESTIONS = (
    "micrograph",
    "score map",
    "excluded areas",
    "picks",
    "class members",
    "labels",
    "questions",
)
# From the bottom to the top.
_ORDER = (MICROGRAPH, MAP, AREAS, PICKS, MEMBERS, LABELS, QUESTIONS)
_CIRCLE = {
    "face_color": "transparent",
    "border_width_is_relative": True,
    "out_of_slice_display": False,
    "antialiasing": 1,
}
# Width of the line of a circle as a share of its diameter.
_THIN, _THICK = 0.03, 0.06
# Diameter of the circles around the members of a class, in those of picks, which stay visible.
_AROUND = 1.2
_REJECTED_OPACITY = 0.35
# Keys by which napari selects, copies and pastes points.
_EDITING_KEYS = ("A", "Shift-A", "Control-A", "Control-C", "Control-V")
# Width of the outline of an area, in pixels of the screen.
_LINE_PX = 3.0
# Images with a higher opacity and one of these blendings hide the layers below them.
_COVERS, _COVERING = 0.8, ("opaque", "translucent", "translucent_no_depth")
# The transform of a layer that was not moved, rotated or sheared.
_UNMOVED: dict[str, Any] = {
    "translate": np.zeros(2),
    "rotate": np.eye(2),
    "shear": np.zeros(1),
    "affine": np.eye(3),
}


@dataclass(frozen=True, eq=False)
class _Circles:
    """Circles or boxes on a points layer.

    Attributes
    ----------
    yx
        Centres (n, 2) in original pixels.
    border
        RGBA of their lines (n, 4).
    diameter_px
        Diameter in original pixels.
    width
        Widths of their lines (n,), as a share of the diameter.
    symbols
        napari's name of the shape of each.
    """

    yx: NDArray[np.float64]
    border: NDArray[np.float64]
    diameter_px: float
    width: NDArray[np.float64]
    symbols: tuple[str, ...]

    def same_as(self, other: "_Circles") -> bool:
        """Return whether other circles look the same."""
        return (
            self.diameter_px == other.diameter_px
            and self.symbols == other.symbols
            and np.array_equal(self.yx, other.yx)
            and np.array_equal(self.border, other.border)
            and np.array_equal(self.width, other.width)
        )


_NONE = _Circles(np.empty((0, 2)), np.empty((0, 4)), 1.0, np.empty(0), ())


class Layers:
    """Create and update the layers of one micrograph in a viewer.

    napari's own tools can change only the visibility and the style of these layers, since labels
    are actions of the session. Points cannot be edited, layers cannot be moved relative to each
    other, and layers that are removed are added again with the next micrograph.

    Parameters
    ----------
    viewer
        The viewer.

    Attributes
    ----------
    viewer
        The viewer.
    updating_areas
        Whether the data of the areas are being replaced by this object, not edited by the user.
    adding
        Whether a layer is being added by this object, which changes the zoom.

    Signals
    -------
    points_added(layer), areas_added(layer)
        A points layer, or the layer of excluded areas, was created.
    map_toggled(visible)
        The user showed or hid the score map.
    units_changed()
        The units of the layers changed, or the layers were removed.
    shape_changed(first)
        The first micrograph is shown, or one with another shape than the one before.
    points_edited()
        Points were changed by anything else, for instance pasted, and have to be shown again.
    """

    points_added = Signal(Points)
    areas_added = Signal(Shapes)
    map_toggled = Signal(bool)
    units_changed = Signal()
    shape_changed = Signal(bool)
    points_edited = Signal()

    def __init__(self, viewer: ViewerModel) -> None:
        self.viewer = viewer
        self.updating_areas = False
        self.adding = False
        self._box_px: int | None = None
        self._sigmas = 0.0
        self._placing = False
        self._filling = False
        # What was shown last on the points layers.
        self._shown: dict[str, _Circles] = {}
        self._scales: dict[str, NDArray[np.float64]] = {}
        self._layers: dict[str, Layer] = {}
        self._displayed: DisplayedMicrograph | None = None
        # Whether the image was hidden by this object, not by the user.
        self._hidden = False
        # Excluded areas that are shown when the user leaves the 3D view.
        self._waiting_areas: Sequence[NDArray[np.float64]] = ()
        viewer.dims.events.ndisplay.connect(self._show_waiting_areas)

    @property
    def scale(self) -> float:
        """World units per original pixel."""
        return 1.0 if self._displayed is None else self._displayed.scale

    @property
    def units(self) -> Any:
        """Units of the layers."""
        return in_angstrom(self._pixel_size_angstrom)["units"]

    @property
    def screen_px(self) -> float:
        """Side of a pixel of the screen in original pixels, at the current zoom."""
        return float(1 / self.viewer.scene.camera.zoom / self.scale)

    @property
    def has_micrograph(self) -> bool:
        """Whether a micrograph is displayed."""
        return self._displayed is not None

    def position(self, world: ArrayLike) -> tuple[float, float]:
        """Return the position (x, y) in original pixels of world coordinates (..., y, x)."""
        y, x = np.asarray(world, np.float64)[-2:] / self.scale
        return float(x), float(y)

    def world(self, x: float, y: float) -> tuple[float, float]:
        """Return the world coordinates (y, x) of a position in original pixels."""
        return y * self.scale, x * self.scale

    @property
    def world_shape(self) -> tuple[float, float]:
        """Height and width of the displayed micrograph in world units; (0, 0) if there is none."""
        if self._displayed is None:
            return 0.0, 0.0
        height, width = self._displayed.shape
        return height * self.scale, width * self.scale

    @property
    def map_visible(self) -> bool:
        """Whether the layer of the score map is visible."""
        layer = self.get(MAP)
        return layer is not None and bool(layer.visible)

    def get(self, name: str) -> Layer | None:
        """Return a layer; None if it does not exist."""
        layer = self._layers.get(name)
        return layer if layer is not None and layer in self.viewer.layers else None

    def show_micrograph(self, displayed: DisplayedMicrograph) -> None:
        """Show the image of a micrograph."""
        before = self._displayed
        size = displayed.pixel_size_angstrom
        camera, view = self.viewer.scene.camera, None
        if before is not None and (before.pixel_size_angstrom is None) != (size is None):
            view = np.divide(camera.center, self.scale), camera.zoom * self.scale
            self.clear()  # the units of a viewer cannot be changed layer by layer
        self._displayed = displayed
        self._show_image(displayed)
        if view is not None:  # napari showed the whole image when the first layer was added
            self.adding = True
            try:
                camera.center, camera.zoom = tuple(view[0] * self.scale), view[1] / self.scale
            finally:
                self.adding = False
        if before is None or before.shape != displayed.shape:
            self.shape_changed.emit(before is None)

    def _show_image(self, displayed: DisplayedMicrograph) -> None:
        """Show the image, and place the other layers on it."""
        image = displayed.image
        spacing = np.array(image.spacing_px[::-1]) * self.scale
        layer = self.get(MICROGRAPH)
        if layer is None:
            layer = Image(
                image.pixels,
                name=MICROGRAPH,
                colormap="gray",
                scale=spacing,
                units=self.units,
                contrast_limits=self._limits(image),
            )
            self._add(MICROGRAPH, layer)
            self.units_changed.emit()
        else:
            if self._hidden:
                layer.visible = True
            layer.data = image.pixels
            self._place(MICROGRAPH, layer, spacing)
            layer.contrast_limits_range = float(image.pixels.min()), float(image.pixels.max())
            layer.contrast_limits = self._limits(image)
        self._hidden = False
        layer.metadata = {
            "path": str(displayed.path),
            "pixel_size_angstrom": displayed.pixel_size_angstrom,
            "spacing_px": image.spacing_px,
        }
        for name in (PICKS, LABELS, QUESTIONS, MEMBERS, AREAS):
            above = self.get(name)
            if above is not None and above.scale[-1] != self.scale:
                self._place(name, above, (self.scale,) * 2)

    def set_sigmas(self, sigmas: float) -> None:
        """Show grey values within a number of standard deviations; 0 for percentiles."""
        self._sigmas = sigmas
        layer = self.get(MICROGRAPH)
        if layer is not None and self._displayed is not None:
            layer.contrast_limits = self._limits(self._displayed.image)

    def _limits(self, image: DisplayImage) -> tuple[float, float]:
        """Return the grey values that are shown as black and white."""
        if not self._sigmas:
            return image.limits
        mean, width = float(image.pixels.mean()), self._sigmas * float(image.pixels.std())
        return mean - width, mean + max(width, 1e-6)

    def show_rejected(self, rejected: bool) -> None:
        """Fade the image of a rejected micrograph."""
        layer = self.get(MICROGRAPH)
        if layer is not None:
            layer.opacity = _REJECTED_OPACITY if rejected else 1.0

    @property
    def has_points(self) -> bool:
        """Whether the layers of picks, labels and questions exist."""
        return all(self.get(name) is not None for name in (PICKS, LABELS, QUESTIONS))

    def add_map(self) -> None:
        """Add the layer of the score map if there is none, so that the user can show it."""
        self._map()

    def show_map(self, score_map: ScoreMap) -> None:
        """Show a score map as the probability of a particle."""
        layer = self._map()
        layer.data = expit(score_map.values)
        self._place(MAP, layer, (score_map.spacing_px * self.scale,) * 2)

    def set_box(self, box_px: int | None) -> None:
        """Show picks as boxes with a side in original pixels; None for circles."""
        if box_px != self._box_px:
            self._box_px = box_px
            self.points_edited.emit()

    def show_picks(
        self,
        picks: pd.DataFrame | None,
        diameter_px: float,
        name: str,
        kinds: Mapping[int, str] = MappingProxyType({}),
    ) -> None:
        """Show picks as circles of the particle diameter or as boxes, coloured by score.

        Parameters
        ----------
        picks
            Columns ``x, y`` (original pixels) and ``score`` (logits); None if they are unknown.
        diameter_px
            Particle diameter in original pixels.
        name
            Name of the micrograph in tables.
        kinds
            Colours of kinds of particles by number. If given, picks are coloured by kind.
        """
        table = pd.DataFrame({"x": [], "y": [], "score": []}) if picks is None else picks
        layer, scores = self._points(PICKS), table["score"].to_numpy(np.float64)
        shown = _Circles(
            table[["y", "x"]].to_numpy(np.float64),
            _pick_colours(table, kinds),
            self._box_px or diameter_px,
            np.full(len(scores), _THIN),
            ("square" if self._box_px else "disc",) * len(scores),
        )
        columns = [name for name in (KIND_COLUMN, KIND_NAME_COLUMN) if name in table]
        features: dict[str, Sequence[object]] = {name: table[name].tolist() for name in columns}
        self._fill(PICKS, layer, shown, {"score": scores.tolist(), **features})
        layer.metadata = self._metadata(diameter_px, name)
        self._layers[MICROGRAPH].metadata["diameter_angstrom"] = diameter_px * self.scale

    def show_members(self, xy: NDArray[np.float64], diameter_px: float) -> None:
        """Show circles around the members of a class, at positions (n, 2) in original pixels."""
        layer = self.get(MEMBERS)
        if len(xy):
            shown = _Circles(
                np.asarray(xy[:, ::-1]),
                _rgba([colours.CURRENT] * len(xy)),
                _AROUND * diameter_px,
                np.full(len(xy), _THIN),
                ("disc",) * len(xy),
            )
            self._fill(MEMBERS, self._points(MEMBERS), shown, {})
        elif layer is not None:
            self.viewer.layers.remove(layer)

    def show_labels(
        self,
        labels: Sequence[Label],
        diameter_px: float,
        name: str,
        kinds: Mapping[int, str] = MappingProxyType({}),
    ) -> None:
        """Show labels and skipped positions; arguments as in `show_picks`."""
        layer = self._points(LABELS)
        shown = _Circles(
            _positions(labels),
            _rgba(colours.of_target(label.target, kinds) for label in labels),
            diameter_px,
            np.full(len(labels), _THICK),
            ("disc",) * len(labels),
        )
        answers = [None if one.target is None else int(one.is_particle) for one in labels]
        features: dict[str, Sequence[object]] = {"id": [one.id for one in labels], "label": answers}
        self._fill(LABELS, layer, shown, features)
        layer.metadata = self._metadata(diameter_px, name)

    def preview_move(self, label: int, x: float, y: float) -> None:
        """Show a label at another position while it is dragged."""
        layer = self._points(LABELS)
        rows = np.flatnonzero(layer.features["id"].to_numpy() == label)
        data = layer.data.copy()
        data[rows] = (y, x)
        self._shown.pop(LABELS, None)
        with self._filled():
            layer.data = data

    def show_questions(
        self,
        questions: Sequence[Question],
        current: Question | None,
        diameter_px: float,
        kinds: Mapping[int, str] = MappingProxyType({}),
    ) -> None:
        """Show open questions; suggestions are squares in the colour of their answer."""
        layer = self._points(QUESTIONS)
        border = [
            colours.ASKED if q.suggestion is None else colours.of_target(q.suggestion, kinds)
            for q in questions
        ]
        is_current = [current is not None and q.id == current.id for q in questions]
        shown = _Circles(
            _positions(questions),
            _rgba(border),
            diameter_px,
            np.where(is_current, _THICK * 1.5, _THICK / 1.5),
            tuple("disc" if q.suggestion is None else "square" for q in questions),
        )
        self._fill(QUESTIONS, layer, shown, {"id": [question.id for question in questions]})

    def show_areas(self, polygons: Sequence[NDArray[np.float64]]) -> None:
        """Show excluded areas, polygons (n, 2) as x, y in original pixels."""
        self._waiting_areas = ()
        layer = self.get(AREAS)
        if not polygons and (layer is None or not len(layer.data)):
            return
        if layer is None:
            if not self.has_micrograph:
                return
            layer = self._add_areas()
        self.updating_areas = True
        try:
            layer.data = []
            # napari cannot add 2D shapes in its 3D view: they are added when it is left.
            if self.viewer.dims.ndisplay == 3:
                self._waiting_areas = polygons
            elif polygons:
                layer.current_edge_width = _LINE_PX * self.screen_px
                layer.add_polygons([polygon[:, ::-1] for polygon in polygons])
        finally:
            self.updating_areas = False

    def _show_waiting_areas(self, event: object) -> None:
        if self._waiting_areas and self.viewer.dims.ndisplay == 2:
            self.show_areas(self._waiting_areas)

    def _add_areas(self) -> Shapes:
        """Return a new layer of excluded areas, which can be edited with napari's tools."""
        layer = Shapes(
            ndim=2,
            name=AREAS,
            edge_color=colours.EXCLUDED,
            face_color=f"{colours.EXCLUDED}30",
            opacity=1.0,
            scale=(self.scale,) * 2,
            units=self.units,
        )
        self._add(AREAS, layer)
        self.areas_added.emit(layer)
        return layer

    def stop_editing_areas(self) -> bool:
        """End editing of excluded areas, and return whether a shape was left unfinished."""
        layer = self.get(AREAS)
        if layer is None or layer.mode == "pan_zoom":
            return False
        unfinished = bool(getattr(layer, "_is_creating", False))
        self.updating_areas = unfinished
        try:
            layer.mode = "pan_zoom"  # napari finishes a shape that is being drawn
        finally:
            self.updating_areas = False
        return unfinished

    def remove_selected_areas(self) -> bool:
        """Remove the areas that are selected with napari's tool; return whether there were any."""
        layer = self.get(AREAS)
        if layer is None or self.viewer.layers.selection.active is not layer or not layer.visible:
            return False
        selected = bool(layer.selected_data)
        if selected:
            layer.remove_selected()
        return selected

    @property
    def shows_image(self) -> bool:
        """Whether the layer of the image is visible."""
        layer = self.get(MICROGRAPH)
        return layer is not None and bool(layer.visible)

    @property
    def shows_questions(self) -> bool:
        """Whether the image and the questions are visible."""
        return self.shows_image and self._is_seen(QUESTIONS)

    @property
    def shows_labels(self) -> bool:
        """Whether the labels are visible."""
        return self._is_seen(LABELS)

    def show_image_layer(self) -> None:
        """Make the image visible if the user hid or removed it."""
        layer = self.get(MICROGRAPH)
        if layer is None and self._displayed is not None:
            self._show_image(self._displayed)
        elif layer is not None and not self._hidden:
            layer.visible = True

    def show_questions_layer(self) -> None:
        """Make the image and the questions visible if the user hid, covered or removed them."""
        self.show_image_layer()
        self._bring_into_sight(QUESTIONS)

    def show_labels_layer(self) -> None:
        """Make the labels visible if the user hid, covered or removed them."""
        self._bring_into_sight(LABELS)

    def toggle_picks(self) -> None:
        """Show or hide the picks."""
        if self._is_seen(PICKS):
            self._layers[PICKS].visible = False
        else:
            self._bring_into_sight(PICKS)

    def _is_seen(self, name: str) -> bool:
        """Return whether a layer of points is visible and not covered by an image."""
        layer = self.get(name)
        return layer is not None and bool(layer.visible) and not self._covering(layer)

    def _covering(self, layer: Layer) -> list[Image]:
        """Return the images that hide a layer because they are above it in the layer list."""
        above = list(self.viewer.layers)[self.viewer.layers.index(layer) + 1 :]
        return [
            one
            for one in above
            if isinstance(one, Image)
            and one.visible
            and one.opacity > _COVERS
            and str(one.blending) in _COVERING
        ]

    def _bring_into_sight(self, name: str) -> None:
        layer = self.get(name)
        if layer is None:
            self.points_edited.emit()  # it is added again
            return
        layer.visible = True
        covering = self._covering(layer)
        if covering:
            layers = self.viewer.layers
            layers.move(layers.index(layer), layers.index(covering[-1]) + 1)

    def activate_labels(self) -> None:
        """Make the labels the active layer, where key and mouse bindings apply."""
        layer = self.get(LABELS) or self.get(MICROGRAPH)
        if layer is not None:
            self.viewer.layers.selection.active = layer

    def hide_micrograph(self) -> None:
        """Hide the image and all other layers because the micrograph cannot be read."""
        layer = self.get(MICROGRAPH)
        if layer is not None and layer.visible:
            self._hidden = True
            layer.visible = False
        self.empty()

    def empty(self) -> None:
        """Remove picks, labels, questions and areas from the image."""
        for name in (PICKS, LABELS, QUESTIONS):
            layer = self.get(name)
            if layer is not None:
                self._fill(name, layer, _NONE, {})
        self.show_areas([])

    def clear(self) -> None:
        """Remove all layers of this object."""
        for name in _ORDER:
            layer = self.get(name)
            if layer is not None:
                self.viewer.layers.remove(layer)
        self._layers.clear()
        self._displayed = None
        self._hidden = False
        self.units_changed.emit()

    @property
    def _pixel_size_angstrom(self) -> float | None:
        return None if self._displayed is None else self._displayed.pixel_size_angstrom

    def _map(self) -> Image:
        """Return the layer of the score map, which is hidden at first."""
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
            layer.events.visible.connect(self._on_map_visible)
            self._add(MAP, layer)
        return layer

    def _on_map_visible(self, event: object) -> None:
        self.map_toggled.emit(self.map_visible)

    def _points(self, name: str) -> Points:
        layer = self.get(name)
        if layer is None:
            self._shown.pop(name, None)
            layer = Points(
                np.empty((0, 2)),
                name=name,
                border_width=_THIN if name == PICKS else _THICK,
                scale=(self.scale,) * 2,
                units=self.units,
                **_CIRCLE,
            )
            layer.events.data.connect(self._on_points)
            for key in _EDITING_KEYS:
                layer.bind_key(key, _do_nothing, overwrite=True)
            self._add(name, layer)
            self.points_added.emit(layer)
        return layer

    def _fill(
        self,
        name: str,
        layer: Points,
        circles: "_Circles",
        features: Mapping[str, Sequence[object]],
    ) -> None:
        """Show circles on a layer, with a value of each feature for each of them."""
        before = self._shown.get(name)
        if before is None or not circles.same_as(before):
            self._shown[name] = circles
            # Each change of a layer slices and draws it, its thumbnail and the viewer's ranges
            # again: only the last event is emitted.
            with self._filled(), layer.events.blocker_all():
                layer.selected_data = set()
                layer.data = circles.yx
                if not layer.visible:
                    # napari does so only for visible layers, and later draws with outdated indices.
                    layer.set_view_slice()
                if len(circles.yx):
                    layer.border_color = circles.border
                    layer.size = circles.diameter_px
                    layer.border_width = circles.width
                    layer.symbol = list(circles.symbols)
                layer.editable = False
            layer.events.set_data()
        layer.features = pd.DataFrame(features)

    @contextlib.contextmanager
    def _filled(self) -> Iterator[None]:
        """Mark changes of points as those of this object."""
        self._filling = True
        try:
            yield
        finally:
            self._filling = False

    def _on_points(self, event: object) -> None:
        if not self._filling:
            self._shown.clear()
            self.points_edited.emit()

    def _protect(self, name: str, layer: Layer) -> None:
        """Disable napari's tools that would move a layer or edit its points."""
        self._scales[name] = np.array(layer.scale)

        def lock() -> None:
            # napari makes layers editable whenever they are sliced.
            if layer.editable and name != AREAS:
                layer.editable = False

        def unhelp() -> None:
            # napari's help text lists keys of tools that are disabled.
            if name != AREAS:
                layer.help = ""

        def put_back() -> None:
            if not self._placing:
                self._place(name, layer, self._scales[name])

        def leave_transform() -> None:
            # Layers that are not editable leave all modes by themselves.
            if layer.mode == "transform":
                layer.mode = "pan_zoom"

        layer.events.editable.connect(lock)
        layer.events.mode.connect(leave_transform)
        layer.events.help.connect(unhelp)
        for attribute in ("scale", *_UNMOVED):
            getattr(layer.events, attribute).connect(put_back)
        lock()

    def _place(self, name: str, layer: Layer, scale: ArrayLike) -> None:
        """Place a layer on the micrograph, with world units per pixel of the layer (y, x)."""
        self._scales[name] = np.asarray(scale, np.float64)
        placement = {"scale": self._scales[name], **_UNMOVED}
        unlink_layers([layer], placement)  # otherwise linked layers would move each other
        self._placing = True
        try:
            for attribute, wanted in placement.items():
                if not np.array_equal(np.asarray(getattr(layer, attribute)), wanted):
                    setattr(layer, attribute, wanted)
        finally:
            self._placing = False

    def _add(self, name: str, layer: Layer) -> None:
        self._layers[name] = layer
        self._protect(name, layer)
        above = [self.get(other) for other in _ORDER[_ORDER.index(name) + 1 :]]
        indices = [self.viewer.layers.index(other) for other in above if other is not None]
        selection = self.viewer.layers.selection
        selection.clear()
        self.adding = True
        try:
            # napari selects each layer that is added, and creates and shows its controls.
            with selection.events.blocker_all():
                if indices:
                    self.viewer.layers.insert(min(indices), layer)
                else:
                    self.viewer.add_layer(layer)
                selection.clear()
        finally:
            self.adding = False
        self.activate_labels()

    def _metadata(self, diameter_px: float, name: str) -> dict[str, Any]:
        """Return the metadata for the writer of a points layer."""
        return {
            "micrograph": name,
            "pixel_size_angstrom": self._pixel_size_angstrom,
            "diameter_angstrom": diameter_px * self.scale,
        }


def _do_nothing(layer: Points) -> None:
    pass


def _pick_colours(table: pd.DataFrame, kinds: Mapping[int, str]) -> NDArray[np.float64]:
    """Return the colours (n, 4) of picks: of their kind if it is known, else of their score."""
    found = colours.of_score(expit(table["score"].to_numpy(np.float64)))
    if kinds and KIND_COLUMN in table:
        for number, colour in kinds.items():
            found[table[KIND_COLUMN].to_numpy() == number] = matplotlib.colors.to_rgba(colour)
    return found


def _positions(labels: Sequence[Label] | Sequence[Question]) -> NDArray[np.float64]:
    return np.array([(label.y, label.x) for label in labels], np.float64).reshape(-1, 2)


def _rgba(names: Iterable[str]) -> NDArray[np.float64]:
    return np.array([matplotlib.colors.to_rgba(name) for name in names]).reshape(-1, 4)

"""Units of layers that were not created by this plugin."""

import weakref
from typing import Any

from napari.components import ViewerModel
from napari.layers import Layer

from activepick._napari.layers import Layers

__all__ = ["ForeignUnits"]

_PIXEL = "pixel"


class ForeignUnits:
    """Set the units of layers without units to those of the micrograph, so that all agree.

    napari warns about layers with different units and then uses their coordinates without
    conversion. Layers without units have the unit pixel in napari; setting their units does not
    change their position on screen. The units are restored when the micrograph is removed.

    Parameters
    ----------
    viewer
        The viewer.
    layers
        Layers of the shown micrograph.
    """

    def __init__(self, viewer: ViewerModel, layers: Layers) -> None:
        self._viewer, self._layers = viewer, layers
        self._before: weakref.WeakKeyDictionary[Layer, tuple[Any, ...]] = (
            weakref.WeakKeyDictionary()
        )
        viewer.layers.events.inserted.connect(self._on_inserted)
        layers.units_changed.connect(self._on_units_changed)

    def release(self) -> None:
        """Stop changing layers."""
        self._viewer.layers.events.inserted.disconnect(self._on_inserted)
        self._layers.units_changed.disconnect(self._on_units_changed)

    def _on_inserted(self, event: Any) -> None:
        self._adapt(event.value)

    def _on_units_changed(self) -> None:
        for layer, units in list(self._before.items()):
            layer.units = units
        self._before.clear()
        for layer in self._viewer.layers:
            self._adapt(layer)

    def _adapt(self, layer: Layer) -> None:
        if not self._layers.has_micrograph:
            return
        units = tuple(str(unit) for unit in layer.units)
        if units[-2:] == (_PIXEL, _PIXEL) and self._layers.units[-1] != _PIXEL:
            self._before[layer] = units
            layer.units = (*units[:-2], *self._layers.units)

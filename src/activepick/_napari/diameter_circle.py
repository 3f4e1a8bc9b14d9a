"""A circle that shows the particle diameter for a few seconds."""

from qtpy.QtCore import QObject, QTimer

from activepick._napari.canvas_overlay import CanvasOverlay
from activepick._napari.layers import Layers
from activepick._napari.mouse_bindings import Position
from activepick._napari.navigation import Navigation

__all__ = ["DiameterCircle"]

# Time for which the circle is shown.
_SHOW_MS = 3000


class DiameterCircle(QObject):
    """Show a circle of a diameter and hide it after a few seconds.

    Parameters
    ----------
    layers
        Layers of the shown micrograph.
    navigation
        Knows the centre of the view.
    overlay
        Draws the circle.
    """

    def __init__(
        self,
        layers: Layers,
        navigation: Navigation,
        overlay: CanvasOverlay,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._layers, self._navigation, self._overlay = layers, navigation, overlay
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(overlay.hide_circle)

    def show(self, diameter_px: float, position: Position | None = None) -> None:
        """Show a circle.

        Parameters
        ----------
        diameter_px
            Diameter in original pixels.
        position
            Centre (x, y) in original pixels; by default the centre of the view.
        """
        if self._layers.has_micrograph and diameter_px >= 1:
            centre = position or self._navigation.centre_of_view()
            self._overlay.show_circle(diameter_px, centre)
            self._timer.start(_SHOW_MS)

"""Position of the camera."""

from napari.components import ViewerModel

from activepick._napari.layers import Layers
from activepick._napari.open_session import OpenSession

__all__ = ["Navigation"]

# The camera shows about this many particle diameters around a question.
_VISIBLE_DIAMETERS = 8.0


class Navigation:
    """Move the camera to questions and positions.

    Parameters
    ----------
    viewer
        The viewer.
    layers
        Layers of the shown micrograph.
    """

    def __init__(self, viewer: ViewerModel, layers: Layers) -> None:
        self._viewer, self._layers = viewer, layers
        self._follows = True

    def set_follows(self, follows: bool) -> None:
        """Set whether the camera moves to the current question by itself."""
        self._follows = follows

    def follow(self, session: OpenSession) -> None:
        """Show the current question, also on another micrograph, if it is to be followed."""
        if self._follows:
            self.go_to_question(session)

    def go_to_question(self, session: OpenSession) -> None:
        """Show the current question, also on another micrograph."""
        question = session.labelling.current
        if question is not None:
            session.show(question.micrograph)
            self._centre_question(session)

    def look_at_question(self, session: OpenSession) -> None:
        """Centre the current question on the shown micrograph if it is to be followed."""
        if self._follows:
            self._centre_question(session)

    def centre(self, x: float, y: float) -> None:
        """Centre a position in original pixels."""
        self._viewer.scene.camera.center = self._layers.world(x, y)

    def centre_of_view(self) -> tuple[float, float]:
        """Return the position (x, y) in original pixels at the centre of the view."""
        return self._layers.position(self._viewer.scene.camera.center)

    def _centre_question(self, session: OpenSession) -> None:
        question, images = session.labelling.current, session.images
        if question is None or question.micrograph != images.shown or not images.is_current:
            return
        self.centre(question.x, question.y)
        width = 2 * images.radius_px * self._layers.scale * _VISIBLE_DIAMETERS
        canvas = min(self._viewer.canvas.size)
        # A closer zoom is kept; from the view of the whole micrograph, the camera zooms in.
        if width > 0 and self._viewer.scene.camera.zoom < canvas / width / 2:
            self._viewer.scene.camera.zoom = canvas / width

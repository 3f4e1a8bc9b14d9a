"""Move the camera, and determine which part of the micrograph is on screen."""

from typing import Any

import numpy as np
from napari.components import ViewerModel
from numpy.typing import ArrayLike, NDArray

from activepick._napari.layers import Layers
from activepick._napari.open_session import OpenSession

__all__ = ["Navigation"]

# The camera shows about this many particle diameters around a question.
_VISIBLE_DIAMETERS = 8.0
# Largest part of the view below the image, as a share of the shorter side: about one particle
# diameter, so that the scale bar hides no question. On the other sides the image fills the view.
_BELOW = 1 / _VISIBLE_DIAMETERS

# Side of a patch under review, as a share of the shorter side of the view.
_PATCH_SHARE = 0.8

# x and y in original pixels.
_Position = tuple[float, float]


class Navigation:
    """Move the camera to questions and positions.

    The camera zooms in on the first question. A zoom that the user sets is kept from then on.

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
        self._zooming = False
        self._user_zoomed = False
        # Position to show when the image of a micrograph is displayed, by its number.
        self._awaited: dict[int, _Position] = {}
        # Zoom, centre and micrograph before patches were reviewed.
        self._before_patches: tuple[float, _Position, int] | None = None
        # Micrograph of the last patch.
        self._patch_micrograph = 0
        # Last position of the mouse on the canvas, (x, y) in screen pixels.
        self._mouse: tuple[float, float] | None = None
        viewer.mouse_move_callbacks.append(self._on_mouse_move)
        viewer.scene.camera.events.zoom.connect(self._on_zoom)
        layers.shape_changed.connect(self.fit)

    def set_follows(self, follows: bool) -> None:
        """Set whether the camera moves to the current question automatically."""
        self._follows = follows

    def release(self) -> None:
        """Stop listening to the camera and the mouse."""
        self._viewer.scene.camera.events.zoom.disconnect(self._on_zoom)
        if self._on_mouse_move in self._viewer.mouse_move_callbacks:
            self._viewer.mouse_move_callbacks.remove(self._on_mouse_move)

    def follow(self, session: OpenSession) -> None:
        """Show the current question, on any micrograph, if questions are followed."""
        if self._follows and not session.patches.active:
            self.go_to_question(session)

    def go_to_question(self, session: OpenSession) -> None:
        """Show the current question, on any micrograph."""
        question = session.labelling.current
        if question is not None:
            self._see_flat()
            self._layers.show_questions_layer()
            session.show(question.micrograph)
            self._centre_question(session)

    def go_to(self, session: OpenSession, micrograph: int, position: _Position | None) -> None:
        """Show a position (x, y) in original pixels of a micrograph; None for any position.

        The camera does not move if the position is already on screen.
        """
        self._see_flat()
        if position is not None and session.shown == micrograph and session.images.is_current:
            if not self.is_in_view(*position):
                self.centre(*position)
        else:
            if position is not None:
                self._awaited = {micrograph: position}
            session.show(micrograph)

    def arrive(self, session: OpenSession) -> None:
        """Move the camera on a micrograph whose image was just displayed."""
        awaited = self._awaited.pop(session.shown, None)
        self._awaited.clear()
        if session.patches.review is not None:
            self._fit_patch(session)
        elif awaited is not None:
            self.centre(*awaited)
        elif self._follows:
            self._centre_question(session)

    def go_to_patch(self, session: OpenSession) -> None:
        """Show the patch under review, on any micrograph, so that it fills most of the view."""
        review = session.patches.review
        if review is None:
            return
        self._see_flat()
        self._layers.show_image_layer()
        if self._before_patches is None:
            zoom = self._viewer.scene.camera.zoom
            self._before_patches = zoom, self.centre_of_view(), session.shown
        self._patch_micrograph = review.micrograph
        session.show(review.micrograph)
        self._fit_patch(session)

    def leave_patches(self, session: OpenSession) -> None:
        """Show the micrograph, and the part of it, that were shown before patches were reviewed.

        Only the zoom is restored if the user has gone to another micrograph than that of the patch.
        """
        if self._before_patches is None:
            return
        zoom, position, micrograph = self._before_patches
        self._before_patches = None
        self._set_zoom(zoom)
        if session.shown == micrograph:
            self.centre(*position)
        elif session.shown == self._patch_micrograph:
            self.go_to(session, micrograph, position)
        else:
            self.centre(*self.centre_of_view())

    def forget_view(self) -> None:
        """Forget the view before patches were reviewed, because the session is closed."""
        self._before_patches = None

    def patch_in_view(self, session: OpenSession) -> bool:
        """Return whether the patch under review is on screen, so that it can be confirmed."""
        review = session.patches.review
        if review is None or review.micrograph != session.shown or not session.images.is_current:
            return False
        if not self._layers.shows_image:
            return False
        patch = review.patch
        return self.is_in_view((patch.left + patch.right) / 2, (patch.top + patch.bottom) / 2)

    def look_at_question(self, session: OpenSession) -> None:
        """Centre the current question on the shown micrograph if questions are followed."""
        if self._follows:
            self._centre_question(session)

    def question_in_view(self, session: OpenSession) -> bool:
        """Return whether the current question is on screen, so that it can be answered."""
        question = session.labelling.current
        return (
            question is not None
            and question.micrograph == session.shown
            and session.images.is_current
            and self._layers.shows_questions
            and self.is_in_view(question.x, question.y)
        )

    def is_in_view(self, x: float, y: float) -> bool:
        """Return whether a position in original pixels is on screen."""
        if not self.is_flat:
            return False
        offset = self._offset(self._layers.world(x, y))
        return bool((np.abs(offset) <= np.asarray(self._viewer.canvas.size) / 2).all())

    @property
    def is_flat(self) -> bool:
        """Whether the layers are superposed in 2D, so that positions are defined."""
        dims = self._viewer.dims
        displays_image = sorted(dims.displayed) == [dims.ndim - 2, dims.ndim - 1]
        return dims.ndisplay == 2 and displays_image and not self._viewer.canvas.grid.enabled

    def mouse_position(self) -> _Position | None:
        """Return the position (x, y) under the mouse in original pixels; None if there is none.

        napari's own cursor keeps its old position while the camera moves.
        """
        if self._mouse is None or not self.is_flat:
            return None
        camera, (height, width) = self._viewer.scene.camera, self._viewer.canvas.size
        offset = np.array([self._mouse[1] - height / 2, self._mouse[0] - width / 2]) / camera.zoom
        displayed = np.asarray(camera.center[-2:]) + offset * self._directions
        return self._layers.position(displayed[self._axes])

    def on_screen(self, positions: ArrayLike) -> NDArray[np.float64]:
        """Return the pixels (n, 2) of the screen, as x, y, at positions (n, 2) of the image."""
        world = np.asarray(positions, np.float64)[:, ::-1] * self._layers.scale
        return np.asarray((np.asarray(self._viewer.canvas.size) / 2 + self._offset(world))[:, ::-1])

    def centre(self, x: float, y: float) -> None:
        """Centre a position in original pixels, as far as the image fills the view."""
        camera, canvas = self._viewer.scene.camera, np.asarray(self._viewer.canvas.size, np.float64)
        half, axes = canvas / 2 / camera.zoom, self._axes
        below = np.array([_BELOW * canvas.min() / camera.zoom, 0.0])
        image = np.asarray(self._layers.world_shape)[axes]
        wanted = np.asarray(self._layers.world(x, y))[axes]
        # Rows of the image that are lower on the screen may be those with lower numbers.
        lowest = half - below * (self._directions < 0)
        highest = image - half + below * (self._directions > 0)
        wanted = np.clip(wanted, lowest, np.maximum(lowest, highest))
        camera.center = tuple(np.where(image + below >= 2 * half, wanted, image / 2))

    def centre_of_view(self) -> _Position:
        """Return the position (x, y) in original pixels at the centre of the view."""
        centre = np.asarray(self._viewer.scene.camera.center[-2:])
        return self._layers.position(centre[self._axes])

    @property
    def _axes(self) -> list[int]:
        """Indices of y and x that are displayed as rows and columns; the user can transpose them.

        The same indices convert displayed axes to (y, x).
        """
        row, column = self._viewer.dims.displayed[-2:]
        return [0, 1] if row < column else [1, 0]

    @property
    def _directions(self) -> NDArray[np.float64]:
        """Whether rows go down and columns to the right (1), or the opposite (-1)."""
        down, right = self._viewer.scene.camera.orientation2d
        return np.array([1.0 if down == "down" else -1.0, 1.0 if right == "right" else -1.0])

    def _offset(self, world: ArrayLike) -> NDArray[np.float64]:
        """Return the distance (..., 2) from the centre of the view in pixels of the screen.

        Parameters
        ----------
        world
            World coordinates (..., 2) as y, x.

        Returns
        -------
        ndarray
            Downwards and to the right.
        """
        camera = self._viewer.scene.camera
        displayed = np.asarray(world, np.float64)[..., self._axes] - camera.center[-2:]
        return np.asarray(displayed * camera.zoom * self._directions)

    def fit(self, first: bool) -> None:
        """Show a whole micrograph of another size, unless the user set the zoom.

        Parameters
        ----------
        first
            Whether it is the first micrograph of a session.
        """
        if first or not self._user_zoomed:
            self._zooming = True
            try:
                self._viewer.fit_to_view()
            finally:
                self._zooming = False
            self._user_zoomed = False

    def _on_mouse_move(self, viewer: ViewerModel, event: Any) -> None:
        self._mouse = float(event.pos[0]), float(event.pos[1])

    def _on_zoom(self, event: object) -> None:
        # napari itself fits the view when the first layer is added.
        if not self._zooming and not self._layers.adding:
            self._user_zoomed = True

    def _see_flat(self) -> None:
        """Leave the grid view and the 3D view, in which labelling is not possible."""
        if not self.is_flat:
            dims = self._viewer.dims
            self._viewer.canvas.grid.enabled = False
            dims.ndisplay = 2
            dims.order = tuple(range(dims.ndim))
            self._user_zoomed = False

    def _centre_question(self, session: OpenSession) -> None:
        question, images = session.labelling.current, session.images
        if question is None or question.micrograph != images.shown or not images.is_current:
            return
        width = 2 * images.radius_px * self._layers.scale * _VISIBLE_DIAMETERS
        canvas = min(self._viewer.canvas.size)
        camera = self._viewer.scene.camera
        # From the view of the whole micrograph, the camera zooms in.
        if width > 0 and not self._user_zoomed and camera.zoom < canvas / width / 2:
            self._set_zoom(canvas / width)
        self.centre(question.x, question.y)

    def _fit_patch(self, session: OpenSession) -> None:
        review = session.patches.review
        if review is None or review.micrograph != session.shown or not session.images.is_current:
            return
        patch = review.patch
        side = (patch.right - patch.left) * self._layers.scale
        self._set_zoom(_PATCH_SHARE * min(self._viewer.canvas.size) / side)
        # Also at the border of the image, where the view would otherwise be filled.
        x, y = (patch.left + patch.right) / 2, (patch.top + patch.bottom) / 2
        self._viewer.scene.camera.center = tuple(np.asarray(self._layers.world(x, y))[self._axes])

    def _set_zoom(self, zoom: float) -> None:
        """Set the zoom; it is not one that the user has chosen."""
        self._zooming = True
        try:
            self._viewer.scene.camera.zoom = zoom
        finally:
            self._zooming = False

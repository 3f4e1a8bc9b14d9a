"""Show the patch under review on the canvas."""

from qtpy.QtCore import QObject

from activepick._napari import colours
from activepick._napari.canvas_overlay import CanvasOverlay
from activepick._napari.navigation import Navigation
from activepick._napari.open_session import OpenSession
from activepick._napari.session_listener import SessionListener

__all__ = ["PatchView"]


class PatchView(QObject, SessionListener):
    """Draw the frame of the patch under review and its picks, and move the camera to it.

    Parameters
    ----------
    overlay
        Draws on the canvas.
    navigation
        Moves the camera.
    """

    def __init__(
        self, overlay: CanvasOverlay, navigation: Navigation, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._overlay, self._navigation = overlay, navigation

    def show_session(self, session: OpenSession) -> None:
        """Follow the review of patches of a session."""
        self.clear()
        session.patches.moved.connect(self.with_session(self._go))
        self.update_after(
            session,
            self._draw,
            session.patches.moved,
            session.patches.corrected,
            session.shown_changed,
            session.images.ready,
        )

    def clear(self) -> None:
        """Show no patch."""
        self._overlay.hide_patch()
        self._navigation.forget_view()

    def _go(self, session: OpenSession) -> None:
        if session.patches.review is not None:
            self._navigation.go_to_patch(session)
        elif not session.patches.active:
            self._navigation.leave_patches(session)

    def _draw(self, session: OpenSession) -> None:
        review = session.patches.review
        if review is None or review.micrograph != session.shown or not session.images.is_current:
            self._overlay.hide_patch()
            return
        kinds = colours.of_kinds(session.settings.kinds)
        particles = zip(review.particles.tolist(), review.particle_kinds.tolist(), strict=True)
        self._overlay.show_patch(
            review.patch,
            [(at, colours.of_target(kind, kinds)) for at, kind in particles],
            review.removed.tolist(),
            2 * review.peaks.radius_px,
        )

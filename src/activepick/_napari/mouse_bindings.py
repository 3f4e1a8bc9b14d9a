"""Mouse bindings of the viewer: clicks label, drags move labels or measure a diameter."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from napari.components import ViewerModel

from activepick._napari.layers import Layers
from activepick._napari.navigation import Navigation
from activepick._napari.open_session import OpenSession
from activepick._napari.session_listener import SessionListener
from activepick.formats.outside import inside_image
from activepick.session import Target
from activepick.session.model.state import NOT_A_PARTICLE

__all__ = ["MOUSE_BINDINGS", "Drawn", "Measured", "MouseBindings", "Position"]

# A press that moves less than this is a click, in screen pixels.
_CLICK_PX = 4

# x and y in original pixels.
Position = tuple[float, float]
# Both ends of a line, and whether the button was released.
Measured = Callable[[Position, Position, bool], None]

# The corners of a line, and whether it is complete.
Drawn = Callable[[list[Position], bool], None]

# Descriptions for the user.
MOUSE_BINDINGS = (
    ("click", "particle"),
    ("right click, or Shift+click", "not a particle"),
    ("drag a label", "move it"),
    ("drag elsewhere, wheel", "move the view, zoom"),
)


class MouseBindings(SessionListener):
    """Label by clicks, move labels by dragging them, and measure by dragging a line.

    Parameters
    ----------
    viewer
        The viewer.
    layers
        Layers of the shown micrograph.
    navigation
        Determines whether the view is 2D, so that positions are defined.
    """

    def __init__(self, viewer: ViewerModel, layers: Layers, navigation: Navigation) -> None:
        self._viewer, self._layers, self._navigation = viewer, layers, navigation
        self._clicks_label = True
        self._particle = 1
        self._measured: Measured | None = None
        self._drawn: Drawn | None = None
        # The line that is being drawn; between two clicks it follows the mouse.
        self._line: list[Position] | None = None
        self._from_click_to_click = True
        self._hovered: Callable[[Position], object] | None = None
        viewer.mouse_drag_callbacks.append(self._on_press)
        viewer.mouse_move_callbacks.append(self._on_move)

    def set_clicks_label(self, clicks_label: bool) -> None:
        """Set whether clicks on the micrograph are labels."""
        self._clicks_label = clicks_label

    def set_particle(self, number: int) -> None:
        """Set the number of the kind of particle that clicks add."""
        self._particle = number

    def _kind(self, session: OpenSession) -> int:
        return self._particle if self._particle in session.settings.kind_names else 1

    def measure(self, measured: Measured | None) -> None:
        """Measure a line with the next drag.

        Parameters
        ----------
        measured
            Called with both ends of the line, in original pixels, and with whether the button was
            released; None cancels the measurement.
        """
        self._measured = measured

    def draw(
        self,
        drawn: Drawn | None,
        *,
        from_click_to_click: bool = True,
        hovered: Callable[[Position], object] | None = None,
    ) -> None:
        """Draw lines with the mouse, instead of moving the view.

        Parameters
        ----------
        drawn
            Called with the line so far, in original pixels, and with whether it is complete; None
            ends drawing and discards an incomplete line.
        from_click_to_click
            Whether a click begins a line that the next click completes. Otherwise a click is a line
            with one corner.
        hovered
            Called with the position of the mouse in original pixels when it moves between lines.
        """
        self._drawn, self._line = drawn, None
        self._from_click_to_click, self._hovered = from_click_to_click, hovered

    def release(self) -> None:
        """Remove the bindings from the viewer."""
        for callbacks, own in (
            (self._viewer.mouse_drag_callbacks, self._on_press),
            (self._viewer.mouse_move_callbacks, self._on_move),
        ):
            if own in callbacks:
                callbacks.remove(own)

    def _on_press(self, viewer: ViewerModel, event: Any) -> Iterator[None]:
        if self._measured is not None:
            yield from self._measure(self._measured, event)
        elif self._drawn is not None and event.button == 1 and self._navigation.is_flat:
            yield from self._draw(self._drawn, event)
        elif self._session is not None and self._is_correction(self._session, event):
            yield from self._correct(self._session, event)
        elif self._session is not None and self._is_label(self._session, event):
            yield from self._label(self._session, event)

    def _is_correction(self, session: OpenSession, event: Any) -> bool:
        """Return whether a click corrects the patch under review."""
        review = session.patches.review
        return (
            review is not None
            and review.micrograph == session.shown
            and self._is_on_image(session, event)
        )

    def _is_label(self, session: OpenSession, event: Any) -> bool:
        return (
            self._clicks_label and not session.patches.active and self._is_on_image(session, event)
        )

    def _is_on_image(self, session: OpenSession, event: Any) -> bool:
        active = self._viewer.layers.selection.active
        return (
            session.images.is_current
            and self._layers.shows_image
            and self._navigation.is_flat
            and event.button in (1, 2)
            and "Control" not in event.modifiers
            # In any other mode, such as drawing, the click is for the active layer.
            and (active is None or str(active.mode) in ("pan_zoom", "PAN_ZOOM"))
        )

    def _correct(self, session: OpenSession, event: Any) -> Iterator[None]:
        position, start = self._layers.position(event.position), np.asarray(event.pos)
        yield
        moved = False
        while event.type == "mouse_move":
            moved = moved or float(np.hypot(*(np.asarray(event.pos) - start))) > _CLICK_PX
            yield
        if not moved:
            session.patches.click(*position, self._kind(session))

    def _label(self, session: OpenSession, event: Any) -> Iterator[None]:
        labelling = session.labelling
        position, start = self._layers.position(event.position), np.asarray(event.pos)
        negative = event.button == 2 or "Shift" in event.modifiers
        target: Target = NOT_A_PARTICLE if negative else self._kind(session)
        hidden = not self._layers.shows_labels
        near = labelling.label_near(*position)
        label = near if event.button == 1 and not hidden else None
        with contextlib.nullcontext() if label is None else self._camera_held():
            yield
            moved = False
            while event.type == "mouse_move":
                moved = moved or float(np.hypot(*(np.asarray(event.pos) - start))) > _CLICK_PX
                if moved and label is not None:
                    self._layers.preview_move(label.id, *self._layers.position(event.position))
                yield
        if not moved and near is not None and hidden:
            self._layers.show_labels_layer()  # a click would change a label that is not on screen
        elif not moved:
            if _contains(session, position):
                labelling.label_at(*position, target)
        elif label is not None:
            end = self._layers.position(event.position)
            if _contains(session, end):
                labelling.move(label.id, *end)
            else:
                labelling.refresh()

    def _measure(self, measured: Measured, event: Any) -> Iterator[None]:
        start = end = self._layers.position(event.position)
        with self._camera_held():
            yield
            while event.type == "mouse_move":
                end = self._layers.position(event.position)
                measured(start, end, False)
                yield
        self._measured = None
        measured(start, end, True)

    def _draw(self, drawn: Drawn, event: Any) -> Iterator[None]:
        start, moved = np.asarray(event.pos), False
        is_last = self._line is not None or not self._from_click_to_click
        line = self._line = self._line or []
        line.append(self._layers.position(event.position))
        with self._camera_held():
            yield
            while event.type == "mouse_move":
                moved = moved or float(np.hypot(*(np.asarray(event.pos) - start))) > _CLICK_PX
                if moved and self._line is line:
                    line.append(self._layers.position(event.position))
                    drawn(line, False)
                yield
        if self._line is line and (moved or is_last):
            self._line = None
            drawn(line, True)

    def _on_move(self, viewer: ViewerModel, event: Any) -> None:
        """Draw a line from the click that began it to the mouse."""
        if self._drawn is None or not self._navigation.is_flat:
            return
        position = self._layers.position(event.position)
        if self._line is not None:
            self._line.append(position)
            self._drawn(self._line, False)
        elif self._hovered is not None:
            self._hovered(position)

    @contextlib.contextmanager
    def _camera_held(self) -> Iterator[None]:
        """Prevent drags from moving the view."""
        camera = self._viewer.scene.camera
        pans = camera.mouse_pan

        def hold() -> None:
            # napari enables moving the view whenever a layer is added, removed or activated.
            camera.mouse_pan = False

        camera.events.mouse_pan.connect(hold)
        hold()
        try:
            yield
        finally:
            camera.events.mouse_pan.disconnect(hold)
            camera.mouse_pan = pans


def _contains(session: OpenSession, position: Position) -> bool:
    """Return whether a position lies on the shown micrograph."""
    return bool(inside_image(position, session.images.shape)[0])

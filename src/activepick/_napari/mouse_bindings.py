"""What the person's hands do on the viewer: keys and mouse, and where the camera looks."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.components import ViewerModel
from qtpy.QtCore import QObject

from activepick._napari.key_bindings import KEYS
from activepick._napari.layers import PICKS, Layers

if TYPE_CHECKING:
    from activepick._napari.controller import Desk

__all__ = ["Hands", "Place"]

# A press that moves less than this on the screen is a click, in pixels.
_STILL = 4
# The camera shows about this many diameters around a question.
_DIAMETERS = 8.0

Place = tuple[float, float]


class Hands(QObject):
    """Obeys keys and mouse.

    Parameters
    ----------
    viewer
        The viewer.
    layers
        Its layers.
    desk
        What they act on.

    Attributes
    ----------
    follow
        Whether the camera goes to the current question by itself.
    clicks
        Whether a click is an answer.
    """

    def __init__(self, viewer: ViewerModel, layers: Layers, desk: "Desk") -> None:
        super().__init__(desk)
        self._viewer, self._layers, self._desk = viewer, layers, desk
        self.follow = True
        self.clicks = True
        self._measured: Callable[[Place, Place, bool], None] | None = None
        for key in KEYS:
            for name in key.keys:
                viewer.bind_key(name, self._obey(key.action), overwrite=True)
        viewer.mouse_drag_callbacks.append(self._on_press)
        desk.labelling.current_changed.connect(self.go_on)

    def release(self) -> None:
        """Give the viewer back as it was."""
        for key in KEYS:
            for name in key.keys:
                self._viewer.bind_key(name, None, overwrite=True)
        if self._on_press in self._viewer.mouse_drag_callbacks:
            self._viewer.mouse_drag_callbacks.remove(self._on_press)

    def bind(self, layer: Any, *, leave: Callable[[], None] | None = None) -> None:
        """Make our keys hold on a layer, where napari has others.

        Parameters
        ----------
        layer
            The layer.
        leave
            What the Escape key does there.
        """
        for key in KEYS:
            for name in key.keys:
                layer.bind_key(name, self._obey(key.action), overwrite=True)
        if leave is not None:
            layer.bind_key("Escape", lambda source: leave(), overwrite=True)

    def measure(self, measured: Callable[[Place, Place, bool], None] | None) -> None:
        """Let the next drag measure something.

        Parameters
        ----------
        measured
            Called with both ends in original pixels, and whether the mouse was let go; None to
            measure nothing after all.
        """
        self._measured = measured

    # What the keys do; see `activepick._napari.key_bindings`.

    def particle(self) -> None:
        """Answer: a particle."""
        self._desk.labelling.answer(1)

    def not_particle(self) -> None:
        """Answer: not a particle."""
        self._desk.labelling.answer(0)

    def empty(self) -> None:
        """Answer: carbon or empty ice, not a particle either."""
        self._desk.labelling.answer(2)

    def skip(self) -> None:
        """Leave the question open."""
        self._desk.labelling.answer(None)

    def back(self) -> None:
        """Go to the question before."""
        self._desk.labelling.go(-1)

    def forward(self) -> None:
        """Go to the next question."""
        self._desk.labelling.go(1)

    def undo(self) -> None:
        """Take back the last label."""
        self._desk.labelling.undo()

    def redo(self) -> None:
        """Do again what was taken back."""
        self._desk.labelling.redo()

    def remove(self) -> None:
        """Remove the label under the mouse."""
        if self._desk.seen:
            self._desk.labelling.remove_at(*self._place(self._viewer.cursor.position))

    def accept(self) -> None:
        """Accept the suggestions."""
        self._desk.labelling.accept()

    def ask(self) -> None:
        """Ask new questions."""
        self._desk.labelling.ask()

    def previous_micrograph(self) -> None:
        """Show the micrograph before."""
        self._desk.show_beside(-1)

    def next_micrograph(self) -> None:
        """Show the next micrograph."""
        self._desk.show_beside(1)

    def offered_micrograph(self) -> None:
        """Show the micrograph that is worth it."""
        self._desk.show_offered()

    def reject(self) -> None:
        """Reject the micrograph, or take it back."""
        self._desk.reject()

    def toggle_picks(self) -> None:
        """Hide or show the picks."""
        layer = self._layers.get(PICKS)
        if layer is not None:
            layer.visible = not layer.visible

    def toggle_raw(self) -> None:
        """Show the raw or the filtered image."""
        self._desk.images.toggle_raw()

    def go_on(self) -> None:
        """Go to the current question, also to another micrograph."""
        if self.follow:
            self.see_question()

    def see_question(self) -> None:
        """Show the current question, wherever it is."""
        question = self._desk.labelling.current
        if question is not None:
            self._desk.show(question.micrograph)
            self._centre()

    def look(self) -> None:
        """Look at the current question if it is on the shown micrograph."""
        if self.follow:
            self._centre()

    def _centre(self) -> None:
        question = self._desk.labelling.current
        if question is None or question.micrograph != self._desk.shown or not self._desk.seen:
            return
        scale = self._layers.scale
        self._viewer.scene.camera.center = (question.y * scale, question.x * scale)
        across = 2 * self._desk.radius_px * scale * _DIAMETERS
        canvas = min(self._viewer.canvas.size)
        # A person who zoomed in keeps that; from the whole micrograph it goes nearer.
        if across > 0 and self._viewer.scene.camera.zoom < canvas / across / 2:
            self._viewer.scene.camera.zoom = canvas / across

    def _obey(self, action: str) -> Callable[[Any], None]:
        def act(source: Any) -> None:
            getattr(self, action)()

        act.__doc__ = getattr(self, action).__doc__
        return act

    def _place(self, world: Any) -> Place:
        y, x = np.asarray(world)[-2:] / self._layers.scale
        return float(x), float(y)

    def _on_press(self, viewer: ViewerModel, event: Any) -> Iterator[None]:
        if self._measured is not None:
            yield from self._measure(event)
        elif self._listens(event):
            yield from self._answer(event)

    def _listens(self, event: Any) -> bool:
        active = self._viewer.layers.selection.active
        return (
            self.clicks
            and self._desk.seen
            and self._desk.session is not None
            and event.button in (1, 2)
            and "Control" not in event.modifiers
            # Whoever draws or paints on a layer means that layer.
            and (active is None or str(active.mode) in ("pan_zoom", "PAN_ZOOM"))
        )

    def _answer(self, event: Any) -> Iterator[None]:
        labelling = self._desk.labelling
        place, start = self._place(event.position), np.asarray(event.pos)
        target = 0 if event.button == 2 or "Shift" in event.modifiers else 1
        mark = labelling.mark_at(*place) if event.button == 1 else None
        pans = self._viewer.scene.camera.mouse_pan
        self._viewer.scene.camera.mouse_pan = pans and mark is None
        try:
            yield
            moved = False
            while event.type == "mouse_move":
                moved = moved or float(np.hypot(*(np.asarray(event.pos) - start))) > _STILL
                if moved and mark is not None:
                    self._layers.preview_move(mark.id, *self._place(event.position))
                yield
        finally:
            self._viewer.scene.camera.mouse_pan = pans
        if not moved:
            if self._inside(place):
                labelling.label_at(*place, target)
        elif mark is not None:
            where = self._place(event.position)
            if self._inside(where):
                labelling.move(mark.id, *where)
            else:
                labelling.labels_changed.emit()

    def _inside(self, place: Place) -> bool:
        height, width = self._desk.shape
        return -0.5 <= place[0] <= width - 0.5 and -0.5 <= place[1] <= height - 0.5

    def _measure(self, event: Any) -> Iterator[None]:
        measured, start = self._measured, self._place(event.position)
        assert measured is not None
        pans = self._viewer.scene.camera.mouse_pan
        self._viewer.scene.camera.mouse_pan = False
        try:
            yield
            end = start
            while event.type == "mouse_move":
                end = self._place(event.position)
                measured(start, end, False)
                yield
        finally:
            self._viewer.scene.camera.mouse_pan = pans
        self._measured = None
        measured(start, end, True)

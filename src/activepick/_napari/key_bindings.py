"""Key bindings of the viewer and its layers.

The keys lie under the left hand, so that the right hand stays on the mouse. napari does not use
them on image and points layers.
"""

from collections.abc import Callable
from dataclasses import dataclass

from napari.components import ViewerModel
from napari.layers import Layer

from activepick._napari.layers import Layers
from activepick._napari.open_session import OpenSession
from activepick._napari.session_listener import SessionListener

__all__ = ["KEY_BINDINGS", "KeyBinding", "KeyBindings"]

Action = Callable[[OpenSession, Layers], object]


@dataclass(frozen=True)
class KeyBinding:
    """Keys and the action that they trigger.

    Attributes
    ----------
    keys
        Names of the keys in napari; all trigger the same action.
    description
        Description of the action for the user.
    action
        Called with the open session and the layers.
    """

    keys: tuple[str, ...]
    description: str
    action: Action


def _remove_label(session: OpenSession, layers: Layers) -> None:
    if session.images.is_current:
        session.labelling.remove_at(*layers.cursor_position())


KEY_BINDINGS = (
    KeyBinding(("F",), "particle", lambda session, layers: session.labelling.answer(1)),
    KeyBinding(("D",), "not a particle", lambda session, layers: session.labelling.answer(0)),
    KeyBinding(
        ("H",),
        "carbon or empty ice: not a particle either",
        lambda session, layers: session.labelling.answer(2),
    ),
    KeyBinding(("G",), "skip the question", lambda session, layers: session.labelling.answer(None)),
    KeyBinding(("R",), "question before", lambda session, layers: session.labelling.go(-1)),
    KeyBinding(("T",), "next question", lambda session, layers: session.labelling.go(1)),
    KeyBinding(("X", "Control-Z"), "undo", lambda session, layers: session.labelling.undo()),
    KeyBinding(
        ("Shift-X", "Control-Shift-Z"), "redo", lambda session, layers: session.labelling.redo()
    ),
    KeyBinding(("Delete", "Backspace"), "remove label at the mouse", _remove_label),
    KeyBinding(
        ("Y",), "accept all suggestions", lambda session, layers: session.labelling.accept()
    ),
    KeyBinding(("N",), "new questions", lambda session, layers: session.labelling.ask()),
    KeyBinding(("Q",), "micrograph before", lambda session, layers: session.show_neighbour(-1)),
    KeyBinding(("E",), "next micrograph", lambda session, layers: session.show_neighbour(1)),
    KeyBinding(("O",), "one worth seeing next", lambda session, layers: session.show_recommended()),
    KeyBinding(
        ("J",), "reject the micrograph, or not", lambda session, layers: session.toggle_rejected()
    ),
    KeyBinding(("B",), "hide or show the picks", lambda session, layers: layers.toggle_picks()),
    KeyBinding(
        ("W",), "raw or filtered image", lambda session, layers: session.images.toggle_raw()
    ),
)


class KeyBindings(SessionListener):
    """Bind the keys of `KEY_BINDINGS` on a viewer and its points layers.

    Parameters
    ----------
    viewer
        The viewer.
    layers
        Layers of the shown micrograph.
    """

    def __init__(self, viewer: ViewerModel, layers: Layers) -> None:
        self._viewer, self._layers = viewer, layers
        self._bind(viewer)
        layers.points_added.connect(self.bind_layer)

    def bind_layer(self, layer: Layer, on_escape: Callable[[], None] | None = None) -> None:
        """Bind the keys on a layer, whose own bindings would hide those of the viewer.

        Parameters
        ----------
        layer
            The layer.
        on_escape
            Called when the Escape key is pressed on the layer.
        """
        self._bind(layer)
        if on_escape is not None:
            layer.bind_key("Escape", lambda layer: on_escape(), overwrite=True)

    def release(self) -> None:
        """Remove the bindings from the viewer."""
        for binding in KEY_BINDINGS:
            for key in binding.keys:
                self._viewer.bind_key(key, None, overwrite=True)

    def _bind(self, target: ViewerModel | Layer) -> None:
        for binding in KEY_BINDINGS:
            for key in binding.keys:
                target.bind_key(key, self._callback(binding), overwrite=True)

    def _callback(self, binding: KeyBinding) -> Callable[[object], None]:
        def run(source: object) -> None:
            self.call(lambda session: binding.action(session, self._layers))

        run.__doc__ = binding.description  # shown in napari's list of shortcuts
        return run

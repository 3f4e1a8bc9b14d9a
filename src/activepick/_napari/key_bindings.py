"""Key bindings of the viewer and its layers.

The keys are reached with the left hand, so that the right hand stays on the mouse. napari does not
use them on image and points layers.
"""

from collections.abc import Callable
from dataclasses import dataclass

from napari.components import ViewerModel
from napari.layers import Layer

from activepick._napari.commands import Commands
from activepick._napari.open_session import OpenSession
from activepick._napari.session_listener import SessionListener
from activepick.session.kinds import KEYS
from activepick.session.model.state import EMPTY

__all__ = ["KEY_BINDINGS", "KIND_BINDINGS", "KeyBinding", "KeyBindings"]

Action = Callable[[OpenSession, Commands], object]


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
        Called with the open session and the commands of the window.
    before_session
        Called with the commands of the window when no session is open.
    """

    keys: tuple[str, ...]
    description: str
    action: Action
    before_session: Callable[[Commands], object] = lambda commands: None


KEY_BINDINGS = (
    KeyBinding(("F",), "particle", lambda session, commands: commands.answer_by_key(session, "F")),
    KeyBinding(("D",), "not a particle", lambda session, commands: commands.answer(session, 0)),
    KeyBinding(
        ("H",),
        "carbon or empty ice (a non-particle)",
        lambda session, commands: commands.answer(session, EMPTY),
    ),
    KeyBinding(
        ("G",),
        "skip the question or the patch",
        lambda session, commands: commands.answer(session, None),
    ),
    KeyBinding(("R",), "previous question", lambda session, commands: commands.go(session, -1)),
    KeyBinding(("T",), "next question", lambda session, commands: commands.go(session, 1)),
    KeyBinding(("X", "Control-Z"), "undo", lambda session, commands: commands.undo(session)),
    KeyBinding(
        ("Shift-X", "Control-Shift-Z"), "redo", lambda session, commands: commands.redo(session)
    ),
    KeyBinding(
        ("Delete", "Backspace"),
        "remove the label under the mouse",
        lambda session, commands: commands.remove_label(session),
    ),
    KeyBinding(
        ("Y", "Enter"),
        "accept the suggestions, or confirm the patch",
        lambda session, commands: commands.accept(session),
    ),
    KeyBinding(("N",), "new questions", lambda session, commands: commands.ask(session)),
    KeyBinding(
        ("Q",),
        "previous micrograph",
        lambda session, commands: session.show_neighbour(-1),
        lambda commands: commands.show_new_neighbour(-1),
    ),
    KeyBinding(
        ("E",),
        "next micrograph",
        lambda session, commands: session.show_neighbour(1),
        lambda commands: commands.show_new_neighbour(1),
    ),
    KeyBinding(
        ("O",), "most informative micrograph", lambda session, commands: session.show_recommended()
    ),
    KeyBinding(
        ("J",),
        "reject or un-reject the micrograph",
        lambda session, commands: session.toggle_rejected(),
    ),
    KeyBinding(
        ("B",), "hide or show the picks", lambda session, commands: commands.layers.toggle_picks()
    ),
    KeyBinding(
        ("W",),
        "raw or filtered image",
        lambda session, commands: session.images.toggle_raw(),
        lambda commands: commands.toggle_new_raw(),
    ),
    KeyBinding(
        ("Escape",),
        "end drawing, painting, the lasso, measuring or the review of patches",
        lambda session, commands: commands.stop_tools(),
        lambda commands: commands.stop_tools(),
    ),
)


def _kind_binding(key: str) -> KeyBinding:
    return KeyBinding(
        (key,),
        "another kind of particle",
        lambda session, commands: commands.answer_by_key(session, key),
    )


# These keys have an effect only if a kind of particle has the key.
KIND_BINDINGS = tuple(_kind_binding(key) for key in KEYS[1:])


class KeyBindings(SessionListener):
    """Bind the keys of `KEY_BINDINGS` and `KIND_BINDINGS` on a viewer and its points layers.

    Parameters
    ----------
    viewer
        The viewer.
    commands
        Commands of the window.
    """

    def __init__(self, viewer: ViewerModel, commands: Commands) -> None:
        self._viewer, self._commands = viewer, commands
        self._bind(viewer)
        commands.layers.points_added.connect(self.bind_layer)

    def bind_layer(self, layer: Layer) -> None:
        """Bind the keys on a layer, whose own bindings would hide those of the viewer."""
        self._bind(layer)

    def release(self) -> None:
        """Remove the bindings from the viewer."""
        for binding in (*KEY_BINDINGS, *KIND_BINDINGS):
            for key in binding.keys:
                self._viewer.bind_key(key, None, overwrite=True)

    def _bind(self, target: ViewerModel | Layer) -> None:
        for binding in (*KEY_BINDINGS, *KIND_BINDINGS):
            for key in binding.keys:
                target.bind_key(key, self._callback(binding), overwrite=True)

    def _callback(self, binding: KeyBinding) -> Callable[[object], None]:
        def run(source: object) -> None:
            if self._session is None:
                binding.before_session(self._commands)
            else:
                binding.action(self._session, self._commands)

        run.__doc__ = binding.description  # shown in napari's list of shortcuts
        return run

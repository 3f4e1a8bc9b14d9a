"""The keys, in one place: what the widget shows and what the viewer obeys.

None of them is used by napari on image and points layers. They lie under the left hand, so that
the right one stays on the mouse.
"""

from dataclasses import dataclass

__all__ = ["KEYS", "MOUSE", "Key"]


@dataclass(frozen=True)
class Key:
    """A key.

    Attributes
    ----------
    keys
        As napari names them; all do the same.
    does
        What it does, for the person.
    action
        Name of the method of `activepick._napari.mouse_bindings.Hands` that does it.
    """

    keys: tuple[str, ...]
    does: str
    action: str


KEYS = (
    Key(("F",), "particle", "particle"),
    Key(("D",), "not a particle", "not_particle"),
    Key(("H",), "carbon or empty ice: not a particle either", "empty"),
    Key(("G",), "skip the question", "skip"),
    Key(("R",), "question before", "back"),
    Key(("T",), "next question", "forward"),
    Key(("X", "Control-Z"), "undo", "undo"),
    Key(("Shift-X", "Control-Shift-Z"), "redo", "redo"),
    Key(("Delete", "Backspace"), "remove label at the mouse", "remove"),
    Key(("Y",), "accept all suggestions", "accept"),
    Key(("N",), "new questions", "ask"),
    Key(("Q",), "micrograph before", "previous_micrograph"),
    Key(("E",), "next micrograph", "next_micrograph"),
    Key(("O",), "one worth seeing next", "offered_micrograph"),
    Key(("J",), "reject the micrograph, or not", "reject"),
    Key(("B",), "hide or show the picks", "toggle_picks"),
    Key(("W",), "raw or filtered image", "toggle_raw"),
)

# What the mouse does, for the person; it is obeyed in `activepick._napari.mouse_bindings`.
MOUSE = (
    ("click", "particle"),
    ("right click, or Shift+click", "not a particle"),
    ("drag a label", "recentre it"),
    ("drag elsewhere, wheel", "move, zoom"),
)

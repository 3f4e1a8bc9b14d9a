"""Commands of keys and buttons that depend on what is on screen."""

from collections.abc import Callable

from activepick._napari.layers import Layers
from activepick._napari.navigation import Navigation
from activepick._napari.open_session import OpenSession
from activepick.session import Target

__all__ = ["Commands", "kind_of_key"]

# The key of particles if kinds are not distinguished.
_PARTICLE_KEY = "F"

_IN_PATCH = "Click in the frame to correct the picks, then confirm the patch (Y), or end it (Esc)."


class Commands:
    """Answer, accept and remove what is on screen.

    An answer to a question that is not visible could be a wrong label: the first key press brings
    the question into view, the second one answers it.

    Parameters
    ----------
    navigation
        Moves the camera, and determines what is on screen.
    layers
        Layers of the shown micrograph.

    Attributes
    ----------
    layers
        As above.
    """

    def __init__(self, navigation: Navigation, layers: Layers) -> None:
        self.layers = layers
        self._navigation = navigation
        self._seen_suggestions: Callable[[], list[int]] = list
        self._show_new_neighbour: Callable[[int], object] = lambda step: None
        self._toggle_new_raw: Callable[[], object] = lambda: None
        self._stop_tools: Callable[[], object] = lambda: None

    def set_suggestion_view(self, seen: Callable[[], list[int]]) -> None:
        """Set the function that returns the ids of the suggestions that are on screen.

        It brings suggestions on screen if there are none.
        """
        self._seen_suggestions = seen

    def set_new_session_view(
        self, show_neighbour: Callable[[int], object], toggle_raw: Callable[[], object]
    ) -> None:
        """Set the functions for micrographs before a session.

        Parameters
        ----------
        show_neighbour
            Shows the next (1) or previous (-1) micrograph.
        toggle_raw
            Switches between filtered and raw images.
        """
        self._show_new_neighbour, self._toggle_new_raw = show_neighbour, toggle_raw

    def set_tools(self, stop: Callable[[], object]) -> None:
        """Set the function that ends drawing, painting, the lasso and measuring."""
        self._stop_tools = stop

    def stop_tools(self) -> None:
        """End drawing, painting, the lasso and measuring."""
        self._stop_tools()

    def show_new_neighbour(self, step: int) -> None:
        """Show the next (1) or previous (-1) micrograph of a new session."""
        self._show_new_neighbour(step)

    def toggle_new_raw(self) -> None:
        """Switch between filtered and raw images of a new session."""
        self._toggle_new_raw()

    def answer(self, session: OpenSession, target: Target) -> None:
        """Answer the current question, or go to it if it is not on screen.

        Parameters
        ----------
        session
            The open session.
        target
            1 particle or the number of its kind, 0 not a particle, -1 carbon or empty ice, None to
            skip.
        """
        if session.patches.active and target is None:
            if self._navigation.patch_in_view(session):
                session.patches.skip()
            else:
                self._navigation.go_to_patch(session)
        elif self._questions_are_hidden(session):
            return
        elif session.labelling.current is None or self._navigation.question_in_view(session):
            session.labelling.answer(target)
        else:
            self._navigation.go_to_question(session)

    def answer_by_key(self, session: OpenSession, key: str) -> None:
        """Answer the current question with the kind of particle that has a key, if any."""
        number = kind_of_key(session, key)
        if number is not None:
            self.answer(session, number)

    def go(self, session: OpenSession, step: int) -> None:
        """Go to the next question (1) or to the previous one (-1) without an answer."""
        if not self._questions_are_hidden(session):
            session.labelling.go(step)

    def ask(self, session: OpenSession) -> None:
        """Replace the open questions by new ones."""
        if not self._questions_are_hidden(session):
            session.labelling.ask()

    def undo(self, session: OpenSession) -> None:
        """Undo the last correction of the patch under review, or else the last action."""
        if session.patches.undo():
            self._see_patch(session)
        else:
            session.labelling.undo()

    def redo(self, session: OpenSession) -> None:
        """Redo the correction or the action that was undone last."""
        if session.patches.redo():
            self._see_patch(session)
        else:
            session.labelling.redo()

    def accept(self, session: OpenSession) -> None:
        """Accept the suggestions that are on screen, or move the view to suggestions.

        If patches are reviewed, the patch is confirmed, or the view moves to it.
        """
        if session.patches.active:
            if self._navigation.patch_in_view(session):
                session.patches.confirm()
            else:
                self._navigation.go_to_patch(session)
        elif session.labelling.suggestions:
            seen = self._seen_suggestions()
            if seen:
                session.labelling.accept(seen)

    def remove_label(self, session: OpenSession) -> None:
        """Remove the label that is reviewed, or else that under the mouse.

        A label that is not on screen is shown first. Excluded areas that are selected with napari's
        tool are removed instead.
        """
        if self.layers.remove_selected_areas():
            return
        position = self._navigation.mouse_position()
        if session.labelling.review is not None:
            self.remove_reviewed(session)
        elif not self.layers.shows_labels:
            self.layers.show_labels_layer()
        elif position is not None and session.images.is_current:
            session.labelling.remove_at(*position)

    def remove_reviewed(self, session: OpenSession) -> None:
        """Remove the label that is reviewed, or go to it if it is not on screen."""
        if self._navigation.question_in_view(session):
            session.labelling.remove_reviewed()
        else:
            self._navigation.go_to_question(session)

    def _see_patch(self, session: OpenSession) -> None:
        """Move the view to the patch under review unless it is on screen."""
        if not self._navigation.patch_in_view(session):
            self._navigation.go_to_patch(session)

    def _questions_are_hidden(self, session: OpenSession) -> bool:
        """Return whether patches are reviewed; if so, tell the user what is possible instead."""
        if session.patches.active:
            session.notify("info", _IN_PATCH)
        return session.patches.active


def kind_of_key(session: OpenSession, key: str) -> int | None:
    """Return the number of the kind of particle that has a key; None if there is none."""
    kinds = session.settings.kinds
    if not kinds:
        return 1 if key == _PARTICLE_KEY else None
    return next((kind.number for kind in kinds if kind.key == key), None)

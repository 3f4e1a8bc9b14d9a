"""Show the open session on the layers of the viewer."""

from collections.abc import Callable

from qtpy.QtCore import QObject, QTimer
from superqt.utils import qdebounced

from activepick._napari import colours
from activepick._napari.display_images import DisplayedMicrograph
from activepick._napari.layers import Layers
from activepick._napari.navigation import Navigation
from activepick._napari.open_session import OpenSession
from activepick._napari.session_listener import SessionListener

__all__ = ["SessionView"]


class SessionView(QObject, SessionListener):
    """Show micrograph, labels, questions and picks of the open session on layers.

    Parameters
    ----------
    layers
        Layers of the shown micrograph.
    navigation
        Moves the camera.
    """

    def __init__(
        self, layers: Layers, navigation: Navigation, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._layers, self._navigation = layers, navigation
        # Functions that show parts of the session; each iteration of the event loop calls one.
        self._waiting: list[Callable[[OpenSession], None]] = []
        self._turn = QTimer(self)
        self._turn.setSingleShot(True)
        self._turn.timeout.connect(self._show_waiting)
        layers.map_toggled.connect(self._on_map_toggled)
        layers.points_edited.connect(self._restore_points)

    def show_session(self, session: OpenSession) -> None:
        """Connect the signals of a session to the layers."""
        self._waiting.clear()
        self._layers.empty()  # faster in napari than removing and adding layers
        session.images.ready.connect(lambda displayed: self._show_displayed(session, displayed))
        session.images.failed.connect(self._layers.hide_micrograph)
        session.micrographs_changed.connect(self.with_session(self._show_rejected))
        session.labelling.current_changed.connect(self.with_session(self._navigation.follow))
        session.labelling.acted.connect(
            lambda micrograph, place: self._navigation.go_to(session, micrograph, place)
        )
        session.picks.map_ready.connect(self._layers.show_map)
        session.picks.set_map_visible(self._layers.map_visible)
        self.update_after(
            session,
            self._show_labels,
            session.shown_changed,
            session.labelling.labels_changed,
            session.settings_changed,  # kinds of particles have colours
        )
        self.update_after(
            session,
            self._show_questions,
            session.shown_changed,
            session.labelling.questions_changed,
            session.labelling.current_changed,
            session.patches.moved,
            session.settings_changed,
        )
        self.update_after(session, self._show_picks, session.picks.changed)
        self.update_after(
            session, self._show_members, session.shown_changed, session.classes.selected_changed
        )

    def clear(self) -> None:
        """Remove everything from the image."""
        self._waiting.clear()
        self._layers.empty()

    def _show_displayed(self, session: OpenSession, displayed: DisplayedMicrograph) -> None:
        self._layers.show_micrograph(displayed)
        self._show_rejected(session)
        if self._layers.has_points:
            for show in self._points_shown:
                show(session)
        else:
            # napari needs a tenth of a second to add a layer: the image is drawn first.
            self._show_in_turn(*self._points_shown)
        self._navigation.arrive(session)

    def _show_in_turn(self, *shows: Callable[[OpenSession], None]) -> None:
        """Call functions with the session, each in a separate iteration of the event loop."""
        self._waiting += [show for show in shows if show not in self._waiting]
        self._turn.start()

    def _show_waiting(self) -> None:
        if self._waiting:
            self.call(self._waiting.pop(0))
            self._turn.start()

    @qdebounced(timeout=0)  # napari's own callbacks return first
    def _restore_points(self) -> None:
        for show in self._points_shown:
            self.call(show)

    @property
    def _points_shown(self) -> tuple[Callable[[OpenSession], None], ...]:
        return self._show_labels, self._show_questions, self._show_picks, self._show_members

    def _show_rejected(self, session: OpenSession) -> None:
        self._layers.show_rejected(session.shown_is_rejected)

    def _can_show_points(self, session: OpenSession) -> bool:
        """Return whether there is an image, and layers of points on it or time to add them.

        They are added when an image of the session was drawn, one after the other.
        """
        has_image = self._layers.has_micrograph and session.shown > 0
        return has_image and (self._layers.has_points or session.images.is_current)

    def _show_labels(self, session: OpenSession) -> None:
        if self._can_show_points(session):
            labels = session.state.marks_of(session.shown)
            self._layers.show_labels(
                labels, _diameter_px(session), session.shown_name, _kinds(session)
            )

    def _show_questions(self, session: OpenSession) -> None:
        if self._can_show_points(session):
            labelling = session.labelling
            questions = [q for q in labelling.open_questions if q.micrograph == session.shown]
            if session.patches.active:  # a click would be meant for the patch
                questions = []
            current, diameter_px = labelling.current, _diameter_px(session)
            self._layers.show_questions(questions, current, diameter_px, _kinds(session))

    def _show_picks(self, session: OpenSession) -> None:
        if self._can_show_points(session):
            picks = session.picks.picks
            self._layers.show_picks(
                picks, _diameter_px(session), session.shown_name, _kinds(session)
            )
            if picks is not None:
                self._show_in_turn(self._add_map)

    def _add_map(self, session: OpenSession) -> None:
        if self._layers.has_micrograph:
            self._layers.add_map()

    def _show_members(self, session: OpenSession) -> None:
        if self._layers.has_micrograph and session.shown:
            xy = session.classes.members_on(session.shown)
            self._layers.show_members(xy, _diameter_px(session))

    def _on_map_toggled(self, visible: bool) -> None:
        self.call(lambda session: session.picks.set_map_visible(visible))


def _kinds(session: OpenSession) -> dict[int, str]:
    return colours.of_kinds(session.settings.kinds)


def _diameter_px(session: OpenSession) -> float:
    return 2 * session.images.radius_px or 1.0

"""The desk: one session and its loop of learning, with all slow work in the background.

It knows neither the viewer nor a widget: those listen to its signals. Whatever a person does to the
session is done here and now in the window's thread, since that never waits for a disk; what follows
from it (features, head, picks) is worked out in threads and arrives by signals.
"""

import contextlib
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from qtpy.QtCore import QObject, QTimer, Signal

from activepick._napari.images import Images, Picture
from activepick._napari.jobs import Jobs
from activepick._napari.labelling import Labelling
from activepick._napari.picking import Picking
from activepick.errors import ActivepickError, SessionError
from activepick.session import Session, Settings
from activepick.session.draft import Draft
from activepick.session.model import actions as a
from activepick.session.model.effects import Change
from activepick.workspace.next_micrograph import Offer
from activepick.workspace.workspace import Workspace

__all__ = ["Desk"]

_log = logging.getLogger(__name__)

# So long after the last work the device's memory is given back, in milliseconds.
_IDLE_MS = 60_000
# So many files are looked for before one is shown as missing: a disk may answer slowly.
_LOOKED_FOR = 20

MakeLoop = Callable[[Session], Workspace]


class Desk(QObject):
    """A session at work.

    Parameters
    ----------
    make_loop
        Gives the loop of a session.

    Attributes
    ----------
    session, loop
        None while no session is open.
    draft
        Micrographs that were opened and wait for the particle's diameter.
    shown
        Number of the micrograph that is shown; 0 when none is.
    jobs, images, labelling, picking
        Its parts.

    Signals
    -------
    opened()
        Another session, a draft, or none.
    leaving()
        The session is about to be left.
    shown_changed()
        Another micrograph is shown.
    settings_changed(), micrographs_changed(), areas_changed()
        As they are in the session's state now.
    saved()
        Something was written to disk, or could not be.
    told(severity, sentence)
        Something to tell the person; "info", "warning" or "error".
    """

    opened = Signal()
    leaving = Signal()
    shown_changed = Signal()
    settings_changed = Signal()
    micrographs_changed = Signal()
    areas_changed = Signal()
    saved = Signal()
    told = Signal(str, str)
    _changed = Signal(object, object)
    _wrote = Signal()
    _failed = Signal(str)

    def __init__(self, make_loop: MakeLoop = Workspace, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._make_loop = make_loop
        self.session: Session | None = None
        self.loop: Workspace | None = None
        self.draft: Draft | None = None
        self.shown = 0
        self.jobs = Jobs(self.report, self)
        self.images = Images(self)
        self.picking = Picking(self)
        self.labelling = Labelling(self)
        # The session speaks from whatever thread acted; signals bring it to the window's thread.
        self._changed.connect(self._follow)
        self._wrote.connect(self.saved)
        self._failed.connect(self._tell_failure)
        self.images.ready.connect(self._on_picture)
        # Memory of the GPU is for others while nobody clicks.
        self._idle = QTimer(self)
        self._idle.setSingleShot(True)
        self._idle.setInterval(_IDLE_MS)
        self._idle.timeout.connect(self._release)
        self.jobs.emptied.connect(self._idle.start)

    @property
    def seen(self) -> bool:
        """Whether the person sees the shown micrograph, and not yet the one before it."""
        picture = self.images.picture
        return picture is not None and picture.number == self.shown

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the shown micrograph in pixels; (0, 0) until it was read."""
        picture = self.images.picture
        return (0, 0) if picture is None else picture.shape

    @property
    def radius_px(self) -> float:
        """Particle radius in pixels of the shown micrograph; 0 until both sizes are known."""
        picture = self.images.picture
        if self.session is None or picture is None:
            return 0.0
        return self.session.state.settings.diameter_angstrom / 2 / picture.pixel_size

    def report(self, error: Exception) -> None:
        """Tell the person about an error, and what to do."""
        if isinstance(error, ActivepickError):
            self.told.emit("error", str(error))
        else:
            _log.error("unexpected", exc_info=error)
            self.told.emit(
                "error",
                f"Something went wrong that should not ({type(error).__name__}: {error}). "
                "Nothing that was clicked is lost; the log says more.",
            )

    def open_draft(self, draft: Draft) -> None:
        """Lay micrographs on the desk whose diameter is not known yet."""
        self.close_session()
        self.draft = draft
        self.opened.emit()
        self.images.show_file(draft.files[0])

    def start(self, settings: Settings) -> None:
        """Make a session of the draft."""
        draft = self.draft
        if draft is None:
            return

        def work(step: Callable[[float], None]) -> Session:
            session = Session.create(draft.folder, settings)
            try:
                count = len(draft.files)
                for start in range(0, count, 100):
                    step(start / count)
                    part = slice(start, start + 100)
                    session.micrographs.add(draft.files[part], draft.defocus_angstrom[part])
            except BaseException:
                session.close()
                raise
            return session

        self.jobs.run(
            "open",
            work,
            self._take,
            text="Taking the micrographs into a session",
            dropped=Session.close,
        )

    def open_session(
        self, folder: Path, *, read_only: bool = False, force: bool = False, repair: bool = False
    ) -> None:
        """Go on with a session.

        Raises
        ------
        SessionError
            When it cannot be opened so.
        """
        session = Session.open(folder, read_only=read_only, force=force, repair=repair)
        self.close_session()
        self._take(session)

    def add_files(self, files: Sequence[Path]) -> None:
        """Take more micrographs into the session."""
        session = self.session
        if session is not None:
            self.jobs.run(
                "open",
                lambda step: session.micrographs.add(files),
                text="Taking the micrographs into the session",
            )

    def close_session(self) -> None:
        """Leave the session; what was done is on disk then, or the person is told."""
        self.leaving.emit()
        self.jobs.cancel_all()
        loop = self._leave()
        if loop is not None:
            # It waits for the thread that computes features, which takes up to a second.
            self.jobs.run("close", lambda step: loop.close())
        self.labelling.clear()
        self.picking.clear()

    def close(self) -> None:
        """Leave the session and end all work; the desk is of no use any more.

        Qt may have taken the window away already: nothing is told to anybody.
        """
        with contextlib.suppress(RuntimeError):
            self.blockSignals(True)
        self.jobs.close()
        loop = self._leave()
        if loop is not None:
            loop.close()

    def _leave(self) -> Workspace | None:
        """Close the session, and give its loop, which is still to be closed."""
        loop, session = self.loop, self.session
        self.loop = self.session = self.draft = None
        self.shown = 0
        self.picking.peaks = self.picking.picks = None
        if session is not None:
            session.changed.disconnect(self._on_change)
            session.acknowledged.disconnect(self._on_disk)
            session.failed.disconnect(self._on_failure)
            try:
                session.close(timeout=10)
            except SessionError as error:
                _log.error("%s", error)
                with contextlib.suppress(RuntimeError):
                    self.told.emit("error", str(error))
                session.close(timeout=0, abandon=True)
        return loop

    def show(self, number: int) -> None:
        """Show a micrograph, with its picks and questions."""
        if self.loop is None or self.session is None:
            return
        if number not in self.session.state.micrographs or number == self.shown:
            return
        self.shown = number
        self.picking.clear_shown()
        if self.labelling.round is not None:
            self.labelling.round.shown = number
        self.shown_changed.emit()
        self.images.show(number)

    def show_beside(self, step: int) -> None:
        """Show the next micrograph (1) or the one before (-1) that is not rejected."""
        if self.session is None:
            return
        entries = self.session.state.micrographs
        numbers = [i for i, e in entries.items() if e.status != "rejected" or i == self.shown]
        if self.shown in numbers:
            wanted = numbers.index(self.shown) + step
            if 0 <= wanted < len(numbers):
                self.show(numbers[wanted])

    def show_offered(self) -> None:
        """Show the micrograph that is most worth looking at."""
        loop = self.loop
        if loop is not None:
            self.jobs.run("offer", lambda step: loop.questioner.next_micrograph(), self._show_offer)

    def _show_offer(self, offer: Offer | None) -> None:
        if offer is None:
            self.told.emit("info", "All micrographs have been seen.")
        else:
            self.show(offer.micrograph)

    def set_settings(self, **changes: object) -> None:
        """Change settings of the session; an error is told."""
        if self.session is not None:
            settings = self.session.state.settings
            if any(getattr(settings, name) != value for name, value in changes.items()):
                self.attempt(lambda session: session.set_settings(**changes))

    def attempt(self, act: Callable[[Session], object]) -> bool:
        """Do something to the session; an error is told. Tells whether it was done."""
        if self.session is None:
            return False
        if self.session.read_only:
            self.told.emit("info", "This session is open only to look at: nothing is changed.")
            return False
        try:
            act(self.session)
        except ActivepickError as error:
            self.report(error)
            return False
        return True

    def relink(self, path: Path | None) -> None:
        """Say where the shown micrograph lies now; None that it is right as it is."""
        shown = self.shown
        if self.attempt(lambda session: session.micrographs.relink(shown, path)):
            self.shown = 0
            self.show(shown)

    def reject(self) -> None:
        """Reject the shown micrograph, or take it back."""
        if self.session is not None and self.shown:
            rejected = self.session.state.micrographs[self.shown].status == "rejected"
            self.attempt(
                lambda s: s.micrographs.set_status(self.shown, "seen" if rejected else "rejected")
            )

    def _take(self, session: Session) -> None:
        self.draft = None
        self.session, self.loop = session, self._make_loop(session)
        session.changed.connect(self._on_change)
        session.acknowledged.connect(self._on_disk)
        session.failed.connect(self._on_failure)
        for notice in session.notices:
            self.told.emit("warning", notice)
        self.labelling.begin()
        self.opened.emit()
        self.picking.load_all()
        first = _first_to_show(session)
        if first:
            self.show(first)

    def _on_picture(self, picture: Picture) -> None:
        # First the micrograph is seen; then the machine is free for its features.
        if self.shown and self.picking.number != self.shown:
            QTimer.singleShot(0, self._open_shown)

    def _open_shown(self) -> None:
        if self.shown and self.picking.number != self.shown:
            self.picking.open(self.shown)

    def _release(self) -> None:
        loop = self.loop
        if loop is not None and not self.jobs.busy():
            # In the lane of features, which nobody needs now and which wait until it is done.
            self.jobs.run("features", lambda step: loop.release())

    def _on_change(self, action: a.Action, change: object) -> None:
        self._changed.emit(action, change)

    def _on_disk(self, number: int) -> None:
        self._wrote.emit()

    def _on_failure(self, sentence: str) -> None:
        self._failed.emit(sentence)

    def _tell_failure(self, sentence: str) -> None:
        self.told.emit("error", sentence)
        self.saved.emit()

    def _follow(self, action: a.Action, change: Change | None) -> None:
        """Pass on what was done to the session; in the window's thread."""
        if self.session is None:
            return
        match action:
            case a.AddMicrographs() | a.SetStatus() | a.RelinkMicrograph():
                self.micrographs_changed.emit()
                if isinstance(action, a.AddMicrographs) and not self.shown:
                    self.show(action.micrographs[0].id)
            case a.SetSettings():
                self.settings_changed.emit()
        if change is not None and self.shown in change.areas:
            self.areas_changed.emit()
        self.labelling.follow(action, change)
        self.picking.follow(action, change)
        self.saved.emit()


def _first_to_show(session: Session) -> int:
    """Give the micrograph to begin with: with questions if it can be, and not a missing one."""
    asked = [question.micrograph for question in session.state.questions]
    order = list(dict.fromkeys([*asked, *session.state.micrographs]))
    for number in order[:_LOOKED_FOR]:
        with contextlib.suppress(SessionError):
            session.micrographs.path(number)
            return number
    return order[0] if order else 0

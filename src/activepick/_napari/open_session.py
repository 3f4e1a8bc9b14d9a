"""A session that is open in the window."""

import contextlib
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from qtpy.QtCore import QObject, QTimer, Signal

from activepick._napari.class_answers import ClassAnswers
from activepick._napari.dataset_picks import DatasetPicks
from activepick._napari.display_images import DisplayedMicrograph, DisplayImages
from activepick._napari.jobs import Jobs
from activepick._napari.labelling import Labelling
from activepick._napari.patch_mode import PatchMode
from activepick._napari.session_access import SessionAccess
from activepick._napari.shown_picks import ShownPicks
from activepick.errors import ActivepickError, SessionError
from activepick.session import Session, Settings
from activepick.session.model import actions as a
from activepick.session.model.effects import Change
from activepick.session.model.state import SessionState
from activepick.workspace.next_micrograph import Offer
from activepick.workspace.workspace import Workspace

__all__ = ["OpenSession"]

_log = logging.getLogger(__name__)

# The memory of the GPU is released when no job has run for this time, in milliseconds.
_IDLE_MS = 60_000
# Number of files that are checked for the first micrograph to show: a disk may respond slowly.
_CHECKED_FILES = 20
# Longest time to wait for the disk when a session is closed, in seconds.
_CLOSE_SECONDS = 10


class OpenSession(QObject):
    """A session with the objects that exist only while it is open.

    Changes of the session are applied at once in the window's thread, which never waits for a disk.
    Features, heads and picks follow in background jobs. The viewer and the widgets listen to the
    signals of this object and of its parts.

    Parameters
    ----------
    session
        The session, which `close` closes.
    workspace
        Its features, heads and picks.
    jobs
        Runs the background jobs.

    Attributes
    ----------
    session, workspace, jobs
        As above.
    images
        The shown micrograph and the images of others.
    labelling
        Questions, answers and labels.
    patches
        The review of patches.
    picks
        Picks of the shown micrograph.
    dataset
        Picks of all micrographs.
    classes
        Classes of the picks.

    Signals
    -------
    shown_changed()
        Another micrograph is to be shown.
    settings_changed(), micrographs_changed(), areas_changed()
        The settings, the micrographs, or the excluded areas of the shown micrograph changed.
    saved()
        Actions were written to disk, or writing failed.
    notified(severity, text)
        There is a message for the user; the severity is "info", "warning" or "error".
    failed(error)
        An error is to be reported.
    """

    shown_changed = Signal()
    settings_changed = Signal()
    micrographs_changed = Signal()
    areas_changed = Signal()
    saved = Signal()
    notified = Signal(str, str)
    failed = Signal(object)
    _acted = Signal(object, object)
    _acknowledged = Signal(int)
    _write_failed = Signal(str)

    def __init__(
        self,
        session: Session,
        workspace: Workspace,
        jobs: Jobs,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.session, self.workspace, self.jobs = session, workspace, jobs
        self.images = DisplayImages(session, jobs, self)
        access = SessionAccess(session, workspace, jobs, self.edit)
        self.labelling = Labelling(access, self.images, self)
        self.patches = PatchMode(access, self)
        self.picks = ShownPicks(access, self.images, self)
        self.dataset = DatasetPicks(access, self)
        self.classes = ClassAnswers(access, self)
        self._closed = False
        # Whether reading the stored picks has begun, and whether it has not ended yet.
        self._loaded = self._loading = False
        # Micrographs that are tried one after the other until the first one can be displayed.
        self._candidates: list[int] = []
        self._idle = QTimer(self)
        self._idle.setSingleShot(True)
        self._idle.setInterval(_IDLE_MS)
        self._idle.timeout.connect(self._release)
        self._connect()

    def _connect(self) -> None:
        self._acted.connect(self._follow)
        self._acknowledged.connect(self.saved)
        self._write_failed.connect(self._report_write_failure)
        self.session.changed.connect(self._on_changed)
        self.session.acknowledged.connect(self._on_acknowledged)
        self.session.failed.connect(self._on_failed)
        self.settings_changed.connect(self.images.refresh)
        self.images.shown_changed.connect(self.shown_changed)
        self.images.ready.connect(self._open_displayed)
        self.images.failed.connect(self._report_unreadable)
        self.images.denoising_failed.connect(self.failed)
        self.labelling.notified.connect(self.notified)
        self.labelling.questions_changed.connect(self._leave_patches)
        self.patches.notified.connect(self.notified)
        self.patches.moved.connect(self._on_patch)
        self.picks.notified.connect(self.notified)
        self.classes.notified.connect(self.notified)
        self.picks.opened.connect(self._on_opened)
        self.picks.questions_needed.connect(self._ask_next)
        self.dataset.errors_changed.connect(self.micrographs_changed)
        self.jobs.idle.connect(self._idle.start)
        self.jobs.ended.connect(self._on_ended)

    @property
    def state(self) -> SessionState:
        """Current state of the session."""
        return self.session.state

    @property
    def settings(self) -> Settings:
        """Current settings of the session."""
        return self.session.state.settings

    @property
    def shown(self) -> int:
        """Number of the micrograph that is shown; 0 for none."""
        return self.images.shown

    @property
    def shown_name(self) -> str:
        """Name of the shown micrograph in tables; empty for none."""
        return self.state.names[self.shown] if self.shown else ""

    @property
    def shown_is_rejected(self) -> bool:
        """Whether the shown micrograph is rejected."""
        entry = self.state.micrographs.get(self.shown)
        return entry is not None and entry.status == "rejected"

    def begin(self, drawn: int = 0) -> None:
        """Show the first micrograph and load stored picks; call it after views are connected.

        The first micrograph is one that can be read and, if possible, has the current question.

        Parameters
        ----------
        drawn
            In a session that was just created: number of the micrograph that is on the screen
            already, and is therefore the first one; 0 for none.
        """
        for notice in self.session.notices:
            self.notify("warning", notice)
        self._candidates = [*([drawn] if drawn else []), *self._first_to_show()]
        self._show_candidate()
        if drawn:
            # There are no stored picks, and the user waits for picks rather than for the image
            # with the filters that suit the diameter.
            self._loaded = True
            self.picks.open(drawn)

    def close(self) -> None:
        """Close the session, but not the workspace, whose closing may take a second.

        No signals are emitted afterwards. If actions cannot be written within ten seconds, they are
        lost, and the error is logged and reported.
        """
        self._closed = True
        self.session.changed.disconnect(self._on_changed)
        self.session.acknowledged.disconnect(self._on_acknowledged)
        self.session.failed.disconnect(self._on_failed)
        self.labelling.close()
        self.picks.close()
        try:
            self.session.close(timeout=_CLOSE_SECONDS)
        except SessionError as error:
            _log.error("%s", error)
            # Qt may have deleted this object together with the window.
            with contextlib.suppress(RuntimeError):
                self.failed.emit(error)
            self.session.close(timeout=0, abandon=True)
        with contextlib.suppress(RuntimeError):
            for part in (
                self,
                self.images,
                self.labelling,
                self.patches,
                self.picks,
                self.dataset,
                self.classes,
            ):
                part.blockSignals(True)

    def show(self, number: int) -> None:
        """Show a micrograph with its picks and questions."""
        if number not in self.state.micrographs or number == self.shown:
            return
        self.picks.clear()
        self.labelling.set_shown(number)
        self.images.show(number)

    def show_neighbour(self, step: int) -> None:
        """Show the next micrograph (1) or the previous one (-1) that is not rejected."""
        entries = self.state.micrographs
        numbers = [i for i, e in entries.items() if e.status != "rejected" or i == self.shown]
        if self.shown in numbers:
            wanted = numbers.index(self.shown) + step
            if 0 <= wanted < len(numbers):
                self.show(numbers[wanted])

    def show_recommended(self) -> None:
        """Show the micrograph on which labels are most informative."""

        def done(offer: Offer | None) -> None:
            if offer is None:
                self.notify("info", "All micrographs have been seen.")
            else:
                self.show(offer.micrograph)

        self.jobs.run("offer", lambda progress: self.workspace.questioner.next_micrograph(), done)

    def audit(self, count: int) -> None:
        """Ask about randomly drawn picks; a review of patches ends, since it hides questions."""
        self.patches.stop()
        self.labelling.audit(count)

    def set_settings(self, **changes: object) -> None:
        """Change settings of the session; an error is reported."""
        if any(getattr(self.settings, name) != value for name, value in changes.items()):
            self.edit(lambda session: session.set_settings(**changes))

    def edit(self, act: Callable[[Session], object]) -> bool:
        """Change the session.

        Parameters
        ----------
        act
            Called with the session; an `ActivepickError` is reported.

        Returns
        -------
        bool
            Whether there was no error.
        """
        if self.session.read_only:
            self.notify("info", "This session is read-only and cannot be changed.")
            return False
        try:
            act(self.session)
        except ActivepickError as error:
            self.failed.emit(error)
            return False
        return True

    def relink(self, path: Path | None) -> None:
        """Set the file of the shown micrograph; None accepts its changed file."""
        shown = self.shown
        if self.edit(lambda session: session.micrographs.relink(shown, path)):
            self.picks.clear()
            self.images.reload()

    def toggle_rejected(self) -> None:
        """Reject the shown micrograph, or undo its rejection, and say so.

        The next question is on another micrograph, which is shown instead of a rejected one.
        """
        if not self.shown:
            return
        rejected, name = not self.shown_is_rejected, self.shown_name
        if self.set_rejected(self.shown, rejected):
            how = "; press X to undo this, or tick it in the table" if rejected else ""
            self.notify("info", f"{'Rejected' if rejected else 'Un-rejected'}: {name}{how}")

    def set_rejected(self, number: int, rejected: bool) -> bool:
        """Reject a micrograph, or undo its rejection; return whether there was no error."""
        return self.edit(lambda session: session.micrographs.set_rejected(number, rejected))

    def notify(self, severity: str, text: str) -> None:
        """Show a message to the user; the severity is "info", "warning" or "error"."""
        self.notified.emit(severity, text)

    def counts(self, micrographs: Sequence[int] | None = None) -> dict[int, int]:
        """Return the number of picks by micrograph at the current or previewed settings.

        Parameters
        ----------
        micrographs
            Numbers of some micrographs; None for all.
        """
        return self.dataset.counts(self.picks.previewed, micrographs)

    def _first_to_show(self) -> list[int]:
        """Return the micrographs to try first; those whose files exist come first."""
        current, questions = self.labelling.current, self.state.questions
        first = [question.micrograph for question in (*([current] if current else ()), *questions)]
        order = list(dict.fromkeys([*first, *self.state.micrographs]))[:_CHECKED_FILES]

        def is_missing(number: int) -> bool:
            try:
                self.session.micrographs.path(number)
            except SessionError:
                return True
            return False

        return sorted(order, key=is_missing)

    def _open_displayed(self, displayed: DisplayedMicrograph) -> None:
        self._candidates.clear()
        # The image and the stored picks are drawn before computing in the background slows the
        # window down: it waits for Python's global lock whenever it draws.
        if self.shown and self.picks.micrograph != self.shown:
            QTimer.singleShot(0, self._show_stored)

    def _show_stored(self) -> None:
        if not self._closed and self.picks.micrograph != self.shown:
            self.picks.show_stored(self.shown)
            # The first timer ends when the layers have been added, the second when they are drawn.
            QTimer.singleShot(0, lambda: QTimer.singleShot(0, self._open_shown))

    def _open_shown(self) -> None:
        if self._closed or self.picks.micrograph == self.shown:
            return
        self._load()
        if not self._loading or self.picks.picks is None:
            self.picks.open(self.shown)

    def _load(self) -> None:
        """Read the stored picks of all micrographs, once.

        Features are computed afterwards if there are stored picks to look at: loading PyTorch at
        the same time would slow down both, and the window.
        """
        if not self._loaded:
            self._loaded = self._loading = True
            self.dataset.load()

    def _on_ended(self, lane: str) -> None:
        if lane == "peaks" and self._loading:
            self._loading = False
            if self.images.is_current:  # otherwise this follows when the image has been read
                self._open_shown()

    def _show_candidate(self) -> None:
        """Show the next micrograph that is tried as the first one."""
        if self._candidates:
            self.show(self._candidates.pop(0))
        elif not self.images.is_current:  # none can be read
            self._load()

    def _on_opened(self, number: int) -> None:
        self.dataset.set_error(number, None)

    def _report_unreadable(self, number: int, error: Exception) -> None:
        self.dataset.set_error(number, error)
        self.failed.emit(error)
        self._show_candidate()

    def _release(self) -> None:
        if not self._closed and not self.jobs.busy():
            # Jobs of this lane use the GPU, and wait until its memory has been released.
            self.jobs.run("features", lambda progress: self.workspace.release())

    def _ask_next(self, replace: bool = False) -> None:
        if not self.patches.active:
            self.labelling.ask_next(replace=replace)

    def _leave_patches(self) -> None:
        """End the review of patches when a review of labels begins."""
        if self.labelling.review is not None:
            self.patches.stop()

    def _on_patch(self) -> None:
        if not self.patches.active:
            self._ask_next()
        elif self.patches.review is not None and not self.settings.live_refit:
            self.picks.learn()  # the patch was chosen with a new head

    # The session emits its signals in any thread: Qt's signals pass them to the window's thread.

    def _on_changed(self, action: a.Action, change: Change | None) -> None:
        self._acted.emit(action, change)

    def _on_acknowledged(self, number: int) -> None:
        self._acknowledged.emit(number)

    def _on_failed(self, sentence: str) -> None:
        self._write_failed.emit(sentence)

    def _report_write_failure(self, sentence: str) -> None:
        self.notify("error", sentence)
        self.saved.emit()

    def _follow(self, action: a.Action, change: Change | None) -> None:
        """Emit signals and update the parts after an action of the session."""
        if self._closed:
            return
        rejections = {} if change is None else change.status_after
        if rejections:
            self.micrographs_changed.emit()
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
        if "rejected" in rejections.values() and self.state.asked:
            self._ask_next()  # if the questions of the micrograph were the last ones
        self.picks.follow(action, change)
        self.patches.follow(action, change)
        self.dataset.follow(action, change)
        self.classes.follow(action, change)
        self.saved.emit()

"""Open and close sessions, independently of any viewer."""

import contextlib
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import platformdirs
from qtpy.QtCore import QObject, Signal

from activepick._napari.display_images import DisplayedMicrograph
from activepick._napari.jobs import Jobs
from activepick._napari.new_micrographs import NewMicrographs
from activepick._napari.open_session import OpenSession
from activepick.errors import ActivepickError, MicrographError, SessionError
from activepick.progress import Progress
from activepick.session import Session, Settings
from activepick.session.new_session import NewSession, new_session_of, session_at
from activepick.workspace.initial_head import load_network
from activepick.workspace.workspace import Workspace

__all__ = ["Controller"]

_log = logging.getLogger(__name__)

# The network of new sessions.
_NETWORK = str(Settings.model_fields["model"].default)
# Number of micrographs that are added to a new session in one action.
_ADDED_AT_ONCE = 100


class Controller(QObject):
    """Open, start and close sessions, and report errors.

    Parameters
    ----------
    make_workspace
        Creates the workspace of a session.
    ask_how_to_open
        Called with the error of a session that cannot be opened; returns the name of the argument
        of `Session.open` to try again with, or an empty string. By default the error is reported.

    Attributes
    ----------
    new_session
        Micrographs that were opened, for which the particle diameter is not set yet; None if there
        are none.
    new_micrographs
        Displays the micrographs of the new session; None if there is no new session.
    open_session
        The session that is open; None if there is none.
    jobs
        Background jobs of the window.

    Signals
    -------
    session_changed()
        A session was opened or closed, or a new one can be created.
    new_session_displayed(displayed)
        A micrograph of a new session can be displayed.
    new_session_paged()
        Another micrograph of a new session is to be shown, or one cannot be read.
    notified(severity, text)
        There is a message for the user; the severity is "info", "warning" or "error".
    """

    session_changed = Signal()
    new_session_displayed = Signal(object)
    new_session_paged = Signal()
    notified = Signal(str, str)

    def __init__(
        self,
        make_workspace: Callable[[Session], Workspace] = Workspace,
        ask_how_to_open: Callable[[SessionError], str] | None = None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._make_workspace = make_workspace
        self._ask_how_to_open = ask_how_to_open
        self.new_session: NewSession | None = None
        self.new_micrographs: NewMicrographs | None = None
        self.open_session: OpenSession | None = None
        self.jobs = Jobs(self.report, self)
        self._network_requested = False
        self._to_add: dict[Path, None] = {}

    def notify(self, severity: str, text: str) -> None:
        """Show a message to the user; the severity is "info", "warning" or "error"."""
        self.notified.emit(severity, text)

    def report(self, error: Exception) -> None:
        """Show an error to the user, and log it if it is unexpected."""
        if isinstance(error, ActivepickError):
            self.notify("error", str(error))
        else:
            _log.error("unexpected error", exc_info=error)
            self.notify(
                "error",
                f"An unexpected error occurred ({type(error).__name__}: {error}). "
                "No label is lost; see the log for details.",
            )

    def open_paths(self, paths: Sequence[str | Path]) -> None:
        """Open a session, a folder of micrographs, a list of micrographs, or micrographs.

        Micrographs that belong to a session open that session; of the others a new session can be
        created. Errors are reported.

        Parameters
        ----------
        paths
            A session, a folder or a STAR file; or several micrographs.
        """
        try:
            # Messages name the folder last, which is only found in whole paths.
            self._open([Path(path).absolute() for path in paths])
        except ActivepickError as error:
            self.report(error)
        except OSError as error:
            self.report(SessionError(f"{error.filename}: {error.strerror}."))

    def start(self, settings: Settings) -> None:
        """Create the new session and open it, in the background."""
        new_session = self.new_session
        if new_session is not None:
            self.jobs.run(
                "open",
                lambda progress: _create_session(new_session, settings, progress),
                self._take_created,
                text="Creating the session",
                discarded=lambda created: created[0].close(),
            )

    def add_files(self, files: Sequence[Path]) -> None:
        """Add micrographs to the open session, in the background; known names are left out."""
        open_session = self.open_session
        if open_session is None or open_session.session.read_only:
            return
        session = open_session.session
        known = {entry.name for entry in session.state.micrographs.values()}
        new = [file for file in files if file.name not in known]
        if not new:
            return
        # A new job replaces one that has not added its files yet.
        self._to_add |= dict.fromkeys(new)
        adding = list(self._to_add)

        def done(errors: list[MicrographError]) -> None:
            for file in adding:
                self._to_add.pop(file, None)
            for error in errors:
                self.report(error)

        self.jobs.run(
            "open",
            lambda progress: _add_readable(session, adding),
            done,
            text="Adding the micrographs to the session",
        )

    def close_session(self) -> None:
        """Close the session or the new session; pending actions are written first."""
        self._leave()
        self.session_changed.emit()

    def close(self) -> None:
        """Close the session and end all jobs; the controller cannot be used afterwards.

        Nothing is emitted, since Qt may have deleted the window already.
        """
        with contextlib.suppress(RuntimeError):
            self.blockSignals(True)
        self.jobs.close()
        open_session, self.open_session, self.new_session = self.open_session, None, None
        if open_session is not None:
            open_session.close()
            open_session.workspace.close()

    def _open(self, paths: list[Path]) -> None:
        session = session_at(paths[0]) if len(paths) == 1 else None
        if session is not None:
            self._open_session(session)
            if paths[0] != session and paths[0].is_dir():
                self.add_files(new_session_of([paths[0]], paths[0]).files)
            return
        new_session = new_session_of(paths, _documents())
        for notice in new_session.notices:
            self.notified.emit("info", notice)
        # Micrographs beside a session belong to it, however they are opened.
        session = session_at(new_session.files[0].parent)
        if session is not None:
            self._open_session(session)
            self.add_files(new_session.files)
        else:
            self._show_new_session(new_session)

    def _open_session(self, folder: Path) -> None:
        if self.open_session is not None and self.open_session.session.folder == folder:
            return
        try:
            session = Session.open(folder)
        except SessionError as error:
            if self._ask_how_to_open is None:
                raise
            argument = self._ask_how_to_open(error)
            if not argument:
                return
            session = Session.open(folder, **{argument: True})
        self._take(session)

    def _show_new_session(self, new_session: NewSession) -> None:
        self._leave()
        self.new_session = new_session
        self.new_micrographs = NewMicrographs(new_session.files, self.jobs, self)
        self.new_micrographs.displayed.connect(self.new_session_displayed)
        self.new_micrographs.displayed.connect(self._load_network)
        self.new_micrographs.shown_changed.connect(self.new_session_paged)
        self.new_micrographs.failed.connect(self.report)
        self.session_changed.emit()
        self.new_micrographs.begin()

    def show_neighbour(self, step: int) -> None:
        """Show the next micrograph (1) or the previous one (-1), with or without a session."""
        if self.open_session is not None:
            self.open_session.show_neighbour(step)
        elif self.new_micrographs is not None:
            self.new_micrographs.show(self.new_micrographs.shown + step)

    def _load_network(self, displayed: DisplayedMicrograph) -> None:
        """Load PyTorch and the network of new sessions while the user enters the diameter."""
        if self._network_requested:
            return
        self._network_requested = True
        self.jobs.run(
            "network",
            lambda progress: load_network(_NETWORK),
            failed=lambda error: None,  # the error is raised again when features are computed
        )

    def _take_created(self, created: tuple[Session, list[MicrographError]]) -> None:
        session, errors = created
        new = self.new_micrographs
        self._take(session, None if new is None else new.drawn)
        for error in errors:
            self.report(error)

    def _take(self, session: Session, drawn: Path | None = None) -> None:
        """Open a session; `drawn` is the micrograph on the screen if it was just created."""
        self._leave()
        self.open_session = OpenSession(session, self._make_workspace(session), self.jobs, self)
        self.open_session.notified.connect(self.notified)
        self.open_session.failed.connect(self.report)
        self.session_changed.emit()
        entries = session.state.micrographs.values()
        numbers = [entry.id for entry in entries if drawn and Path(entry.absolute) == drawn]
        self.open_session.begin(numbers[0] if numbers else 0)

    def _leave(self) -> None:
        """Close the session or the new session without emitting `session_changed`."""
        self.jobs.cancel_all()
        self._to_add.clear()
        open_session, self.open_session, self.new_session = self.open_session, None, None
        if self.new_micrographs is not None:
            self.new_micrographs.deleteLater()
            self.new_micrographs = None
        if open_session is not None:
            open_session.close()
            open_session.deleteLater()
            # Waits for the thread that computes features, which may take a second. The job has a
            # lane of its own, so that it is not replaced.
            self.jobs.run(
                f"close {id(open_session)}", lambda progress: open_session.workspace.close()
            )


def _documents() -> Path:
    return Path(platformdirs.user_documents_dir()) / "activepick"


def _create_session(
    new_session: NewSession, settings: Settings, progress: Progress
) -> tuple[Session, list[MicrographError]]:
    """Create a session; files that cannot be read are left out and reported."""
    session = Session.create(new_session.folder, settings)
    errors: list[MicrographError] = []
    try:
        count = len(new_session.files)
        for start in range(0, count, _ADDED_AT_ONCE):
            progress(start / count)
            part = slice(start, start + _ADDED_AT_ONCE)
            errors += _add_readable(
                session, new_session.files[part], new_session.defocus_angstrom[part]
            )
        if not session.state.micrographs:
            raise errors[0]
    except BaseException:
        session.close()
        raise
    return session, errors


def _add_readable(
    session: Session, files: Sequence[Path], defocus_angstrom: Sequence[float | None] = ()
) -> list[MicrographError]:
    """Add the files that can be read, and return the errors of the others."""
    errors: list[MicrographError] = []
    try:
        session.micrographs.add(files, defocus_angstrom)
    except MicrographError:
        for k, file in enumerate(files):
            try:
                session.micrographs.add([file], defocus_angstrom[k : k + 1])
            except MicrographError as error:
                errors.append(error)
    return errors

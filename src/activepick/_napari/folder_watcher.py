"""Add new micrographs to the session, and pick them, while they are being recorded."""

import logging
import threading
from pathlib import Path

from qtpy.QtCore import QObject, Signal

from activepick._napari.controller import Controller
from activepick._napari.open_session import OpenSession
from activepick._napari.session_listener import SessionListener
from activepick.batch.watching import watch
from activepick.errors import ActivepickError
from activepick.micrograph.discovery import MicrographSet, find_micrographs
from activepick.micrograph.extensions import has_micrograph_extension

__all__ = ["FolderWatcher"]

_log = logging.getLogger(__name__)

# Seconds between two searches of the folder.
_EVERY = 3.0


class _StoppedError(Exception):
    """Raised in the searching thread to end it."""


class FolderWatcher(QObject, SessionListener):
    """Search the folder of the micrographs for new ones, add them to the session and pick them.

    Parameters
    ----------
    controller
        Adds micrographs to the session.

    Attributes
    ----------
    folder
        Folder that is watched; None if none is.

    Signals
    -------
    changed()
        `folder` changed.
    """

    changed = Signal()
    _found = Signal(object, object)

    def __init__(self, controller: Controller, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._controller = controller
        self.folder: Path | None = None
        self._files: dict[Path, None] = {}
        self._stop = threading.Event()
        self._found.connect(self._on_found)
        controller.jobs.ended.connect(self._on_ended)

    def show_session(self, session: OpenSession) -> None:
        """Add the micrographs that were found so far to a session, and pick new ones."""
        self.update_after(session, self._pick, session.micrographs_changed, session.picks.opened)
        self._add()

    def start(self, folder: Path) -> None:
        """Watch a folder."""
        self.stop()
        folder = folder.absolute()  # as the controller names the files
        self.folder, self._stop = folder, threading.Event()
        self._files.clear()
        threading.Thread(
            target=self._search, args=(folder, self._stop), name="watch", daemon=True
        ).start()
        self.changed.emit()

    def stop(self) -> None:
        """Stop watching."""
        self._stop.set()
        if self.folder is not None:
            self.folder = None
            self.changed.emit()

    def _search(self, folder: Path, stop: threading.Event) -> None:
        def find() -> MicrographSet:
            if stop.is_set():
                raise _StoppedError
            try:
                return find_micrographs([folder])
            except ActivepickError:  # there is no micrograph yet
                return MicrographSet([], {}, [])

        try:
            for found in watch(find, _log.info, every=_EVERY):
                self._found.emit(stop, [one.path for one in found.found])
        except (_StoppedError, RuntimeError):  # or the window was deleted
            return
        except Exception:
            _log.exception("watching %s failed", folder)

    def _on_found(self, stop: threading.Event, files: list[Path]) -> None:
        if stop is self._stop and not stop.is_set():
            self._files.update(dict.fromkeys(filter(has_micrograph_extension, files)))
            self._add()

    def _add(self) -> None:
        """Add the micrographs that were found, as soon as a session is open."""
        if self._session is not None:
            self._controller.add_files(list(self._files))
            self._files.clear()

    def _on_ended(self, lane: str) -> None:
        if lane == "peaks":
            self.call(self._pick)

    def _pick(self, session: OpenSession) -> None:
        """Pick micrographs that have no picks yet, unless a prediction is running.

        Picks of earlier heads are kept: a long dataset would otherwise be picked again after each
        answer, before its new micrographs.
        """
        if self.folder is None or not session.workspace.ready or session.dataset.predicting:
            return
        if session.jobs.busy("peaks"):
            return  # stored picks are not known yet
        new = session.dataset.never_picked()
        if new:
            session.dataset.predict(micrographs=new, quiet=True)

"""What can be done to the micrographs and settings of a session, in one call each."""

import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from activepick.errors import SessionError
from activepick.session.micrograph_files import (
    FileCheck,
    check_files,
    find_file,
    fingerprint,
    relative_path,
)
from activepick.session.model import actions as a
from activepick.session.model.state import MicrographEntry, Progress, SessionState

__all__ = ["MicrographVerbs"]


class MicrographVerbs(ABC):
    """Actions on micrographs and settings by name; errors are those of `do`."""

    folder: Path
    _acting: threading.RLock

    @property
    @abstractmethod
    def state(self) -> SessionState:
        """Everything as it is now."""

    @abstractmethod
    def do(self, action: a.Action) -> int:
        """Do an action."""

    def add_micrographs(
        self, paths: Iterable[str | os.PathLike[str]], defocus_angstrom: Sequence[float | None] = ()
    ) -> list[int]:
        """Take files into the session; those that are in it already stay as they are.

        Parameters
        ----------
        paths
            The files. Each is read in a few places: slow for thousands on a network.
        defocus_angstrom
            One for each path, None where it is not known.

        Returns
        -------
        list of int
            The number of each path's micrograph.

        Raises
        ------
        MicrographError
            When one cannot be read; none is added then.
        """
        files = [Path(os.path.abspath(path)) for path in paths]
        entries = self.state.micrographs.values()
        known = {find_file(self.folder, e) or Path(e.absolute): e.id for e in entries}
        prints = {file: fingerprint(file) for file in files if file not in known}
        defocus = dict(zip(files, defocus_angstrom, strict=False))
        # The disk was asked before, so that nobody who clicks meanwhile waits for it.
        with self._acting:
            now = self.state.micrographs
            known |= {Path(now[i].absolute): i for i in now.keys() - set(known.values())}
            new = [
                MicrographEntry(
                    id=number,
                    relative=relative_path(file, self.folder),
                    absolute=str(file),
                    fingerprint=prints[file],
                    defocus_angstrom=defocus.get(file),
                )
                for number, file in enumerate((f for f in prints if f not in known), 1 + len(now))
            ]
            if new:
                self.do(a.AddMicrographs(micrographs=tuple(new)))
        known |= {Path(entry.absolute): entry.id for entry in new}
        return [known[file] for file in files]

    def find_micrograph(self, micrograph: int) -> Path:
        """Give the file of a micrograph; SessionError when it is at neither of its paths."""
        entry = self.state.micrographs[micrograph]
        path = find_file(self.folder, entry)
        if path is None:
            beside = f" nor {self.folder / entry.relative}" if entry.relative else ""
            raise SessionError(
                f"{entry.name} is missing: there is neither {entry.absolute}{beside}. Put it back, "
                "or say where it lies now. Its labels are kept."
            )
        return path

    def check_micrographs(self, micrographs: Iterable[int] | None = None) -> FileCheck:
        """Look for missing and changed files, of all micrographs or some; slow for thousands."""
        wanted = self.state.micrographs if micrographs is None else list(micrographs)
        return check_files(self.folder, [self.state.micrographs[i] for i in wanted])

    def relink_micrograph(self, micrograph: int, path: str | os.PathLike[str] | None = None) -> int:
        """Say that a missing micrograph lies elsewhere, or that a changed one is right as it is."""
        new = self.find_micrograph(micrograph) if path is None else Path(os.path.abspath(path))
        return self.do(
            a.RelinkMicrograph(
                micrograph=micrograph,
                relative=relative_path(new, self.folder),
                absolute=str(new),
                fingerprint=fingerprint(new),
            )
        )

    def set_progress(self, micrograph: int, progress: Progress) -> int:
        """Say how far a micrograph is: "unseen", "seen", "done" or "rejected"."""
        return self.do(a.SetProgress(micrograph=micrograph, progress=progress))

    def set_settings(self, **changes: Any) -> int:
        """Change settings.

        A new diameter, pixel size, polarity, model or normalisation asks for a new working radius;
        a new model or normalisation also takes the head away that learning starts from.
        """
        scale = {"diameter_angstrom", "pixel_size_angstrom", "inverted", "model", "normalisation"}
        now = self.state.settings
        new = {name for name, value in changes.items() if value != getattr(now, name, value)}
        if new & scale:
            changes = {"working_radius_px": None, "working_radii_px": (), **changes}
        if new & {"model", "normalisation"}:
            changes = {"base_head": None, **changes}
        return self.do(a.SetSettings(changes=changes))

"""The micrographs of a session."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import ValidationError

from activepick.errors import MicrographError, SessionError
from activepick.micrograph.identity import fingerprint
from activepick.session.action_log import ActionLog
from activepick.session.micrograph_files import (
    FileCheck,
    check_files,
    find_file,
    relative_path,
)
from activepick.session.model import actions as a
from activepick.session.model.settings import Settings
from activepick.session.model.state import Area, MicrographEntry

if TYPE_CHECKING:
    from activepick.micrograph import Micrograph

__all__ = ["Micrographs", "open_micrograph"]


def open_micrograph(path: Path, settings: Settings) -> "Micrograph":
    """Return the micrograph of a file, with the pixel size and polarity of the settings."""
    from activepick.micrograph import Micrograph

    return Micrograph(path, settings.pixel_size_angstrom, settings.inverted)


class Micrographs:
    """Adds, finds and changes the micrographs of a session.

    The entries are in `SessionState.micrographs`. Methods raise the errors of `Session.do`.

    Parameters
    ----------
    log
        The session.
    folder
        Its folder.
    """

    def __init__(self, log: ActionLog, folder: Path) -> None:
        self._log = log
        self._folder = folder

    def add(
        self, paths: Iterable[str | os.PathLike[str]], defocus_angstrom: Sequence[float | None] = ()
    ) -> list[int]:
        """Add files; files that are in the session already are not changed.

        Parameters
        ----------
        paths
            The files. Parts of each are read, which is slow for thousands of files on a network.
        defocus_angstrom
            Mean defocus in Å of each file; None if it is not known.

        Returns
        -------
        list of int
            The number of the micrograph of each path.

        Raises
        ------
        MicrographError
            If a file cannot be read, or its path is not valid UTF-8; no file is added in this case.
        """
        from activepick.formats.names import is_utf8, name_problem  # loads pandas

        files = [Path(os.path.abspath(path)) for path in paths]
        for file in files:
            problem = name_problem(file.name)
            if problem is not None or not is_utf8(str(file)):
                reason = problem or "a folder in its path has a name that is not valid UTF-8"
                raise MicrographError(
                    f"{str(file)!r} cannot be added to a session ({reason}): rename it."
                )
        entries = self._log.state.micrographs.values()
        known = {find_file(self._folder, e) or Path(e.absolute): e.id for e in entries}
        prints = {file: fingerprint(file) for file in files if file not in known}
        defocus = dict(zip(files, defocus_angstrom, strict=False))
        # Files are read before the log is locked, so that no click waits for a disk.
        with self._log.exclusive():
            now = self._log.state.micrographs
            known |= {Path(now[i].absolute): i for i in now.keys() - set(known.values())}
            new = [
                MicrographEntry(
                    id=number,
                    relative=relative_path(file, self._folder),
                    absolute=str(file),
                    fingerprint=prints[file],
                    defocus_angstrom=defocus.get(file),
                )
                for number, file in enumerate((f for f in prints if f not in known), 1 + len(now))
            ]
            if new:
                self._log.do(a.AddMicrographs(micrographs=tuple(new)))
        known |= {Path(entry.absolute): entry.id for entry in new}
        return [known[file] for file in files]

    def entry(self, micrograph: int) -> MicrographEntry:
        """Return the entry of a micrograph.

        Raises
        ------
        SessionError
            If the session has no such micrograph.
        """
        entry = self._log.state.micrographs.get(micrograph)
        if entry is None:
            raise SessionError(f"there is no micrograph {micrograph} in this session")
        return entry

    def path(self, micrograph: int) -> Path:
        """Return the file of a micrograph.

        Raises
        ------
        SessionError
            If the session has no such micrograph, or its file is at neither of its paths.
        """
        entry = self.entry(micrograph)
        path = find_file(self._folder, entry)
        if path is None:
            beside = f" or {self._folder / entry.relative}" if entry.relative else ""
            raise SessionError(
                f"{entry.name} is missing: there is no file {entry.absolute}{beside}. Put it back, "
                "or choose its new location. Its labels are kept."
            )
        return path

    def unchanged_path(self, micrograph: int) -> Path:
        """Return the file of a micrograph if it has not changed since it was added.

        Raises
        ------
        SessionError
            If it is missing or has changed.
        MicrographError
            If it cannot be read.
        """
        path = self.path(micrograph)
        if fingerprint(path) != self.entry(micrograph).fingerprint:
            raise SessionError(
                f"{path} has changed since it was added, so its labels may no longer fit. "
                "Put the old file back, or accept the changed one (relink)."
            )
        return path

    def open(self, micrograph: int) -> "Micrograph":
        """Return a micrograph with the pixel size and polarity of the settings.

        Raises
        ------
        SessionError
            As in `path`.
        """
        return open_micrograph(self.path(micrograph), self._log.state.settings)

    def check(self, micrographs: Iterable[int] | None = None) -> FileCheck:
        """Find missing and changed files; slow for thousands of micrographs.

        Parameters
        ----------
        micrographs
            Numbers of micrographs; None for all.
        """
        wanted = self._log.state.micrographs if micrographs is None else micrographs
        return check_files(self._folder, [self.entry(number) for number in wanted])

    def relink(self, micrograph: int, path: str | os.PathLike[str] | None = None) -> int:
        """Set the path of a micrograph that was moved, or accept a changed file.

        Parameters
        ----------
        micrograph
            Its number.
        path
            Its new path; None to accept the file at its present path.

        Returns
        -------
        int
            The number of the action.

        Raises
        ------
        SessionError, MicrographError
            If the file is missing or cannot be read.
        """
        new = self.path(micrograph) if path is None else Path(os.path.abspath(path))
        return self._log.do(
            a.RelinkMicrograph(
                micrograph=micrograph,
                relative=relative_path(new, self._folder),
                absolute=str(new),
                fingerprint=fingerprint(new),
            )
        )

    def set_status(self, micrograph: int, status: Literal["unseen", "seen", "done"]) -> int:
        """Set the status of a micrograph that is not rejected; return the number of the action.

        Parameters
        ----------
        micrograph
            Its number.
        status
            "unseen", "seen" or "done". Rejections can be undone: see `set_rejected`.
        """
        return self._log.do(a.SetStatus(micrograph=micrograph, status=status))

    def set_rejected(self, micrograph: int, rejected: bool) -> int:
        """Reject a micrograph, or un-reject it as "seen"; return the number of the action.

        Parameters
        ----------
        micrograph
            Its number.
        rejected
            Whether it is rejected.
        """
        return self._log.do(a.SetRejected(micrograph=micrograph, rejected=rejected))

    def set_areas(self, micrograph: int, polygons: Iterable[Sequence[Sequence[float]]]) -> int:
        """Replace the excluded areas of a micrograph.

        Parameters
        ----------
        micrograph
            Its number.
        polygons
            Each a sequence of at least three corners (x, y) in original pixels.

        Returns
        -------
        int
            The number of the action.

        Raises
        ------
        SessionError
            If a polygon has fewer corners, or the micrograph does not exist.
        """
        try:
            areas = [Area(vertices=tuple((float(x), float(y)) for x, y in p)) for p in polygons]
        except ValidationError:
            raise SessionError("An area needs at least three corners.") from None
        return self._log.do(a.SetAreas(micrograph=micrograph, areas=tuple(areas)))

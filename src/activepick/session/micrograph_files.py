"""Find the files of the micrographs of a session, and detect changed ones."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from activepick.errors import MicrographError
from activepick.micrograph.identity import fingerprint
from activepick.session.model.state import MicrographEntry

__all__ = ["FileCheck", "check_files", "find_file", "relative_path"]


def relative_path(path: Path, folder: Path) -> str | None:
    """Return a path relative to a folder, with forward slashes; None if on another drive."""
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:
        return None


def find_file(folder: Path, entry: MicrographEntry) -> Path | None:
    """Return the file of a micrograph, None if it is missing.

    The path relative to the session is tried first, then the absolute path.

    Parameters
    ----------
    folder
        The session.
    entry
        The micrograph.
    """
    beside = [] if entry.relative is None else [Path(os.path.normpath(folder / entry.relative))]
    # os.path takes a name that no file can have for one that is not there.
    return next((p for p in [*beside, Path(entry.absolute)] if os.path.isfile(p)), None)


@dataclass(frozen=True)
class FileCheck:
    """Micrographs whose files have a problem, by number.

    Attributes
    ----------
    missing
        Not found.
    changed
        Found, but changed since they were added.
    unreadable
        Found, but cannot be read.
    """

    missing: Sequence[int] = field(default_factory=list)
    changed: Sequence[int] = field(default_factory=list)
    unreadable: Sequence[int] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.missing or self.changed or self.unreadable)


def check_files(folder: Path, entries: Iterable[MicrographEntry]) -> FileCheck:
    """Find micrographs and compare their fingerprints; slow for thousands of them.

    Parameters
    ----------
    folder
        The session.
    entries
        The micrographs.
    """
    missing, changed, unreadable = [], [], []
    for entry in entries:
        path = find_file(folder, entry)
        if path is None:
            missing.append(entry.id)
            continue
        try:
            if fingerprint(path) != entry.fingerprint:
                changed.append(entry.id)
        except MicrographError:
            unreadable.append(entry.id)
    return FileCheck(missing, changed, unreadable)

"""Where the micrographs of a session lie, and whether they are still the same."""

import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from activepick.errors import MicrographError
from activepick.session.model.state import MicrographEntry

__all__ = ["FileCheck", "check_files", "find_file", "fingerprint", "relative_path"]

_END_BYTES = 64 * 1024
_SAMPLES, _SAMPLE_BYTES = 16, 4096


def fingerprint(path: Path) -> str:
    """Hash the size, both ends and 16 places between them: a copy has the same, whenever made.

    Raises
    ------
    MicrographError
        When the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            digest = hashlib.blake2b(str(size).encode(), digest_size=16)
            digest.update(file.read(_END_BYTES))
            for k in range(_SAMPLES):
                file.seek(size * k // _SAMPLES)
                digest.update(file.read(_SAMPLE_BYTES))
            file.seek(max(0, size - _END_BYTES))
            digest.update(file.read(_END_BYTES))
    except OSError as error:
        raise MicrographError(f"{path} cannot be read: {error.strerror or error}.") from error
    return digest.hexdigest()


def relative_path(path: Path, folder: Path) -> str | None:
    """Give the path from a folder with forward slashes; None from one drive to another."""
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:
        return None


def find_file(folder: Path, entry: MicrographEntry) -> Path | None:
    """Find a micrograph beside the session, or else where it was when it was added."""
    beside = [] if entry.relative is None else [Path(os.path.normpath(folder / entry.relative))]
    return next((p for p in [*beside, Path(entry.absolute)] if p.is_file()), None)


@dataclass(frozen=True)
class FileCheck:
    """What became of micrographs, by number.

    Attributes
    ----------
    missing
        Not found at either path.
    changed
        Found, with another content than when they were added.
    unreadable
        Found, but not to be read.
    """

    missing: Sequence[int] = field(default_factory=list)
    changed: Sequence[int] = field(default_factory=list)
    unreadable: Sequence[int] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.missing or self.changed or self.unreadable)


def check_files(folder: Path, entries: Iterable[MicrographEntry]) -> FileCheck:
    """Look for micrographs and compare them with what they were; slow for thousands of them.

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

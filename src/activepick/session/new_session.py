"""Plan a new session: its micrographs, and the folder in which it will be created."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from activepick.errors import SessionError
from activepick.micrograph.discovery import find_micrographs
from activepick.micrograph.extensions import EXTENSIONS, has_micrograph_extension
from activepick.session.session import SUFFIX
from activepick.session.store.header import HEADER

__all__ = ["NewSession", "new_session_of", "session_at"]


@dataclass(frozen=True)
class NewSession:
    """A session that will be created once the particle diameter is known.

    Attributes
    ----------
    folder
        Folder in which the session will be created; it does not exist yet.
    files
        The micrographs; those of folders are sorted by name.
    pixel_size_angstrom
        Å per pixel if a list gives one for all micrographs; None to read it from the files.
    defocus_angstrom
        Mean defocus of each file in Å, None if no list has it; empty if none is known.
    notices
        Sentences on files that were left out.
    """

    folder: Path
    files: tuple[Path, ...]
    pixel_size_angstrom: float | None = None
    defocus_angstrom: tuple[float | None, ...] = ()
    notices: tuple[str, ...] = ()


def session_at(path: Path) -> Path | None:
    """Return the session at a path, or None.

    Parameters
    ----------
    path
        A session, its ``session.json``, or a folder of micrographs with a session.
    """
    if path.name == HEADER:
        return path.parent
    if (path / HEADER).is_file():
        return path
    beside = _named_after(path)
    return beside if path.is_dir() and (beside / HEADER).is_file() else None


def new_session_of(paths: Sequence[Path], elsewhere: Path) -> NewSession:
    """Plan a session for micrographs.

    Parameters
    ----------
    paths
        Folders, files and lists of micrographs, as for
        `activepick.micrograph.discovery.find_micrographs`.
    elsewhere
        Folder for the session if it cannot be created beside the micrographs.

    Raises
    ------
    ActivepickError
        If there are no micrographs, or a list cannot be read.
    """
    micrographs = find_micrographs(paths)
    found = [each for each in micrographs.found if has_micrograph_extension(each.path)]
    if not found:
        if micrographs.missing:
            reason = next(iter(micrographs.missing.values()))
            raise SessionError(f"{reason} Keep the folders of the project together.")
        names = ", ".join(str(path) for path in paths[:3])
        raise SessionError(
            f"{names}: no micrographs. Their extensions are {', '.join(EXTENSIONS)}."
        )
    notices = [str(notice) for notice in micrographs.notices]
    others = len(micrographs.found) - len(found)
    if others:
        notices.append(f"left out because they are not micrographs: {others} of the files")
    if micrographs.missing:
        reason = next(iter(micrographs.missing.values()))
        notices.append(f"left out: {len(micrographs.missing)}, such as: {reason}")
    sizes = {each.pixel_size_angstrom for each in found}
    defocus = tuple(each.defocus_angstrom for each in found)
    home = paths[0] if paths[0].is_dir() else found[0].path.parent
    return NewSession(
        _free(_named_after(home), elsewhere),
        tuple(each.path for each in found),
        sizes.pop() if len(sizes) == 1 else None,
        defocus if any(value is not None for value in defocus) else (),
        tuple(notices),
    )


def _named_after(folder: Path) -> Path:
    folder = Path(os.path.abspath(folder))
    return folder / f"{folder.name or 'micrographs'}{SUFFIX}"


def _free(wanted: Path, elsewhere: Path) -> Path:
    """Return the folder, or one with a number, that does not exist and can be created."""
    home = wanted.parent if os.access(wanted.parent, os.W_OK) else elsewhere
    number, folder = 1, home / wanted.name
    while folder.exists():
        number += 1
        folder = home / f"{wanted.stem} {number}{SUFFIX}"
    return folder

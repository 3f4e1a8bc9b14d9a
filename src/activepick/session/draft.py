"""A session before it exists: the micrographs that were opened, and where it is going to lie."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from activepick.errors import SessionError
from activepick.micrograph import has_micrograph_extension
from activepick.session.session import SUFFIX
from activepick.session.store.header import HEADER

__all__ = ["Draft", "draft_of", "session_at"]


@dataclass(frozen=True)
class Draft:
    """What is known before the particle's diameter is.

    Attributes
    ----------
    folder
        Where the session is going to lie, a folder that does not exist.
    files
        The micrographs, in name order.
    pixel_size_angstrom
        Å per pixel where something but the files themselves says so.
    defocus_angstrom
        One for each file, None where it is not known; or none at all.
    """

    folder: Path
    files: tuple[Path, ...]
    pixel_size_angstrom: float | None = None
    defocus_angstrom: tuple[float | None, ...] = ()


def session_at(path: Path) -> Path | None:
    """Give the session that a path means: itself, its `session.json`, or the one in a folder.

    A folder of micrographs means the session that was made for it, if there is one.
    """
    if path.name == HEADER:
        return path.parent
    if (path / HEADER).is_file():
        return path
    beside = _named_after(path)
    return beside if path.is_dir() and (beside / HEADER).is_file() else None


def draft_of(paths: Sequence[Path], elsewhere: Path) -> Draft:
    """Plan a session for folders and files.

    Parameters
    ----------
    paths
        Folders of micrographs, and micrographs.
    elsewhere
        Folder for the session when the micrographs lie where nothing can be written.

    Raises
    ------
    SessionError
        When there is no micrograph among them.
    """
    files: list[Path] = []
    for path in paths:
        inside = sorted(path.iterdir()) if path.is_dir() else [path]
        files += [file for file in inside if has_micrograph_extension(file)]
    if not files:
        names = ", ".join(str(path) for path in paths[:3])
        raise SessionError(
            f"{names}: there are no micrographs here. Motion-corrected micrographs are MRC, TIFF, "
            "PNG or JPEG files."
        )
    home = paths[0] if paths[0].is_dir() else files[0].parent
    return Draft(_free(_named_after(home), elsewhere), tuple(dict.fromkeys(files)))


def _named_after(folder: Path) -> Path:
    folder = Path(os.path.abspath(folder))
    return folder / f"{folder.name or 'micrographs'}{SUFFIX}"


def _free(wanted: Path, elsewhere: Path) -> Path:
    """Give the wanted folder or one with a number, where it can be made and does not exist."""
    home = wanted.parent if os.access(wanted.parent, os.W_OK) else elsewhere
    number, folder = 1, home / wanted.name
    while folder.exists():
        number += 1
        folder = home / f"{wanted.stem} {number}{SUFFIX}"
    return folder

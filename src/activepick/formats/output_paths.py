"""Return the file of each micrograph in a folder, always inside it."""

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from activepick.errors import TableError
from activepick.formats.names import without_ending

__all__ = ["output_paths", "visible_files", "within_job"]

# MotionCorr/job002/Movies/a.mrc is Movies/a in the folder of every later job, as in RELION
# (decomposePipelineFileName).
_JOB = re.compile(r"^.*?(?:^|/)job\d{3,}/")
_ROOT = re.compile(r"^(?:[A-Za-z]:)?/")
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f<>:"|?*]')
_LONGEST = 200


def output_paths(
    names: Iterable[str], folder: Path, ending: str, *, tree: bool
) -> Mapping[str, Path]:
    """Return the file of each micrograph, by its name.

    Parameters
    ----------
    names
        Names of micrographs, with or without folders.
    folder
        Folder of the files; they are in it or in its subfolders.
    ending
        End of the file name, after the micrograph's name without extension.
    tree
        Whether the folders of relative names are kept, without those of jobs, as in RELION.
        Otherwise folders are used only if two files would have the same path.

    Raises
    ------
    TableError
        If two micrographs would have the same file, or a file would be outside of the folder
        because a subfolder is a link.
    """
    parts = {name: _parts(name) for name in dict.fromkeys(names)}
    if not tree or any(_ROOT.match(name.replace("\\", "/")) for name in parts):
        flat = {name: own[-1:] for name, own in parts.items()}
        if len({tuple(own) for own in flat.values()}) == len(flat):
            parts = flat
    paths: dict[str, Path] = {}
    owners: dict[str, str] = {}
    root = folder.resolve()
    for name, own in parts.items():
        path = folder.joinpath(*own[:-1], own[-1] + ending)
        # On many disks, names that differ only in case are the same file.
        other = owners.setdefault(path.as_posix().lower(), name)
        if other != name:
            raise TableError(
                f"{folder}: {other!r} and {name!r} would both be written to {path}: write them to "
                "two folders, or to one file"
            )
        if len(own) > 1 and not path.parent.resolve().is_relative_to(root):
            raise TableError(
                f"{path}: this is outside of {folder}, through a link; remove the link"
            )
        paths[name] = path
    return paths


def within_job(name: str) -> str:
    """Return a path without the part up to its job of RELION: ``MotionCorr/job002/M/a`` is ``M/a``.

    Parameters
    ----------
    name
        Path with slashes or backslashes; without a job it stays as it is, with slashes.
    """
    return _JOB.sub("", name.replace("\\", "/"))


def _parts(name: str) -> list[str]:
    """Return folders and the name without extension, without characters that change the folder."""
    plain = _ROOT.sub("", within_job(name))
    *folders, last = [part for part in plain.split("/") if part not in ("", ".", "..")] or ["_"]
    return [_FORBIDDEN.sub("_", part)[:_LONGEST].strip() or "_" for part in folders] + [
        _FORBIDDEN.sub("_", without_ending(last))[-_LONGEST:].strip() or "_"
    ]


def visible_files(folder: Path) -> list[Path]:
    """Return all files in a folder and its subfolders, sorted, without hidden ones.

    Parameters
    ----------
    folder
        The folder; links to other folders are not followed.
    """
    found = []
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(place, name) for name in names if not name.startswith(".")]
    return sorted(path for path in found if path.is_file())

"""Find files that are listed in RELION projects, and return names of files in projects."""

import os
import re
from collections.abc import Callable
from pathlib import Path

from activepick.formats.names import without_image_number

__all__ = [
    "find_in_project",
    "name_in_project",
    "project_finder",
    "project_folder",
    "searched_folders",
]

_PIPELINE = "default_pipeline.star"
_JOB = re.compile(r"job\d{3,}")
_JOB_TYPE = re.compile(
    "AutoPick|Class[23]D|CtfFind|CtfRefine|Extract|External|Import|InitialModel|JoinStar|"
    "ManualPick|MotionCorr|Polish|Refine3D|Select|Subtract"
)


def find_in_project(name: str, list_path: str | os.PathLike[str]) -> Path | None:
    """Return the file of a name in a list, or None if there is no such file.

    A name is relative to the folder of the list, to a folder above it (names in a RELION project
    begin at the project folder), or to the working folder; the first file in this order is
    returned. An absolute name is looked up as it is; backslashes separate folders, too. A number of
    an image in a stack in front of the name (``000003@stack.mrcs``) is ignored.

    Parameters
    ----------
    name
        Name in the list.
    list_path
        The list.
    """
    return project_finder(list_path)(name)


def project_finder(list_path: str | os.PathLike[str]) -> Callable[[str], Path | None]:
    """Return `find_in_project` for one list, which remembers the folders that exist.

    Thousands of names in a few folders take little more time than a check of each file.

    Parameters
    ----------
    list_path
        The list.
    """
    places = searched_folders(list_path)
    candidates: dict[str, list[Path]] = {}

    def find(name: str) -> Path | None:
        found = look_up(without_image_number(name))
        # A list that was written on Windows.
        return found or (look_up(name.replace("\\", "/")) if "\\" in name else None)

    def look_up(name: str) -> Path | None:
        folder, file = os.path.split(name)
        if folder not in candidates:
            inside = (place / folder for place in places)
            # os.path treats an invalid file name as one that does not exist.
            candidates[folder] = [place for place in inside if os.path.isdir(place)]
        found = (place / file for place in candidates[folder] if os.path.isfile(place / file))
        return next(found, None) if file else None

    return find


def searched_folders(list_path: str | os.PathLike[str]) -> list[Path]:
    """Return the folders in which names of a list are looked up, in this order.

    Parameters
    ----------
    list_path
        The list.

    Returns
    -------
    list of Path
        The folder of the list, spelled as in `list_path`, those above it, and the working folder.
    """
    folder = Path(list_path).parent
    above = folder.absolute().parents
    work = Path.cwd()
    return [folder, *above] if work in (folder.absolute(), *above) else [folder, *above, work]


def project_folder(path: str | os.PathLike[str]) -> Path | None:
    """Return the folder of the RELION project that a file or folder is in, or None.

    It holds ``default_pipeline.star``; where there is none, it is the folder above that of a job
    such as ``AutoPick/job007``.

    Parameters
    ----------
    path
        The file or folder, which need not exist.
    """
    whole = Path(os.path.abspath(path))
    folders = [whole, *whole.parents]
    for folder in folders:
        if (folder / _PIPELINE).is_file():
            return folder
    for folder in folders[:-2]:
        if _JOB.fullmatch(folder.name) and _JOB_TYPE.fullmatch(folder.parent.name):
            return folder.parent.parent
    return None


def name_in_project(name: str, project: Path) -> str:
    """Return a name as RELION uses it in a project: from the project folder.

    Parameters
    ----------
    name
        Path of a file, absolute, from the project folder or from the working folder.
    project
        The project folder, absolute.

    Returns
    -------
    str
        Name with slashes. A name that is already relative to the project, or outside of it, is not
        changed.
    """
    if not os.path.isabs(name) and os.path.exists(project / name):
        return name
    whole = os.path.abspath(name)
    if not os.path.isabs(name) and not os.path.exists(whole):
        return name
    if Path(whole).is_relative_to(project):
        return Path(whole).relative_to(project).as_posix()
    if os.path.exists(whole):
        # The same folder may be reached by a link.
        real, folder = Path(os.path.realpath(whole)), project.resolve()
        if real.is_relative_to(folder):
            return real.relative_to(folder).as_posix()
    return name

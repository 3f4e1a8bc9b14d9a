"""Files that a list names: where they lie on this machine."""

import os
import re
from collections.abc import Callable
from pathlib import Path

__all__ = ["find_in_project", "project_finder", "searched_folders"]

# RELION's "third image of this stack".
_IMAGE_OF_STACK = re.compile(r"^\d+@")


def find_in_project(name: str, list_path: str | os.PathLike[str]) -> Path | None:
    """Return the file that a list names, or None if there is no such file.

    A name is relative to the folder of the list, to a folder above it (names in a RELION project
    begin at the project folder), or to the working folder; the first file in this order is
    returned. An absolute name is looked up as it is. A number of an image in a stack in front of
    the name (``000003@stack.mrcs``) is ignored.

    Parameters
    ----------
    name
        Name as it stands in the list.
    list_path
        The list.
    """
    return project_finder(list_path)(name)


def project_finder(list_path: str | os.PathLike[str]) -> Callable[[str], Path | None]:
    """Return `find_in_project` for one list, which remembers the folders that exist.

    Thousands of names in a few folders cost little more than a look at each file.

    Parameters
    ----------
    list_path
        The list.
    """
    places = searched_folders(list_path)
    candidates: dict[str, list[Path]] = {}

    def find(name: str) -> Path | None:
        name = _IMAGE_OF_STACK.sub("", name)
        folder, file = os.path.split(name)
        if folder not in candidates:
            inside = (place / folder for place in places)
            # os.path takes a name that no file can have for one that is not there.
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

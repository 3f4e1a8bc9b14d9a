"""Which micrographs are meant: files, folders, lists of names, and RELION's STAR files."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from activepick.batch.optics import OpticsGroups
from activepick.errors import SettingsError
from activepick.formats import read_relion_micrographs
from activepick.formats.text import read_text
from activepick.micrograph import Micrograph, has_micrograph_extension

__all__ = ["LISTS", "Source", "Sources", "find_sources"]

LISTS = (".txt", ".lst", ".list")


@dataclass(frozen=True)
class Source:
    """A micrograph that is to be picked.

    Attributes
    ----------
    path
        Where it lies.
    name
        What tables call it: RELION finds picks by exactly this string.
    pixel_size_angstrom
        Å per pixel; what the header says if None.
    inverted
        Whether particles are bright.
    """

    path: Path
    name: str
    pixel_size_angstrom: float | None = None
    inverted: bool = False

    def micrograph(self) -> Micrograph:
        """Give the file as a micrograph; nothing is read yet."""
        return Micrograph(self.path, self.pixel_size_angstrom, self.inverted)


@dataclass
class Sources:
    """What was found, in order, and the names in lists that are not there with the reason.

    The optics groups are those of the lists.
    """

    found: list[Source] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)
    optics: OpticsGroups = field(default_factory=OpticsGroups)


def find_sources(
    paths: Sequence[Path],
    pixel_size_angstrom: float | None = None,
    inverted: bool = False,
    *,
    may_be_empty: bool = False,
) -> Sources:
    """Give the micrographs that were named, those of folders in name order.

    Names in a list begin at the folder of the list or at one above it (a RELION project's names
    begin at the project); whatever a list says, files are only read there, and only micrographs.

    Parameters
    ----------
    paths
        Micrographs, folders of them, STAR files with a column ``rlnMicrographName``, and text files
        (`LISTS`) with a name on each line, where lines that begin with # are left out.
    pixel_size_angstrom
        For all of them; what a STAR file or the headers say if None.
    inverted
        Whether particles are bright.
    may_be_empty
        Whether folders and lists without micrographs are no error, since some are still to come.

    Raises
    ------
    SettingsError
        When a folder or a list names no micrograph.
    TableError
        When a list cannot be read.
    """
    sources = Sources()
    known: set[Path] = set()

    def add(path: Path, name: str, size: float | None) -> None:
        if path not in known:
            known.add(path)
            sources.found.append(Source(path, name, size, inverted))

    for path in paths:
        kind = path.suffix.lower()
        if path.is_dir():
            inside = sorted(p for p in path.iterdir() if has_micrograph_extension(p))
            if not inside and not may_be_empty:
                raise SettingsError(f"{path}: there are no micrographs in this folder.")
            for file in inside:
                add(file, file.as_posix(), pixel_size_angstrom)
        elif kind == ".star" or kind in LISTS:
            sizes: Mapping[str, float] = {}
            if kind == ".star":
                star = read_relion_micrographs(path)
                names, sizes = list(star.names), star.pixel_sizes_angstrom
                sources.optics.add(star)
            else:
                names = _read_lines(path)
            if not names and not may_be_empty:
                raise SettingsError(f"{path}: there are no micrographs in this list.")
            find = _finder(path)
            for name in names:
                place = find(name)
                if place is None:
                    sources.missing[name] = f"{name} is named in {path} but is not there."
                else:
                    size = sizes.get(name) if pixel_size_angstrom is None else pixel_size_angstrom
                    add(place, name, size)
        else:
            add(path, path.as_posix(), pixel_size_angstrom)
    return sources


def _read_lines(path: Path) -> list[str]:
    lines = (line.strip() for line in read_text(path).split("\n"))
    return list(dict.fromkeys(line for line in lines if line and not line.startswith("#")))


def _finder(path: Path) -> Callable[[str], Path | None]:
    """Look for names in the folder of a list and those above it, first where the last one was."""
    places = [path.parent, *path.absolute().parent.parents]

    def find(name: str) -> Path | None:
        for place in places:
            if os.path.isfile(place / name):  # which takes a name that is too long for no file
                places.remove(place)
                places.insert(0, place)
                return place / name
        return None

    return find

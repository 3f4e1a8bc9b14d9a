"""Find micrographs in folders, files, text lists, RELION's lists and cryoSPARC's exposures.

All parts of the program use this module: the command line, batch runs, sessions and the window.
"""

import contextlib
import math
import os
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from activepick.errors import MicrographError, Notice
from activepick.files import unquoted
from activepick.formats import (
    Exposures,
    RelionMicrographs,
    read_exposures,
    read_relion_micrographs,
)
from activepick.formats.names import is_image_name, name_problem, without_image_number
from activepick.formats.project_files import project_finder, searched_folders
from activepick.formats.text import read_text
from activepick.micrograph.extensions import CONVERTIBLE, EXTENSIONS, MOVIES, extension
from activepick.micrograph.micrograph import Micrograph
from activepick.wording import counted

__all__ = ["TEXT_LISTS", "FoundMicrograph", "MicrographSet", "find_micrographs"]

TEXT_LISTS = (".txt", ".lst", ".list")

# Suffixes of files that motion correction and CTF estimation write beside NAME.mrc, such as
# NAME_PS.mrc. RELION: power spectrum, sum without dose weighting, half sums; MotionCor2: sum with
# dose weighting of selected frames, aligned frames; cryoSPARC: background, small pictures; CTFFIND:
# the spectrum beside its fit.
_COMPANION = re.compile(
    r"(?<=.)_(PS|noDW|EVE?N|ODD|DWS|Stk|background|thumb(_@\dx)?|ctf|ctffind|diag|pspec)$",
    re.IGNORECASE,
)
_HALF = re.compile(r"(?<=_)ODD$", re.IGNORECASE)
# If one of these is beside it, NAME is the sum without dose weighting (MotionCor2, cryoSPARC).
_DOSE_WEIGHTED = ("_DW", "_doseweighted")
# What cryoSPARC adds to the name of the micrograph, but not to those of its other files.
_ALIGNED = ("_patch_aligned", "_rigid_aligned", "_full_aligned")
_PREVIEWS = (".png", ".jpg", ".jpeg")
# Lists of micrographs that are written by RELION jobs.
_RELION_LISTS = ("micrographs_ctf.star", "corrected_micrographs.star", "micrographs.star")
# Subfolders are searched only for a message, which has to be fast.
_MOST_SECONDS = 1.0


@dataclass(frozen=True)
class FoundMicrograph:
    """A micrograph with the metadata that is known before its file is opened.

    Attributes
    ----------
    path
        The file.
    name
        Name in tables: exactly as in RELION's or cryoSPARC's list, since these programs match picks
        by it; otherwise the path as it was given.
    pixel_size_angstrom
        Å per pixel as given by the user or by a list; None if it is to be read from the header.
    inverted
        Whether particles are bright.
    defocus_angstrom
        Mean defocus of both axes in Å, if the list has it.
    """

    path: Path
    name: str
    pixel_size_angstrom: float | None = None
    inverted: bool = False
    defocus_angstrom: float | None = None

    def micrograph(self) -> Micrograph:
        """Return the micrograph; its file is not opened yet."""
        return Micrograph(self.path, self.pixel_size_angstrom, self.inverted)


@dataclass
class MicrographSet:
    """Micrographs that were found, and notices about the search.

    Attributes
    ----------
    found
        The micrographs, each file once, in the order in which they were named.
    missing
        Reason by name, for names in lists whose file does not exist, and for files whose name
        cannot be written to a table.
    relion_lists
        RELION's lists that were read, with their optics groups.
    exposures
        cryoSPARC's exposures that were read.
    notices
        Sentences on files that were left out.
    """

    found: list[FoundMicrograph] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)
    relion_lists: list[RelionMicrographs] = field(default_factory=list)
    exposures: list[Exposures] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)


def find_micrographs(
    paths: Sequence[Path],
    pixel_size_angstrom: float | None = None,
    inverted: bool = False,
    *,
    recursive: bool = False,
    may_be_empty: bool = False,
) -> MicrographSet:
    """Find micrographs.

    Parameters
    ----------
    paths
        Each is a micrograph, a folder of micrographs, a STAR file with a column
        ``rlnMicrographName``, a ``.cs`` or ``.csg`` file of exposures, or a text file
        (`TEXT_LISTS`) with a name on each line, in which empty lines and lines that begin with #
        are skipped. Names in lists are relative to the folder of the list, to one above it, or to
        the working folder.
    pixel_size_angstrom
        Å per pixel of all micrographs; None to take it from lists or headers.
    inverted
        Whether particles are bright.
    recursive
        Whether subfolders are searched as well.
    may_be_empty
        Whether folders and lists without micrographs are accepted, since files may be added later.

    Returns
    -------
    MicrographSet
        Micrographs of folders are sorted by name. Two paths to one file are one micrograph. Hidden
        files are skipped. Files that belong to a micrograph in the same folder (power spectra, sums
        without dose weighting, half sums, previews and compressed copies) are left out with a
        notice.

    Raises
    ------
    MicrographError
        If a folder or a list contains no micrographs, or two lists use one name for different
        files.
    TableError
        If a list cannot be read.
    """
    search = _Search(pixel_size_angstrom, inverted, recursive, may_be_empty)
    for path in paths:
        search.add(Path(unquoted(os.fspath(path))))
    return search.result()


@dataclass(frozen=True)
class _Candidate:
    """A micrograph and its path after links are resolved."""

    micrograph: FoundMicrograph
    resolved: Path
    # Lists of other programs contain only micrographs.
    is_certain: bool


class _Search:
    """Collects the micrographs of several paths."""

    def __init__(
        self,
        pixel_size_angstrom: float | None,
        inverted: bool,
        recursive: bool,
        may_be_empty: bool,
    ) -> None:
        self._pixel_size = pixel_size_angstrom
        self._inverted = inverted
        self._recursive = recursive
        self._may_be_empty = may_be_empty
        self._candidates: dict[Path, _Candidate] = {}
        self._folders: dict[Path, Path] = {}
        self._same: list[tuple[str, str]] = []
        self._set = MicrographSet()

    def add(self, path: Path) -> None:
        """Add the micrographs of one path."""
        ending = path.suffix.lower()
        if os.path.isdir(path):
            self._add_folder(path)
        elif ending == ".star":
            self._add_relion_list(path)
        elif ending in (".cs", ".csg"):
            self._add_exposures(path)
        elif ending in TEXT_LISTS:
            names = _read_names(path)
            self._add_list(path, names)
        else:
            self._add_file(path, path.as_posix())

    def result(self) -> MicrographSet:
        """Return the micrographs without companion files, and the notices."""
        companions = _companions(list(self._candidates.values()))
        found = self._set
        found.found = [c.micrograph for c in self._candidates.values() if c not in companions]
        _check_names(found.found)
        if companions:
            (first, main), *_ = companions.items()
            found.notices.append(
                Notice(
                    f"{_left_out(len(companions))} as belonging to a micrograph in the same folder "
                    "(power spectra, half sums, sums without dose weighting, previews, copies), "
                    f"such as {first.micrograph.name}, which belongs to {main.micrograph.name}; to "
                    "use such a file, name it without the micrograph"
                )
            )
        if self._same:
            name, other = self._same[0]
            found.notices.append(
                Notice(
                    f"{_left_out(len(self._same))} as the same file as another one, such as "
                    f"{name}, which is {other}"
                )
            )
        return found

    def _add_folder(self, folder: Path) -> None:
        files = sorted(_files_in(folder, self._recursive))
        endings = {extension(file) for file in files} & set(EXTENSIONS)
        for file in files:
            if extension(file) in endings:
                self._add_file(file, file.as_posix())
        if self._may_be_empty or (endings and self._recursive):
            return
        count, example = ("", None) if self._recursive else _micrographs_below(folder, endings)
        if not endings:
            option = "--recursive uses all" if example is not None else ""
            raise MicrographError(_nothing_in(folder, files, count, example), option=option)
        if example is not None:
            self._set.notices.append(
                Notice(
                    f"{folder}: its subfolders contain more micrographs ({count}), such as "
                    f"{example}; to use them, give their folder",
                    option="--recursive uses all",
                )
            )

    def _add_relion_list(self, path: Path) -> None:
        star = read_relion_micrographs(path)
        self._set.relion_lists.append(star)
        sizes, defocus = star.pixel_sizes_angstrom, star.defocus_angstrom
        self._add_list(path, star.names, sizes, defocus, is_certain=True)

    def _add_exposures(self, path: Path) -> None:
        exposures = read_exposures(path)
        self._set.exposures.append(exposures)
        rows = zip(exposures.names, exposures.pixel_sizes_angstrom.tolist(), strict=True)
        sizes = {name: size for name, size in rows if size > 0}
        rows = zip(exposures.names, exposures.defocus_angstrom.tolist(), strict=True)
        defocus = {name: value for name, value in rows if math.isfinite(value)}
        self._add_list(path, exposures.names, sizes, defocus, is_certain=True)

    def _add_list(
        self,
        path: Path,
        names: Sequence[str],
        sizes: dict[str, float] | None = None,
        defocus: dict[str, float] | None = None,
        is_certain: bool = False,
    ) -> None:
        if not names and not self._may_be_empty:
            raise MicrographError(f"{path}: there are no micrographs in this list.")
        find = project_finder(path)
        where: str | None = None
        for name in names:
            file = find(name)
            if file is None:
                where = where or _where(path)
                self._set.missing[name] = (
                    f"{name} is listed in {path} but does not exist: it was searched for in "
                    f"{where}."
                )
                continue
            size, own = (sizes or {}).get(name), (defocus or {}).get(name)
            self._add_file(file, name, size, own, is_certain)

    def _add_file(
        self,
        path: Path,
        name: str,
        size: float | None = None,
        defocus: float | None = None,
        is_certain: bool = False,
    ) -> None:
        problem = name_problem(name)
        if problem is not None:
            self._set.missing[name] = (
                f"{name!r} cannot be written to tables of picks ({problem}): rename it."
            )
            return
        resolved = self._resolved(path)
        before = self._candidates.get(resolved)
        if before is not None:
            if before.micrograph.name != name:
                self._same.append((name, before.micrograph.name))
            return
        size = size if self._pixel_size is None else self._pixel_size
        micrograph = FoundMicrograph(path, name, size, self._inverted, defocus)
        self._candidates[resolved] = _Candidate(micrograph, resolved, is_certain)

    def _resolved(self, path: Path) -> Path:
        """Return the path without links; each folder is resolved once for all its files."""
        try:
            if path.is_symlink() or path.name in ("", ".."):
                return path.resolve()
            if path.parent not in self._folders:
                self._folders[path.parent] = path.parent.resolve()
            return self._folders[path.parent] / path.name
        except (OSError, RuntimeError, ValueError):  # links in a circle, or a name no file can have
            return path.absolute()


def _read_names(path: Path) -> list[str]:
    """Return the names in a text file without duplicates and without image numbers in stacks."""
    lines = (line.strip() for line in read_text(path).split("\n"))
    lines = (_without_comment(line) for line in lines if line and not line.startswith("#"))
    names = map(unquoted, lines)
    return list(dict.fromkeys(_with_home(without_image_number(name)) for name in names))


def _without_comment(line: str) -> str:
    """Return a line without the comment after the name; names may contain a # themselves."""
    for comment in re.finditer(r"\s+#", line):
        name = line[: comment.start()]
        if is_image_name(name.rstrip("\"'")):
            return name
    return line


def _with_home(name: str) -> str:
    return os.path.expanduser(name) if name.startswith("~/") else name


def _where(path: Path) -> str:
    """Return a description of the folders in which the names of a list were searched for."""
    folder, *others = searched_folders(path)
    work = Path.cwd()
    last = f", and in {work}" if others and others[-1] == work else ""
    return f"{folder.absolute()}, in its parent folders{last}"


def _files_in(folder: Path, recursive: bool) -> Iterator[Path]:
    """Yield the files of a folder except hidden ones; links to folders are followed."""
    seen: set[Path] = set()
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        if (resolved := here.resolve()) in seen:
            continue
        seen.add(resolved)
        with os.scandir(here) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if not _is_folder(entry):
                    yield here / entry.name
                elif recursive and not entry.name.endswith(".activepick"):
                    waiting.append(here / entry.name)


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # links in a circle
        return False


def _micrographs_below(folder: Path, endings: set[str]) -> tuple[str, Path | None]:
    """Return a text with the number of micrographs in subfolders, and the first of them.

    Counting stops early in a large tree. If the folder itself contains micrographs, only some
    extensions are counted, since pictures in its subfolders are rarely micrographs.
    """
    found, is_whole = [], True
    end = time.monotonic() + _MOST_SECONDS
    # Folders without read permission are skipped.
    with contextlib.suppress(OSError):
        for file in _files_in(folder, recursive=True):
            if file.parent != folder and extension(file) in (endings or EXTENSIONS):
                found.append(file)
            if time.monotonic() > end:
                is_whole = False
                break
    count = str(len(found)) if is_whole else f"{len(found)} or more"
    return count, min(found, default=None)


def _nothing_in(folder: Path, files: Sequence[Path], count: str, example: Path | None) -> str:
    """Return a message for a folder without micrographs that suggests what to use instead."""
    start = f"{folder}: there are no micrographs in this folder"
    names = {file.name for file in files}
    listed = next((name for name in _RELION_LISTS if name in names), None)
    if listed is not None:
        return f"{start}, but there is a list of them: give {folder / listed}."
    if example is not None:
        return (
            f"{start} itself, but in its subfolders ({count}), such as {example}: give that folder."
        )
    kinds = {extension(file) for file in files}
    if kinds & set(MOVIES):
        return f"{start}, but there are movies: run motion correction first and give its output."
    if kinds & set(CONVERTIBLE):
        ending = min(kinds & set(CONVERTIBLE))
        return f"{start}, but there are {ending} files: convert them to MRC first."
    return f"{start}. Micrographs end in {', '.join(EXTENSIONS)}."


def _companions(candidates: Sequence[_Candidate]) -> dict[_Candidate, _Candidate]:
    """Return the companion files, each with the micrograph that it belongs to."""
    by_stem: dict[tuple[Path, str], list[_Candidate]] = {}
    for candidate in candidates:
        by_stem.setdefault(_stem(candidate), []).append(candidate)
    found = {}
    for (folder, stem), own in by_stem.items():
        main = _main_of(stem, {s for s in _related(stem) if (folder, s) in by_stem})
        for candidate in own:
            if candidate.is_certain:
                continue
            if main is not None:
                found[candidate] = by_stem[folder, main][0]
            elif (better := _better(candidate, own)) is not None:
                found[candidate] = better
    return found


def _stem(candidate: _Candidate) -> tuple[Path, str]:
    path = candidate.resolved
    return path.parent, path.name[: len(path.name) - len(extension(path))]


def _related(stem: str) -> list[str]:
    """Return stems of micrographs that a file with this stem may belong to, best first."""
    weighted = [stem + ending for ending in _DOSE_WEIGHTED]
    match = _COMPANION.search(stem)
    if match is None:
        return weighted
    base = stem[: match.start()]
    bases = [base, *(base + aligned for aligned in _ALIGNED)]
    found = [one + ending for one in bases for ending in (*_DOSE_WEIGHTED, "")]
    # Of two half sums without the whole one stays.
    halves = (_HALF.sub(half, stem) for half in ("EVN", "EVEN", "evn", "even"))
    return [*weighted, *found, *(half for half in halves if half != stem)]


def _main_of(stem: str, present: set[str]) -> str | None:
    return next((name for name in _related(stem) if name in present), None)


def _better(candidate: _Candidate, own: Sequence[_Candidate]) -> _Candidate | None:
    """Return the file of which another one is a preview or a compressed copy."""
    ending = extension(candidate.resolved)
    for other in own:
        kind = extension(other.resolved)
        is_preview = ending in _PREVIEWS and kind not in _PREVIEWS
        if is_preview or (ending.startswith(f"{kind}.") and other is not candidate):
            return other
    return None


def _check_names(found: Sequence[FoundMicrograph]) -> None:
    by_name: dict[str, FoundMicrograph] = {}
    for each in found:
        other = by_name.setdefault(each.name, each)
        if other is not each:
            raise MicrographError(
                f"{other.path} and {each.path} are both named {each.name}, so that their picks "
                "could not be distinguished: use the lists one at a time."
            )


def _left_out(count: int) -> str:
    return counted(count, "file is left out", "files are left out")

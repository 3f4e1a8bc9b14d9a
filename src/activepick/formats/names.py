"""Match names of micrographs in tables with micrographs."""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

__all__ = [
    "NameMatch",
    "is_image_name",
    "is_utf8",
    "match_names",
    "micrograph_stem",
    "name_problem",
    "without_ending",
    "without_image_number",
    "without_uid",
]

_IMAGES = (".mrc", ".mrcs", ".tif", ".tiff", ".png", ".jpg", ".jpeg", ".eer", ".gz", ".bz2")
_TABLES = (
    *(".star", ".box", ".cbox", ".txt", ".tab", ".tsv", ".csv", ".cs"),
    *(".json", ".coords", ".coord", ".pos", ".xmd"),
)
# Fixed suffixes of pickers. Other endings (_picks, _topazpicks, _particles) are chosen by users and
# may belong to the name of the micrograph: they are handled by `match_names`.
_PICKERS = re.compile(r"(?<=.)_(autopick|manualpick|automatch)$", re.IGNORECASE)
_EMAN_INFO = re.compile(r"(?<=.)_info(\.json)$", re.IGNORECASE)
# cryoSPARC's prefix of file names; usually 21 digits.
_CRYOSPARC_UID = re.compile(r"^\d{15,21}_(?=.)")
# Suffixes of motion correction: MotionCor2 _DW, cryoSPARC _patch_aligned_doseweighted, and so on.
_VARIANT = re.compile(
    r"(?<=.)_(dw|nodw|doseweighted|non_?dw|aligned|patch|rigid|full|mic|sum)$", re.IGNORECASE
)
_FRACTIONS = re.compile(r"(?<=.)_fractions$")
# Characters of the longest path that Linux opens.
_LONGEST = 4096
_SEPARATOR = re.compile(r"[_\-. ]+")
# RELION, Xmipp and Scipion: an image of a stack, such as 000001@Extract/job007/Movies/a.mrcs.
_IMAGE_OF_STACK = re.compile(r"^\d+@")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")


class NameMatch(dict[str, str]):
    """Micrograph name by table name, with the names that were not matched.

    Attributes
    ----------
    unmatched : list of str
        Table names that match no micrograph.
    ambiguous : dict of str to list of str
        Table names with the micrographs that each of them matches; none was chosen.
    loose : list of str
        Table names that match a micrograph only loosely, of which the user should be informed:
        without suffixes of motion correction, by the beginning of the name, or without regard to
        case.
    """

    def __init__(self) -> None:
        super().__init__()
        self.unmatched: list[str] = []
        self.ambiguous: dict[str, list[str]] = {}
        self.loose: list[str] = []


def name_problem(name: str) -> str | None:
    """Return the reason why tables cannot contain a name, as the end of a sentence, or None.

    Tables cannot contain line ends and other control characters, double quotes, and bytes that are
    not UTF-8, which Python represents as lone surrogates.
    """
    if _CONTROL.search(name):
        return "its name contains a line end or another control character"
    if '"' in name:
        return "its name contains a double quote"
    return None if is_utf8(name) else "its name is not valid UTF-8"


def is_utf8(name: str) -> bool:
    """Return whether a name is valid UTF-8."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def is_image_name(name: str) -> bool:
    """Return whether a name ends with the extension of an image file.

    Parameters
    ----------
    name
        Name or path.
    """
    return name.lower().endswith(_IMAGES)


def without_image_number(name: str) -> str:
    """Return the file of an image in a stack: ``000001@stack.mrcs`` is in ``stack.mrcs``.

    Parameters
    ----------
    name
        Name or path.
    """
    return _IMAGE_OF_STACK.sub("", name)


def without_ending(name: str) -> str:
    """Return the file name without folders and known extensions.

    Only extensions of images and tables are removed, since names may contain dots
    (``May08_03.05.02``).

    Parameters
    ----------
    name
        Name or path.
    """
    stem = _file_name(name)
    while stem.lower().endswith(_IMAGES + _TABLES) and stem.rfind(".") > 0:
        stem = stem[: stem.rfind(".")]
    return stem


def micrograph_stem(name: str) -> str:
    """Return the name of the micrograph after which a file of picks is named.

    Folders, extensions and suffixes of pickers (``_autopick``, ``_manualpick``, ``_automatch``,
    EMAN's ``_info.json``) are removed. Other endings, such as ``_picks``, are kept, since they may
    belong to the micrograph: `match_names` uses the names of the micrographs.

    Parameters
    ----------
    name
        Name or path of a file of picks.
    """
    return _PICKERS.sub("", without_ending(_EMAN_INFO.sub(r"\1", name)))


def match_names(table_names: Iterable[str], micrograph_names: Iterable[str]) -> NameMatch:
    """Find the micrograph of each name in a table.

    The following keys are tried in this order, each on names that are still unmatched, first
    together with the folders of both names (``Movies/a.mrc`` and ``/data/Movies/a.mrc``), then
    without:

    1. the exact string;
    2. the file name;
    3. the stem: the file name without extensions;
    4. the stem without suffixes of pickers, see `micrograph_stem`;
    5. the stem without cryoSPARC's numeric prefix;
    6. the stem without suffixes of motion correction (``_DW``, ``_aligned``,
       ``_patch_aligned_doseweighted``);
    7. the longest stem of a micrograph with which the table's name begins, followed by a separator
       and no digit: ``a_topazpicks`` is ``a``, but ``a_2`` is another micrograph. Names that end
       like an image are micrographs themselves and are not shortened, except those of stacks
       (``.mrcs``);
    8. the keys 6 and 7 without regard to case, ``_fractions`` and the form of accents in Unicode.

    Two micrographs for a name, or two names for a micrograph, are ambiguous: none is chosen, even
    if one of the two already has another name. Numbers of images in stacks (``000001@``) are
    ignored.

    Parameters
    ----------
    table_names
        Names as in the table; repetitions do not matter.
    micrograph_names
        Names or paths of the micrographs.

    Returns
    -------
    NameMatch
        Micrograph name by table name, with `unmatched`, `ambiguous` and `loose`.
    """
    result = NameMatch()
    names = list(dict.fromkeys(table_names))
    micrographs = list(dict.fromkeys(micrograph_names))
    known = set(micrographs)
    result.update({name: name for name in names if name in known})
    taken = set(result)
    names = [name for name in names if name not in taken]
    # They are left out here, since some keys take a time proportional to the square of the length.
    too_long = [name for name in names if len(name) > _LONGEST]
    names = [name for name in names if len(name) <= _LONGEST]
    micrographs = [name for name in micrographs if len(name) <= _LONGEST]
    for step in _STEPS:
        if not names:
            break
        before = len(result)
        names = _match(result, names, micrographs, taken, step)
        if step.loose:
            result.loose += list(result)[before:]
    result.unmatched = [*_without_rivals(result, names, micrographs), *too_long]
    return result


def _without_rivals(result: NameMatch, names: list[str], micrographs: list[str]) -> list[str]:
    """Record names that match a micrograph of another name, and return the others."""
    left = names
    for step in _STEPS if result else ():
        if not left:
            break
        by_key = _by_key(micrographs, step)
        found = {name: _candidates(name, by_key, set(), step) for name in left}
        result.ambiguous.update({name: rivals for name, rivals in found.items() if rivals})
        left = [name for name in left if not found[name]]
    return left


@dataclass(frozen=True)
class _Step:
    """A key by which names are compared.

    Attributes
    ----------
    of_micrograph
        Function that returns the key of a micrograph.
    of_name
        Function that returns the keys of a name in a table, the best one first.
    folders
        Whether the folders have to match as well.
    beginnings
        Whether the keys are beginnings of the name.
    loose
        Whether the match is loose, so that the user is informed.
    """

    of_micrograph: Callable[[str], str]
    of_name: Callable[[str], Iterable[str]]
    folders: bool = False
    beginnings: bool = False
    loose: bool = False


def _match(
    result: NameMatch, names: list[str], micrographs: list[str], taken: set[str], step: _Step
) -> list[str]:
    """Match by one key, record the matches, and return the names that are left."""
    if step.folders and not any(map(_has_folders, names)):
        return names
    by_key = _by_key(micrographs, step)
    candidates = {name: _candidates(name, by_key, taken, step) for name in names}
    claims = Counter(micrograph for found in candidates.values() for micrograph in found)
    left = []
    for name, found in candidates.items():
        if not found:
            left.append(name)
        elif len(found) == 1 and claims[found[0]] == 1 and found[0] not in taken:
            result[name] = found[0]
        else:
            result.ambiguous[name] = found
    taken.update(result.values())
    return left


def _by_key(micrographs: list[str], step: _Step) -> dict[str, list[str]]:
    by_key: dict[str, list[str]] = {}
    for micrograph in micrographs:
        by_key.setdefault(step.of_micrograph(micrograph), []).append(micrograph)
    return by_key


def _candidates(
    name: str, by_key: Mapping[str, list[str]], taken: set[str], step: _Step
) -> list[str]:
    """Return the micrographs of the first key that has a free one."""
    for key in step.of_name(name):
        found = by_key.get(key, [])
        if step.folders:
            found = [micrograph for micrograph in found if _same_folders(name, micrograph)]
        elif len(found) > 1:
            found = [m for m in found if _same_folders(name, m)] or found
        # If all of them already have picks, no shorter beginning is tried.
        if found and (step.beginnings or not all(m in taken for m in found)):
            return found
    return []


def _has_folders(name: str) -> bool:
    return "/" in name or "\\" in name


def _same_folders(first: str, second: str) -> bool:
    """Return whether the folders of one name are the last ones of the other."""
    a, b = _parts(first)[:-1], _parts(second)[:-1]
    shorter = min(len(a), len(b))
    # A name without folders is matched by the step for file names.
    return shorter > 0 and list(a[-shorter:]) == list(b[-shorter:])


def _parts(name: str) -> Sequence[str]:
    plain = without_image_number(name).replace("\\", "/")
    return [part for part in plain.split("/") if part not in ("", ".")] or [name]


def _file_name(name: str) -> str:
    last = without_image_number(name).replace("\\", "/").rpartition("/")[2]
    return last if last not in ("", ".") else _parts(name)[-1]


def without_uid(name: str) -> str:
    """Return the file name without cryoSPARC's numeric prefix and without folders.

    Parameters
    ----------
    name
        Name or path.
    """
    return _CRYOSPARC_UID.sub("", _file_name(name))


def _stem_without_uid(name: str) -> str:
    return _CRYOSPARC_UID.sub("", without_ending(name))


def _bare_stem(name: str) -> str:
    stem = _stem_without_uid(name)
    while (shorter := _VARIANT.sub("", stem)) != stem:
        stem = shorter
    return stem


def _loose_stem(name: str) -> str:
    # Suffixes of motion correction may be before and after _fractions.
    return _bare_stem(_FRACTIONS.sub("", _bare_stem(_folded(name))))


def _folded(name: str) -> str:
    """Return a name in lower case, with accents as one character: macOS writes two."""
    return unicodedata.normalize("NFC", name).lower()


def _one(key: Callable[[str], str]) -> Callable[[str], Iterable[str]]:
    return lambda name: (key(name),)


def _pick_file(key: Callable[[str], str]) -> Callable[[str], Iterable[str]]:
    """Return the key of a file of picks: without suffixes of pickers."""
    return lambda name: (key(micrograph_stem(name)),)


def _beginnings(key: Callable[[str], str]) -> Callable[[str], Iterator[str]]:
    """Return a function that yields the beginnings of a name up to a separator, longest first."""

    def beginnings(name: str) -> Iterator[str]:
        if is_image_name(name) and not name.lower().endswith(".mrcs"):
            return
        stem = key(name)
        for match in reversed(list(_SEPARATOR.finditer(stem))):
            if match.start() > 0 and not stem[match.end() : match.end() + 1].isdigit():
                yield stem[: match.start()]

    return beginnings


def _beginning_step(of_micrograph: Callable[[str], str], of_name: Callable[[str], str]) -> _Step:
    return _Step(of_micrograph, _beginnings(of_name), beginnings=True, loose=True)


_STEPS = (
    _Step(_file_name, _one(_file_name), folders=True),
    _Step(without_ending, _one(without_ending), folders=True),
    _Step(without_ending, _pick_file(without_ending), folders=True),
    _Step(_file_name, _one(_file_name)),
    _Step(without_ending, _one(without_ending)),
    _Step(without_ending, _pick_file(without_ending)),
    _Step(_stem_without_uid, _pick_file(_stem_without_uid)),
    _Step(_bare_stem, _pick_file(_bare_stem), loose=True),
    _beginning_step(without_ending, without_ending),
    _beginning_step(_bare_stem, _stem_without_uid),
    _Step(_loose_stem, _pick_file(_loose_stem), loose=True),
    _beginning_step(_loose_stem, lambda name: _stem_without_uid(_folded(name))),
)

"""Which micrograph a name in a table means."""

import re
from collections.abc import Callable, Iterable, Sequence

__all__ = ["NameMatch", "match_names", "micrograph_stem", "without_ending"]

_IMAGES = (".mrc", ".mrcs", ".tif", ".tiff", ".png", ".jpg", ".jpeg", ".eer", ".gz", ".bz2")
_TABLES = (".star", ".box", ".cbox", ".txt", ".tab", ".tsv", ".csv", ".cs")
_SUFFIX = re.compile(r"(?<=.)_(autopick|manualpick|coords|picks|particles)$", re.IGNORECASE)
_CRYOSPARC_UID = re.compile(r"^\d{15,21}_(?=.)")


class NameMatch(dict[str, str]):
    """Micrograph name by table name, and beside it what was not matched.

    Attributes
    ----------
    unmatched : list of str
        Table names that no micrograph has.
    ambiguous : dict of str to list of str
        Table names with the micrographs each could mean; none was chosen.
    """

    def __init__(self) -> None:
        super().__init__()
        self.unmatched: list[str] = []
        self.ambiguous: dict[str, list[str]] = {}


def without_ending(name: str) -> str:
    """Give the file name without folders and known endings.

    Only endings of images and tables are taken off, as names may hold dots (``May08_03.05.02``).
    """
    stem = _parts(name)[-1]
    while stem.lower().endswith(_IMAGES + _TABLES) and stem.rfind(".") > 0:
        stem = stem[: stem.rfind(".")]
    return stem


def micrograph_stem(name: str) -> str:
    """Give the name without folders, endings, and what pick files add, such as ``_autopick``."""
    return _SUFFIX.sub("", without_ending(name))


def match_names(table_names: Iterable[str], micrograph_names: Iterable[str]) -> NameMatch:
    """Find the micrograph that each name in a table means.

    Tried in this order, each only on what the one before left over: the exact string; the end of
    the path (``Movies/a.mrc`` and ``/data/Movies/a.mrc``); the file name; the stem, without endings
    and ``_autopick``; the stem without the numeric prefix that cryoSPARC puts before names. Two
    micrographs for a name, or two names for a micrograph, are ambiguous and are never decided.

    Parameters
    ----------
    table_names
        Names as the table gives them; repetitions do not matter.
    micrograph_names
        Names or paths of the micrographs.

    Returns
    -------
    NameMatch
        A dict from table name to micrograph name, with the attributes `unmatched` and `ambiguous`.
    """
    result = NameMatch()
    names = list(dict.fromkeys(table_names))
    free = list(dict.fromkeys(micrograph_names))
    exact = set(names) & set(free)
    result.update({name: name for name in names if name in exact})
    names = [name for name in names if name not in exact]
    free = [name for name in free if name not in exact]
    steps: tuple[tuple[Callable[[str], str], bool], ...] = (
        (_file_name, True),
        (_file_name, False),
        (micrograph_stem, False),
        (_bare_stem, False),
    )
    for key, whole_path in steps:
        names, free = _step(result, names, free, key, whole_path)
    result.unmatched = names
    return result


def _step(
    result: NameMatch,
    names: list[str],
    free: list[str],
    key: Callable[[str], str],
    whole_path: bool,
) -> tuple[list[str], list[str]]:
    """Match by one key, record what it decides, and give what is left of both sides."""
    by_key: dict[str, list[str]] = {}
    for micrograph in free:
        by_key.setdefault(key(micrograph), []).append(micrograph)
    candidates = {
        name: [m for m in by_key.get(key(name), []) if not whole_path or _one_ends_other(name, m)]
        for name in names
    }
    claims: dict[str, list[str]] = {}
    for name, found in candidates.items():
        for micrograph in found:
            claims.setdefault(micrograph, []).append(name)
    left = []
    taken = set()
    for name, found in candidates.items():
        if not found:
            left.append(name)
        elif len(found) == 1 and len(claims[found[0]]) == 1:
            result[name] = found[0]
            taken.add(found[0])
        else:
            result.ambiguous[name] = found
    return left, [micrograph for micrograph in free if micrograph not in taken]


def _parts(name: str) -> Sequence[str]:
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".")]
    return parts or [name]


def _file_name(name: str) -> str:
    return _parts(name)[-1]


def _bare_stem(name: str) -> str:
    return _CRYOSPARC_UID.sub("", micrograph_stem(name))


def _one_ends_other(first: str, second: str) -> bool:
    a, b = _parts(first), _parts(second)
    shorter = min(len(a), len(b))
    # A bare file name says nothing about folders: it is left to the step for file names.
    return shorter > 1 and list(a[-shorter:]) == list(b[-shorter:])

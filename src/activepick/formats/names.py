"""Which micrograph a name in a table means."""

import re
from collections.abc import Callable, Iterable, Sequence

__all__ = ["NameMatch", "match_names", "micrograph_stem", "without_ending", "without_uid"]

_IMAGES = (".mrc", ".mrcs", ".tif", ".tiff", ".png", ".jpg", ".jpeg", ".eer", ".gz", ".bz2")
_TABLES = (
    *(".star", ".box", ".cbox", ".txt", ".tab", ".tsv", ".csv", ".cs"),
    *(".json", ".coords", ".coord", ".pos"),
)
_SUFFIX = re.compile(
    r"(?<=.)_(autopick|manualpick|coords|picks|particles|info|automatch)$", re.IGNORECASE
)
# Before the file names of a project; 21 digits as a rule.
_CRYOSPARC_UID = re.compile(r"^\d{15,21}_(?=.)")
# What motion correction adds: MotionCor2 _DW, cryoSPARC _patch_aligned_doseweighted, and the like.
_VARIANT = re.compile(
    r"(?<=.)_(dw|nodw|doseweighted|non_?dw|aligned|patch|rigid|full|mic|sum)$", re.IGNORECASE
)


class NameMatch(dict[str, str]):
    """Micrograph name by table name, and beside it what was not matched.

    Attributes
    ----------
    unmatched : list of str
        Table names that no micrograph has.
    ambiguous : dict of str to list of str
        Table names with the micrographs each could mean; none was chosen.
    loose : list of str
        Table names that were matched only without what motion correction adds to names, which has
        to be told.
    """

    def __init__(self) -> None:
        super().__init__()
        self.unmatched: list[str] = []
        self.ambiguous: dict[str, list[str]] = {}
        self.loose: list[str] = []


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
    the path (``Movies/a.mrc`` and ``/data/Movies/a.mrc``), with and then without endings; the file
    name; the stem, without endings and ``_autopick``; the stem without the numeric prefix that
    cryoSPARC puts before names; that without what motion correction puts behind them (``_DW``,
    ``_doseweighted``, ``_aligned``, ``_patch_aligned_doseweighted``). Two micrographs for a name,
    or two names for a micrograph, are ambiguous and are never decided.

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
        (micrograph_stem, True),
        (_file_name, False),
        (micrograph_stem, False),
        (_stem_without_uid, False),
        (_bare_stem, False),
    )
    for key, whole_path in steps:
        before = set(result)
        names, free = _step(result, names, free, key, whole_path)
        result.loose = [name for name in result if name not in before]
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
        name: [m for m in by_key.get(key(name), []) if not whole_path or _same_folders(name, m)]
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


def without_uid(name: str) -> str:
    """Give the file name without the numeric prefix of cryoSPARC, and without folders."""
    return _CRYOSPARC_UID.sub("", _file_name(name))


def _stem_without_uid(name: str) -> str:
    return _CRYOSPARC_UID.sub("", micrograph_stem(name))


def _bare_stem(name: str) -> str:
    stem = _stem_without_uid(name)
    while (shorter := _VARIANT.sub("", stem)) != stem:
        stem = shorter
    return stem


def _same_folders(first: str, second: str) -> bool:
    """Tell whether the folders of one are the last ones of the other."""
    a, b = _parts(first)[:-1], _parts(second)[:-1]
    shorter = min(len(a), len(b))
    # A bare file name says nothing about folders: it is left to the step for file names.
    return shorter > 0 and list(a[-shorter:]) == list(b[-shorter:])

"""Shorten file names by the beginning and end that all of them share."""

import re
from collections.abc import Sequence
from itertools import takewhile

from activepick.wording import elided

__all__ = ["short_names", "wrappable"]

SEPARATORS = re.compile(r"[_\-. ]")
# Longest part of a path in a message box, which otherwise becomes as wide as the path.
_PART_IN_BOX = 60
# Shorter shared parts are kept.
LEAST = 5


def short_names(names: Sequence[str]) -> list[str]:
    """Return names without their shared beginning and end.

    An ellipsis replaces the beginning. Names are cut at separators, never within a number or word.
    """
    if len(set(names)) < 2:
        return list(names)
    start = _shared(list(names))
    end = _shared([name[start:][::-1] for name in names])
    return [f"{'…' * (start > 0)}{name[start : len(name) - end]}" for name in names]


def wrappable(text: str) -> str:
    """Return a text that a message box of Qt can wrap, although it contains long names and paths.

    Long parts of paths are elided in the middle, and a line can end after each part.
    """
    long_part = rf"[^\s/\\]{{{_PART_IN_BOX + 1},}}"
    short = re.sub(long_part, lambda match: elided(match.group(), _PART_IN_BOX), text)
    return re.sub(r"[/\\]", "\\g<0>\u200b", short)


def _shared(names: list[str]) -> int:
    # The common beginning of the alphabetically first and last names is shared by all names.
    pairs = zip(min(names), max(names), strict=False)
    shared = "".join(one for one, _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    cuts = [match.start() for match in SEPARATORS.finditer(shared)]
    length = cuts[-1] + 1 if cuts else 0
    # No name may become empty.
    return length if LEAST <= length < min(map(len, names)) else 0

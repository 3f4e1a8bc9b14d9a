"""File names for a narrow column: without the beginning and end that all of them share."""

import re
from collections.abc import Sequence
from itertools import takewhile

__all__ = ["short_names"]

SEPARATORS = re.compile(r"[_\-. ]")
# A shorter part says too little to be worth an ellipsis.
LEAST = 5


def short_names(names: Sequence[str]) -> list[str]:
    """Shorten names to what tells them apart, after an ellipsis where a beginning is left out.

    Names are cut at a separator, so that no number or word of one is torn.
    """
    if len(set(names)) < 2:
        return list(names)
    start = _shared(list(names))
    end = _shared([name[start:][::-1] for name in names])
    return [f"{'…' * (start > 0)}{name[start : len(name) - end]}" for name in names]


def _shared(names: list[str]) -> int:
    # What the first and last in the alphabet share, all share.
    pairs = zip(min(names), max(names), strict=False)
    shared = "".join(one for one, _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    cuts = [match.start() for match in SEPARATORS.finditer(shared)]
    length = cuts[-1] + 1 if cuts else 0
    # Something has to be left of every name.
    return length if LEAST <= length < min(map(len, names)) else 0

"""Shorten file names by the beginning and end that all of them share."""

import re
from collections.abc import Sequence
from itertools import takewhile

__all__ = ["elided", "elided_words", "short_names", "wrappable"]

SEPARATORS = re.compile(r"[_\-. ]")
# Longest word in a message box, which otherwise becomes as wide as the word.
_WORD_IN_BOX = 60
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


def elided(name: str, most: int = 28) -> str:
    """Return a name of at most `most` characters, with an ellipsis in its middle if necessary."""
    if len(name) <= most:
        return name
    end = (most - 1) // 2
    return f"{name[: most - 1 - end]}…{name[-end:]}"


def elided_words(text: str, most: int) -> str:
    """Return a text with long words elided in the middle; the parts of a path are words."""
    long_word = rf"[^\s/\\]{{{most + 1},}}"
    return re.sub(long_word, lambda match: elided(match.group(), most), text)


def wrappable(text: str) -> str:
    """Return a text that a message box of Qt can wrap, although it contains paths."""
    return re.sub(r"[/\\]", "\\g<0>\u200b", elided_words(text, _WORD_IN_BOX))


def _shared(names: list[str]) -> int:
    # The common beginning of the alphabetically first and last names is shared by all names.
    pairs = zip(min(names), max(names), strict=False)
    shared = "".join(one for one, _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    cuts = [match.start() for match in SEPARATORS.finditer(shared)]
    length = cuts[-1] + 1 if cuts else 0
    # No name may become empty.
    return length if LEAST <= length < min(map(len, names)) else 0

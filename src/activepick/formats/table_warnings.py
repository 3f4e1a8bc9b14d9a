"""Warnings of what was left out of tables, said once for many files that are alike.

A folder has a file for each micrograph, so that a warning for each file would be thousands.
Functions that read or write many files collect the warnings and give one for each kind, with the
number of files.
"""

import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar, Token
from types import FrameType

__all__ = ["CollectedWarnings", "TableWarning", "joined_warnings", "warn_table"]


class TableWarning(UserWarning):
    """A part of a table was left out, or read in a way that the user should know.

    Parameters
    ----------
    sentence
        What the user should know.
    file
        The file, which is put in front of the sentence.
    option
        The option of the command line that changes it, see `activepick.errors.ActivepickError`.
    kind
        What warnings of several files have in common; by default the sentence.
    more
        Number of other files of which the same is true.
    """

    def __init__(
        self,
        sentence: str,
        *,
        file: str | os.PathLike[str] | None = None,
        option: str = "",
        kind: str = "",
        more: int = 0,
    ) -> None:
        text = sentence if file is None else f"{os.fspath(file)}: {sentence}"
        alike = f" (the same in {more} other file{'s' * (more > 1)})" if more else ""
        super().__init__(text + alike)
        self.sentence = sentence
        self.file = None if file is None else os.fspath(file)
        self.option = option
        self.kind = kind or sentence
        self.more = more


class CollectedWarnings:
    """Warnings of many files, collected while this is active (``with``), in one thread.

    It can be made active again and again, such as for each file of a folder.
    """

    def __init__(self) -> None:
        self._found: list[TableWarning] = []
        self._tokens: list[Token[CollectedWarnings | None]] = []

    def __enter__(self) -> "CollectedWarnings":
        self._tokens.append(_active.set(self))
        return self

    def __exit__(self, *_: object) -> None:
        _active.reset(self._tokens.pop())

    def add(self, warning: TableWarning) -> None:
        """Add a warning."""
        self._found.append(warning)

    def joined(self) -> Sequence[TableWarning]:
        """Return one warning for each kind, the first one, with the number of the other files."""
        by_kind: dict[str, list[TableWarning]] = {}
        for warning in self._found:
            by_kind.setdefault(warning.kind, []).append(warning)
        return [_join(alike) for alike in by_kind.values()]

    def tell(self) -> None:
        """Emit the joined warnings, and forget them."""
        told = self.joined()
        self._found.clear()
        for warning in told:
            _give(warning)


def _join(alike: Sequence[TableWarning]) -> TableWarning:
    """Join warnings of one kind; a file that was read twice counts once."""
    first = alike[0]
    counts: dict[str | None, int] = {}
    for one in alike:
        counts[one.file] = max(counts.get(one.file, 0), 1 + one.more)
    more = sum(counts.values()) - 1
    if more == first.more:
        return first
    return TableWarning(
        first.sentence, file=first.file, option=first.option, kind=first.kind, more=more
    )


_active: ContextVar[CollectedWarnings | None] = ContextVar("collected", default=None)


@contextmanager
def joined_warnings() -> Iterator[None]:
    """Emit warnings of many files at the end, one for each kind."""
    collected = CollectedWarnings()
    try:
        with collected:
            yield
    finally:
        collected.tell()


def warn_table(
    sentence: str,
    *,
    file: str | os.PathLike[str] | None = None,
    option: str = "",
    kind: str = "",
) -> None:
    """Warn of a part of a table, now or with those of other files.

    Parameters
    ----------
    sentence, file, option, kind
        As of `TableWarning`.
    """
    _give(TableWarning(sentence, file=file, option=option, kind=kind))


def _give(warning: TableWarning) -> None:
    collected = _active.get()
    if collected is not None:
        collected.add(warning)
    else:
        warnings.warn(warning, stacklevel=_first_level_outside())


def _first_level_outside() -> int:
    """Return the `stacklevel` of the code that called this package, seen from the caller."""
    level = 1
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_globals.get("__name__", "").startswith("activepick."):
        level, frame = level + 1, frame.f_back
    return level

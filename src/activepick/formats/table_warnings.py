"""Warnings about tables, emitted once for many files with the same warning.

A folder has a file for each micrograph, so that a warning for each file could mean thousands.
Functions that read or write many files collect the warnings and emit one for each kind, with the
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
    """A part of a table was left out, or interpreted in a way that the user should know.

    Parameters
    ----------
    sentence
        The message, without the name of the file.
    file
        The file. Its name is put before the message.
    option
        The option of the command line that changes it, see `activepick.errors.ActivepickError`.
    kind
        Key of warnings that are joined; by default the sentence.
    more
        Number of other files with the same warning.
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
    """Collects the warnings of many files in a ``with`` block, in one thread.

    The object can be used in several blocks, for instance one for each file of a folder.
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
        """Return the first warning of each kind, with the number of the other files."""
        by_kind: dict[str, list[TableWarning]] = {}
        for warning in self._found:
            by_kind.setdefault(warning.kind, []).append(warning)
        return [_join(alike) for alike in by_kind.values()]

    def tell(self) -> None:
        """Emit the joined warnings, and remove them."""
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
    """Emit a warning about a table, at once or joined with those of other files.

    Parameters
    ----------
    sentence, file, option, kind
        See `TableWarning`.
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

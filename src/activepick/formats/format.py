"""The description of a table format: its names and its functions for reading and writing."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from activepick.formats.scores import ScoreMeaning

__all__ = ["Format"]


@dataclass(frozen=True, kw_only=True)
class Format:
    """A table format of a program.

    Attributes
    ----------
    name, title
        Name in options, and name in messages.
    extensions
        Extensions of file names, the usual one first.
    shared_extensions
        Extensions that another format uses as well, so that the format is detected from the
        content.
    ending
        End of the name of a file of one micrograph, after the micrograph's name.
    sniff
        Function that returns whether the first 64 kB of a file are of this format.
    read
        Function that returns the table of a file.
    render
        Function that takes a checked table, the path of the file and the `options`, and returns the
        content of the file in pieces.
    render_files
        Function that takes a checked table, the folder, the rows of each file and the `options`,
        and yields the pieces of each file; only for formats whose file of one micrograph differs
        from a file of several.
    options
        Names of the options of writing.
    one_micrograph
        Whether a file contains the picks of only one micrograph.
    score_meaning
        Meaning of the scores in a file: "log-odds"; "probability", which reading converts to
        log-odds; "number" of the program that wrote the file, unless activepick marked its own
        scores as log-odds; or "none" if a file has no scores. `read` records other meanings with
        `scores.with_meaning`.
    read_files
        Function that takes names of micrographs with their files, and returns the table of all of
        them; only where this is faster than `read` for each file.
    """

    name: str
    title: str
    extensions: tuple[str, ...]
    ending: str
    shared_extensions: tuple[str, ...] = ()
    sniff: Callable[[bytes], bool]
    read: Callable[[Path], pd.DataFrame]
    render: Callable[..., Iterable[str | bytes]]
    render_files: Callable[..., Iterator[Iterable[str | bytes]]] | None = None
    options: frozenset[str] = field(default_factory=frozenset)
    one_micrograph: bool = False
    score_meaning: ScoreMeaning = "log-odds"
    read_files: Callable[[Sequence[tuple[str, Path]]], pd.DataFrame] | None = None

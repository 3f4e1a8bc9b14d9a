"""The description of a table format: its names and its functions for reading and writing."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

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
        Extensions that belong to another format, too, so that the content has to decide.
    ending
        What follows the micrograph's name in the name of a file of one micrograph.
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
        Whether a file holds the picks of one micrograph only.
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

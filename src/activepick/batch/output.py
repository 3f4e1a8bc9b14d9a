"""Where picks go: a file for each micrograph in a folder, or one file for all of them."""

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from activepick.atomic import replacing
from activepick.batch.entry import Entry
from activepick.batch.merging import write_merged
from activepick.batch.optics import OpticsGroups
from activepick.errors import SettingsError
from activepick.formats import FORMATS, PickFolder, choose_format
from activepick.formats.boxes import BOX_COLUMNS
from activepick.formats.format import Format
from activepick.formats.relion_star_writer import relion_version

__all__ = ["FileOutput", "FolderOutput", "Output", "make_output"]

Picks = NDArray[np.float64]


class Output(Protocol):
    """What a run writes to, one micrograph at a time, each whole or not at all."""

    def expect(self, names: Sequence[str]) -> None:
        """Say which micrographs there will be; an error if two of them would get one file."""

    def know(self, optics: OpticsGroups) -> None:
        """Say which optics groups lists of micrographs have."""

    def has(self, name: str) -> bool:
        """Tell whether the picks of a micrograph are there."""

    def write(self, name: str, picks: Picks, pixel_size_angstrom: float) -> None:
        """Write the picks (n, 3) of a micrograph."""

    def finish(self, entries: Sequence[Entry]) -> None:
        """Write what stands for all micrographs together."""


class _Tables:
    """Turns picks into a table for a format."""

    def __init__(self, format: Format, options: Mapping[str, Any], diameter: float) -> None:
        self.format = format
        self.options = dict(options)
        self._diameter = diameter

    def table(self, name: str, picks: Picks, pixel_size_angstrom: float) -> pd.DataFrame:
        table = pd.DataFrame(picks, columns=["x", "y", "score"])
        table.insert(0, "micrograph", pd.Series([name] * len(table), dtype=str))
        if "box_size" in self.format.options and "box_size" not in self.options:
            side = max(1, round(self._diameter / pixel_size_angstrom))
            table = table.assign(**dict.fromkeys(BOX_COLUMNS, side))
        return table


class FolderOutput:
    """A folder with a file for each micrograph, and for RELION the list of them."""

    def __init__(self, folder: Path, tables: _Tables) -> None:
        self._path = folder
        self._tables = tables
        self._folder = PickFolder(folder, tables.format, [], **tables.options)

    def expect(self, names: Sequence[str]) -> None:
        """Choose the file of each micrograph."""
        self._folder = PickFolder(self._path, self._tables.format, names, **self._tables.options)

    def know(self, optics: OpticsGroups) -> None:
        """Nothing: RELION knows the groups of the micrographs that a folder is for."""

    def has(self, name: str) -> bool:
        """Tell whether the file of a micrograph is there."""
        return self._folder.paths[name].is_file()

    def write(self, name: str, picks: Picks, pixel_size_angstrom: float) -> None:
        """Write the file of a micrograph."""
        self._folder.write(name, self._tables.table(name, picks, pixel_size_angstrom))

    def finish(self, entries: Sequence[Entry]) -> None:
        """Write for RELION the list of the files."""
        if entries:
            self._folder.write_index([entry.name for entry in entries])


class FileOutput:
    """One file, made of parts that are kept, so that later runs need not pick them again."""

    def __init__(self, path: Path, parts: Path, tables: _Tables) -> None:
        self._path = path
        self._parts = parts
        self._tables = tables
        self._optics = OpticsGroups()

    def know(self, optics: OpticsGroups) -> None:
        """Keep them for the file."""
        self._optics.join(optics.records, optics.of)

    def expect(self, names: Sequence[str]) -> None:
        """Check that the format can hold so many micrographs."""
        if self._tables.format.one_micrograph and len(names) > 1:
            raise SettingsError(
                f"--out {self._path}: a file of {self._tables.format.title} holds one micrograph; "
                "give a folder."
            )

    def has(self, name: str) -> bool:
        """Tell whether the part of a micrograph is there."""
        return self._part(name).is_file()

    def write(self, name: str, picks: Picks, pixel_size_angstrom: float) -> None:
        """Write the part of a micrograph."""
        with replacing(self._part(name)) as temporary:
            np.save(temporary, picks, allow_pickle=False)

    def finish(self, entries: Sequence[Entry]) -> None:
        """Write the file."""
        if not entries:
            return
        options, format = dict(self._tables.options), self._tables.format
        sizes = {entry.pixel_size_angstrom for entry in entries if entry.picks}
        optics = None
        if format.name == "star" and (self._optics.of or len(sizes) > 1):
            optics = self._optics.completed(entries)
        elif "pixel_size_angstrom" in format.options and len(sizes) == 1:
            options["pixel_size_angstrom"] = sizes.pop()
        write_merged(self._read(entries, optics), self._path, format, options)

    def _read(
        self, entries: Iterable[Entry], optics: OpticsGroups | None
    ) -> Iterator[pd.DataFrame]:
        for entry in entries:
            picks = np.load(self._part(entry.name), allow_pickle=False)
            table = self._tables.table(entry.name, picks, entry.pixel_size_angstrom)
            yield table if optics is None else optics.mark(table, entry.name)

    def _part(self, name: str) -> Path:
        # Whatever a micrograph is called, this is the name of a file.
        digest = hashlib.blake2b(os.fsencode(name), digest_size=12).hexdigest()
        return self._parts / f"{digest}.npy"


def make_output(
    out: Path, format: str | None, diameter_angstrom: float, wanted: Mapping[str, Any], parts: Path
) -> Output:
    """Choose where picks go, from what was typed.

    Parameters
    ----------
    out
        A folder, or a name without a dot, for a file a micrograph; else one file.
    format
        A name in `FORMATS`; without it the file name says it, and for folders it is STAR.
    diameter_angstrom
        The side of boxes where none was asked for.
    wanted
        Options of formats; those that are None or not of this format are left out.
    parts
        Where the parts of one file are kept.

    Raises
    ------
    SettingsError
        When the format is unknown or lacks what it needs.
    """
    if format is not None and format not in FORMATS:
        raise SettingsError(f"--format {format}: use one of {', '.join(FORMATS)}.")
    relion_version(str(wanted["version"]), "--relion")
    folder = out.is_dir() or not out.suffix
    chosen = choose_format(out, format or ("star" if folder else None), sniff=False)
    if chosen.name == "cs" and wanted["exposures"] is None:
        raise SettingsError("--format cs: name the exposures, --exposures FILE.cs.")
    options = {k: v for k, v in wanted.items() if k in chosen.options and v is not None}
    tables = _Tables(chosen, options, diameter_angstrom)
    return FolderOutput(out, tables) if folder else FileOutput(out, parts, tables)

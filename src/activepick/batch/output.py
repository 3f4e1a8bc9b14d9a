"""Write picks: a file for each micrograph in a folder, or one file for all of them."""

import hashlib
import io
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from activepick.atomic import replacing
from activepick.batch.merging import write_merged
from activepick.batch.optics import OpticsGroups
from activepick.batch.record import Entry
from activepick.errors import SettingsError, TableError
from activepick.files import open_to_read
from activepick.formats import FORMATS, PickFolder, RelionMicrographs, choose_format
from activepick.formats.boxes import BOX_COLUMNS
from activepick.formats.format import Format
from activepick.formats.kind_columns import kind_columns
from activepick.formats.relion_star_writer import relion_version

__all__ = ["FileOutput", "FolderOutput", "Output", "make_output"]

Picks = NDArray[np.float64]


class Output(Protocol):
    """Destination of the picks of a run, which are written one micrograph at a time.

    The picks of a micrograph are written completely or not at all.
    """

    def expect(self, names: Sequence[str]) -> None:
        """Set the micrographs that may be written; it is an error if two have the same file."""

    def use_lists(self, lists: Sequence[RelionMicrographs]) -> None:
        """Set the lists of RELION that contain the micrographs."""

    def use_kinds(self, names: Mapping[int, str]) -> None:
        """Set the names of the kinds of particles by number; none for a head without kinds."""

    def has(self, name: str) -> bool:
        """Return whether the picks of a micrograph exist."""

    def write(self, name: str, picks: Picks, pixel_size_angstrom: float) -> None:
        """Write the picks of a micrograph: x, y, score and, if there are kinds, its number."""

    def discard(self, name: str) -> None:
        """Remove outdated picks of a micrograph that an earlier run wrote."""

    def finish(self, entries: Sequence[Entry]) -> None:
        """Write the files that describe all micrographs."""

    def clean_up(self, entries: Sequence[Entry]) -> None:
        """Remove or report other files of an earlier run; called at the end of a complete run."""


class _Tables:
    """Builder of tables of picks for a format."""

    def __init__(self, format: Format, options: Mapping[str, Any], diameter: float) -> None:
        self.format = format
        self.options = dict(options)
        self._diameter = diameter
        self.kinds: Mapping[int, str] = {}

    def table(self, name: str, picks: Picks, pixel_size_angstrom: float) -> pd.DataFrame:
        """Return the table of the picks of a micrograph."""
        table = pd.DataFrame(picks[:, :3], columns=["x", "y", "score"])
        table.insert(0, "micrograph", pd.Series([name] * len(table), dtype=str))
        if picks.shape[1] > 3:
            table = table.assign(**kind_columns(picks[:, 3].astype(int), self.kinds))
        if "box_size" in self.format.options and "box_size" not in self.options:
            side = max(1, round(self._diameter / pixel_size_angstrom))
            table = table.assign(**dict.fromkeys(BOX_COLUMNS, side))
        return table


class FolderOutput:
    """A folder with a file for each micrograph and, for RELION, a list of them."""

    def __init__(self, folder: Path, tables: _Tables, overwrite: bool) -> None:
        self._path = folder
        self._tables = tables
        self._overwrite = overwrite
        self._star: Path | None = None
        self._folder = self._folder_for([])

    def expect(self, names: Sequence[str]) -> None:
        """Choose the file of each micrograph."""
        self._folder = self._folder_for(names)

    def use_lists(self, lists: Sequence[RelionMicrographs]) -> None:
        """Set the list of micrographs for the index of RELION, if there is exactly one."""
        self._star = lists[0].path if len(lists) == 1 else None

    def use_kinds(self, names: Mapping[int, str]) -> None:
        """Set the names of kinds in tables."""
        self._tables.kinds = names

    def _folder_for(self, names: Sequence[str]) -> PickFolder:
        return PickFolder(
            self._path,
            self._tables.format,
            names,
            micrographs_star=self._star,
            overwrite=self._overwrite,
            **self._tables.options,
        )

    def has(self, name: str) -> bool:
        """Return whether the file of a micrograph exists."""
        return self._folder.paths[name].is_file()

    def write(self, name: str, picks: Picks, pixel_size_angstrom: float) -> None:
        """Write the file of a micrograph."""
        self._folder.write(name, self._tables.table(name, picks, pixel_size_angstrom))

    def discard(self, name: str) -> None:
        """Remove the file of a micrograph, unless another program wrote or changed it."""
        if name in self._folder.paths:
            self._folder.discard(name)
            return
        # The micrograph is not part of this run, whose files must not be removed.
        try:
            alone = self._folder_for([name])
        except TableError:  # a file cannot have this name
            return
        if alone.paths[name] not in self._folder.paths.values():
            alone.discard(name)

    def finish(self, entries: Sequence[Entry]) -> None:
        """Write the list of the files for RELION."""
        if entries:
            self._folder.write_index([entry.name for entry in entries])

    def clean_up(self, entries: Sequence[Entry]) -> None:
        """Remove files of an earlier run if requested, and warn of other files in the folder."""
        if entries:
            self._folder.finish([entry.name for entry in entries])


class FileOutput:
    """One file. Its parts are kept, so that later runs need not pick the micrographs again."""

    def __init__(self, path: Path, parts: Path, tables: _Tables) -> None:
        self._path = path
        self._parts = parts
        self._tables = tables
        self._optics = OpticsGroups()

    def use_lists(self, lists: Sequence[RelionMicrographs]) -> None:
        """Add the optics groups of the lists."""
        for star in lists:
            self._optics.add(star)

    def expect(self, names: Sequence[str]) -> None:
        """Check that the format can contain this number of micrographs."""
        if self._tables.format.one_micrograph and len(names) > 1:
            raise SettingsError(
                f"--out {self._path}: a file of {self._tables.format.title} contains one "
                "micrograph; "
                "give a folder."
            )

    def use_kinds(self, names: Mapping[int, str]) -> None:
        """Set the names of kinds in tables."""
        self._tables.kinds = names

    def has(self, name: str) -> bool:
        """Return whether the part of a micrograph exists and is complete."""
        return self._load(name) is not None

    def write(self, name: str, picks: Picks, pixel_size_angstrom: float) -> None:
        """Write the part of a micrograph."""
        with replacing(self._part(name), within=self._parts.parent.parent) as temporary:
            np.save(temporary, picks, allow_pickle=False)

    def discard(self, name: str) -> None:
        """Remove the part of a micrograph."""
        self._part(name).unlink(missing_ok=True)

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

    def clean_up(self, entries: Sequence[Entry]) -> None:
        """Do nothing: the file was replaced."""

    def _read(
        self, entries: Iterable[Entry], optics: OpticsGroups | None
    ) -> Iterator[pd.DataFrame]:
        for entry in entries:
            picks = self._load(entry.name)
            if picks is None:
                raise TableError(
                    f"{self._part(entry.name)}: the picks of {entry.name} were damaged or deleted "
                    "during the run; run the command again to pick it again"
                )
            table = self._tables.table(entry.name, picks, entry.pixel_size_angstrom)
            yield table if optics is None else optics.mark(table, entry.name)

    def _load(self, name: str) -> Picks | None:
        try:
            with open_to_read(self._part(name)) as file:
                size = os.fstat(file.fileno()).st_size
                picks = np.load(io.BytesIO(file.read()), allow_pickle=False)
        # numpy raises errors of many kinds for damaged files.
        except Exception:
            return None
        is_whole = picks.dtype == np.float64 and picks.ndim == 2 and picks.shape[1] in (3, 4)
        return picks if is_whole and picks.nbytes <= size and np.isfinite(picks).all() else None

    def _part(self, name: str) -> Path:
        # A valid file name for any name of a micrograph.
        digest = hashlib.blake2b(os.fsencode(name), digest_size=12).hexdigest()
        return self._parts / f"{digest}.npy"


def make_output(
    out: Path,
    format: str | None,
    diameter_angstrom: float,
    wanted: Mapping[str, Any],
    parts: Path,
    *,
    is_folder: bool | None = None,
    overwrite: bool = False,
) -> Output:
    """Return the output for a path and a format.

    Parameters
    ----------
    out
        Path of the file or folder.
    format
        A name in `FORMATS`; None for the format of the file name, and STAR for folders.
    diameter_angstrom
        Particle diameter in Å, which is the side of boxes if `wanted` contains no other one.
    wanted
        Options of formats; those that are None or belong to another format are ignored.
    parts
        Folder for the parts of a single file.
    is_folder
        Whether `out` is a folder. If None, it is one if it exists as a folder or its name has no
        extension.
    overwrite
        Whether to remove files that an earlier run wrote to the folder and this run does not write.

    Raises
    ------
    SettingsError
        If the format is unknown or an option that it needs is missing.
    """
    if format is not None and format not in FORMATS:
        raise SettingsError(f"--format {format}: use one of {', '.join(FORMATS)}.")
    relion_version(str(wanted["version"]), "--relion")
    folder = (out.is_dir() or not out.suffix) if is_folder is None else is_folder
    chosen = choose_format(out, format or ("star" if folder else None), sniff=False)
    if chosen.name == "cs" and wanted["exposures"] is None:
        raise SettingsError("--format cs: give the exposures, --exposures FILE.cs.")
    options = {k: v for k, v in wanted.items() if k in chosen.options and v is not None}
    tables = _Tables(chosen, options, diameter_angstrom)
    return FolderOutput(out, tables, overwrite) if folder else FileOutput(out, parts, tables)

"""Write folders with a file of picks for each micrograph, as a whole or one by one."""

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from activepick.errors import TableError
from activepick.formats.format import Format
from activepick.formats.output_paths import output_paths, visible_files
from activepick.formats.registry import check_options, choose_format
from activepick.formats.relion_job import RelionJob
from activepick.formats.staging import write_together
from activepick.formats.table_check import check_table
from activepick.formats.table_warnings import CollectedWarnings, warn_table
from activepick.formats.text import write_pieces
from activepick.formats.written_files import Checksum, WrittenFiles
from activepick.wording import counted

__all__ = ["PickFolder", "write_folder"]


class PickFolder:
    """A folder with a file for each micrograph, which are written one by one.

    Parameters
    ----------
    folder
        Created if it is missing. No file is written outside of it, whatever the names of the
        micrographs are. For RELION, the folders of micrographs are kept in it.
    format
        A name in `activepick.formats.FORMATS`, or a format of your own.
    micrographs
        Names of all micrographs that may be written. For a job of RELION names from the working
        folder are converted to names relative to the project of the folder or the list.
    micrographs_star
        RELION's list of micrographs, if the names are from one; they are not changed.
    ending
        End of file names after the micrograph's name; by default the one that the format's program
        expects. For crYOLO use ".star" instead of RELION's "_autopick.star".
    overwrite
        Whether `finish` removes files of an earlier run that do not belong to the micrographs.
        Files of other programs, and files that were changed since, are always kept.
    **options
        Options of the format, see `activepick.formats.write_table`.

    Attributes
    ----------
    paths
        File by name of the micrograph.

    Raises
    ------
    TableError
        If two micrographs would have the same file, or an option is invalid.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        format: str | Format,
        micrographs: Iterable[str],
        *,
        micrographs_star: Path | None = None,
        ending: str | None = None,
        overwrite: bool = False,
        **options: object,
    ) -> None:
        self.folder = Path(folder)
        self._format = choose_format(self.folder, format)
        check_options(self._format, options, self.folder)
        if self.folder.exists() and not self.folder.is_dir():
            raise TableError(
                f"{self.folder}: this is a file; give a folder to write a file for each micrograph"
            )
        self._options = options
        self._overwrite = overwrite
        self._ending = self._checked(ending) or self._format.ending
        # Other endings are for other programs, which do not use RELION's folders.
        is_job = self._format.name == "star" and self._ending == self._format.ending
        self._job = RelionJob(self.folder, micrographs_star) if is_job else None
        names = {name: name for name in micrographs}
        if self._job is not None:
            names = {name: self._job.name_of(name) for name in names}
        files = output_paths(
            _without_repeats(names, self.folder), self.folder, self._ending, tree=is_job
        )
        self.paths: Mapping[str, Path] = {name: files[own] for name, own in names.items()}
        self._written: WrittenFiles | None = None
        self._warnings = CollectedWarnings()

    def write(self, micrograph: str, picks: pd.DataFrame) -> Path:
        """Write the file of one micrograph atomically; `finish` emits the warnings.

        Parameters
        ----------
        micrograph
            One of the names.
        picks
            Its rows, as returned by `activepick.formats.read_table`.

        Raises
        ------
        TableError
            If the picks are invalid or the file cannot be written.
        """
        path = self.paths[micrograph]
        clean = check_table(picks, os.fspath(path))
        checksum = Checksum()
        with self._warnings:
            [pieces] = self._pieces(clean, [slice(0, len(clean))], [path])
            write_pieces(path, checksum.of(pieces))
        self._record.add(path, checksum)
        return path

    def discard(self, micrograph: str) -> None:
        """Remove the file of one micrograph if this program wrote it and it has not changed since.

        Raises
        ------
        TableError
            If it cannot be removed.
        """
        path = self.paths[micrograph]
        if self._record.wrote(path):
            self._remove([path])

    def write_index(self, micrographs: Iterable[str] | None = None) -> None:
        """Write the list of the files for RELION; other formats have none.

        Parameters
        ----------
        micrographs
            Names of the micrographs that are written; by default all.

        Raises
        ------
        TableError
            If it cannot be written.
        """
        if self._job is not None:
            names = self.paths if micrographs is None else micrographs
            files = {name: self.paths[name] for name in names}
            index, checksum = self._job.write_index(files, str(self._options.get("version", "5")))
            self._record.add(index, checksum)

    def finish(self, micrographs: Iterable[str] | None = None) -> None:
        """Write the list for RELION, and remove or report files that were in the folder before.

        Warnings about the files that were written are emitted, once for those that are alike.

        Parameters
        ----------
        micrographs
            Names of the micrographs that are written; by default all.

        Raises
        ------
        TableError
            If the list cannot be written or a file cannot be removed.
        """
        names = list(self.paths if micrographs is None else micrographs)
        self.write_index(names)
        own = {self.paths[name] for name in names}
        if self._job is not None:
            own.add(self._job.index(str(self._options.get("version", "5"))))
        earlier = self._record.others(own)
        if self._overwrite:
            self._remove(earlier)
            earlier = []
        self._record.save()
        self._warnings.tell()
        self._tell_others(own, earlier)

    def write_all(
        self, table: pd.DataFrame, progress: Callable[[int, int], None] | None = None
    ) -> None:
        """Write the files of all micrographs, or none, and `finish`; see `write_folder`."""
        clean = check_table(table, os.fspath(self.folder))
        # Sorted, so that each micrograph's rows are a slice.
        codes, uniques = pd.factorize(clean["micrograph"])
        order = np.argsort(codes, kind="stable")
        ends = np.searchsorted(codes[order], np.arange(len(uniques) + 1)).tolist()
        slices = {str(name): slice(ends[k], ends[k + 1]) for k, name in enumerate(uniques)}
        rows = [slices.get(name, slice(0, 0)) for name in self.paths]
        paths = list(self.paths.values())
        texts = self._pieces(clean.iloc[order].reset_index(drop=True), rows, paths)
        with self._warnings:
            checksums = write_together(paths, texts, self.folder, progress)
        self._record.add_all(zip(paths, checksums, strict=True))
        self.finish()

    @property
    def _record(self) -> WrittenFiles:
        if self._written is None:
            self._written = WrittenFiles(self.folder)
        return self._written

    def _remove(self, paths: Iterable[Path]) -> None:
        for path in paths:
            try:
                path.unlink()
            except OSError as error:
                raise TableError(f"{path}: cannot be removed ({error.strerror})") from error

    def _tell_others(self, own: Collection[Path], earlier: Sequence[Path]) -> None:
        """Warn about files that programs would read together with those that were written."""
        if earlier:
            warn_table(
                counted(
                    len(earlier), "file of an earlier run remains", "files of an earlier run remain"
                )
                + f" beside the new ones ({earlier[0].name}) and will be read together with them",
                file=self.folder,
                option="--overwrite removes them",
            )
        known = {*own, *earlier}
        alike = (path for path in visible_files(self.folder) if path.name.endswith(self._ending))
        others = [path for path in alike if path not in known]
        if others:
            warn_table(
                counted(len(others), "other file was", "other files were")
                + f" in the folder already ({others[0].name}) and will be read together with the "
                "new ones; move files away that do not belong to them",
                file=self.folder,
            )

    def _checked(self, ending: str | None) -> str | None:
        allowed = (*self._format.extensions, *self._format.shared_extensions)
        if ending is None or (ending.lower().endswith(allowed) and not set(ending) & set("/\\\0")):
            return ending
        raise TableError(
            f"{self.folder}: files of {self._format.title} cannot end in {ending!r}: use an "
            "ending in "
            f"{' or '.join(allowed)}"
        )

    def _pieces(
        self, clean: pd.DataFrame, rows: Sequence[slice], paths: Sequence[Path]
    ) -> Iterator[Iterable[str | bytes]]:
        """Yield the pieces of each file."""
        chosen, options = self._format, self._options
        if chosen.render_files is not None:
            return chosen.render_files(clean, self.folder, rows, **options)
        return (
            chosen.render(clean.iloc[own].reset_index(drop=True), path, **options)
            for own, path in zip(rows, paths, strict=True)
        )


def _without_repeats(names: Mapping[str, str], folder: Path) -> Iterable[str]:
    """Return the new names; raise an error if two names became equal.

    Parameters
    ----------
    names
        New name by name.
    folder
        For the message.
    """
    owners: dict[str, str] = {}
    for name, new in names.items():
        if owners.setdefault(new, name) != name:
            raise TableError(
                f"{folder}: {owners[new]!r} and {name!r} are both {new!r} in the RELION project; "
                "give picks of each micrograph under one name"
            )
    return owners


def write_folder(
    table: pd.DataFrame,
    folder: str | os.PathLike[str],
    format: str | Format,
    *,
    micrographs: Iterable[str] = (),
    micrographs_star: Path | None = None,
    ending: str | None = None,
    overwrite: bool = False,
    progress: Callable[[int, int], None] | None = None,
    **options: object,
) -> Mapping[str, Path]:
    """Write a file for each micrograph, and for RELION the list of them.

    All files are written, or none: they appear under their names when the last one is written.

    Parameters
    ----------
    table
        As returned by `activepick.formats.read_table`.
    folder, format, micrographs_star, ending, overwrite, **options
        See `PickFolder`.
    micrographs
        Micrographs that get a file even without picks.
    progress
        Called with the number of files written and the number of all files.

    Returns
    -------
    mapping
        File by name of the micrograph.

    Raises
    ------
    TableError
        If the table, an option or the folder is invalid.
    """
    picked = check_table(table.iloc[:0], os.fspath(folder)) if "micrograph" not in table else table
    names = list(dict.fromkeys([*micrographs, *map(str, picked["micrograph"].unique())]))
    target = PickFolder(
        folder,
        format,
        names,
        micrographs_star=micrographs_star,
        ending=ending,
        overwrite=overwrite,
        **options,
    )
    target.write_all(table, progress)
    return target.paths

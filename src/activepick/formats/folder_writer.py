"""Folders with a file of picks for each micrograph, written one micrograph at a time."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from activepick.errors import TableError
from activepick.formats.format import Format
from activepick.formats.output_paths import output_paths
from activepick.formats.registry import check_options, choose_format
from activepick.formats.relion_job import write_job_index
from activepick.formats.staging import write_together
from activepick.formats.table_check import check_table
from activepick.formats.text import write_pieces

__all__ = ["PickFolder", "write_folder"]


class PickFolder:
    """A folder that gets a file for each micrograph, one after the other as they are picked.

    Parameters
    ----------
    folder
        Made when it is missing; nothing is written outside of it, whatever micrographs are called.
        For RELION the folders of micrographs are kept in it.
    format
        A name in `activepick.formats.FORMATS`, or a format of your own.
    micrographs
        Names of all micrographs that may be written.
    micrographs_star
        RELION's list of micrographs, which job folders of 3.0 and 3.1 name.
    ending
        What file names have behind that of the micrograph, by default what the format's program
        expects; for crYOLO ".star" instead of RELION's "_autopick.star".
    **options
        Of the format, see `activepick.formats.write_table`.

    Attributes
    ----------
    paths
        File by name of the micrograph.

    Raises
    ------
    TableError
        When two micrographs would get one file, or an option is not right.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        format: str | Format,
        micrographs: Iterable[str],
        *,
        micrographs_star: Path | None = None,
        ending: str | None = None,
        **options: object,
    ) -> None:
        self.folder = Path(folder)
        self._format = choose_format(self.folder, format)
        check_options(self._format, options, self.folder)
        if self.folder.exists() and not self.folder.is_dir():
            raise TableError(
                f"{self.folder}: this is a file; give a folder for a file a micrograph"
            )
        self._options = options
        self._star = micrographs_star
        usual = self._format.ending
        # Other endings are for other programs, which know nothing of RELION's folders.
        self._is_job = self._format.name == "star" and ending in (None, usual)
        self.paths = output_paths(
            micrographs, self.folder, self._checked(ending) or usual, tree=self._is_job
        )

    def write(self, micrograph: str, picks: pd.DataFrame) -> Path:
        """Write the file of one micrograph, whole or not at all.

        Raises
        ------
        TableError
            When the picks are not right or the file cannot be written.
        """
        path = self.paths[micrograph]
        clean = check_table(picks, os.fspath(path))
        [pieces] = self._pieces(clean, [slice(0, len(clean))], [path])
        write_pieces(path, pieces)
        return path

    def write_index(self, micrographs: Iterable[str] | None = None) -> None:
        """Write for RELION the list of the files that are there, or of some of them."""
        if self._is_job:
            names = self.paths if micrographs is None else micrographs
            files = {name: self.paths[name] for name in names}
            version = str(self._options.get("version", "5"))
            write_job_index(files, self.folder, version=version, micrographs_star=self._star)

    def write_all(
        self, table: pd.DataFrame, progress: Callable[[int, int], None] | None = None
    ) -> None:
        """Write the files of all micrographs and the list of them, or none; see `write_folder`."""
        clean = check_table(table, os.fspath(self.folder))
        # Sorted, so that each micrograph's rows are a slice.
        codes, uniques = pd.factorize(clean["micrograph"])
        order = np.argsort(codes, kind="stable")
        ends = np.searchsorted(codes[order], np.arange(len(uniques) + 1)).tolist()
        slices = {str(name): slice(ends[k], ends[k + 1]) for k, name in enumerate(uniques)}
        rows = [slices.get(name, slice(0, 0)) for name in self.paths]
        paths = list(self.paths.values())
        texts = self._pieces(clean.iloc[order].reset_index(drop=True), rows, paths)
        write_together(paths, texts, self.folder, progress)
        self.write_index()

    def _checked(self, ending: str | None) -> str | None:
        allowed = (*self._format.extensions, *self._format.shared_extensions)
        if ending is None or (ending.lower().endswith(allowed) and not set(ending) & set("/\\\0")):
            return ending
        raise TableError(
            f"{self.folder}: files of {self._format.title} cannot end in {ending!r}: end it in "
            f"{' or '.join(allowed)}"
        )

    def _pieces(
        self, clean: pd.DataFrame, rows: Sequence[slice], paths: Sequence[Path]
    ) -> Iterator[Iterable[str | bytes]]:
        """Give the pieces of each file."""
        chosen, options = self._format, self._options
        if chosen.render_files is not None:
            return chosen.render_files(clean, self.folder, rows, **options)
        return (
            chosen.render(clean.iloc[own].reset_index(drop=True), path, **options)
            for own, path in zip(rows, paths, strict=True)
        )


def write_folder(
    table: pd.DataFrame,
    folder: str | os.PathLike[str],
    format: str | Format,
    *,
    micrographs: Iterable[str] = (),
    micrographs_star: Path | None = None,
    ending: str | None = None,
    progress: Callable[[int, int], None] | None = None,
    **options: object,
) -> Mapping[str, Path]:
    """Write a file for each micrograph, and for RELION the list of them.

    All files are written, or none: they appear under their names when the last one is written.

    Parameters
    ----------
    table
        As `activepick.formats.read_table` gives it.
    folder, format, micrographs_star, ending, **options
        As of `PickFolder`.
    micrographs
        Micrographs that get a file also without a pick.
    progress
        Called with the number of files written and of all files.

    Returns
    -------
    mapping
        File by name of the micrograph.

    Raises
    ------
    TableError
        When the table, an option or the folder is not right.
    """
    picked = check_table(table.iloc[:0], os.fspath(folder)) if "micrograph" not in table else table
    names = list(dict.fromkeys([*micrographs, *map(str, picked["micrograph"].unique())]))
    target = PickFolder(
        folder, format, names, micrographs_star=micrographs_star, ending=ending, **options
    )
    target.write_all(table, progress)
    return target.paths

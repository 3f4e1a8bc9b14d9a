"""Record the files that are written to a folder, so that files of other origin are not removed.

A hidden file in the folder has one line for each written file: its size in bytes, its CRC-32 and
its path. Files that were changed later do not count as written by this program.
"""

import os
import re
import zlib
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from activepick.errors import TableError
from activepick.files import check_folders, open_in_place, read_whole
from activepick.formats.text import write_pieces

__all__ = ["Checksum", "WrittenFiles"]

_NAME = ".activepick-files"
# Longer numbers are not file sizes, and Python does not convert very long ones.
_NUMBER = re.compile(r"[0-9]{1,20}")


class Checksum:
    """Size in bytes and CRC-32 of the data that pass through `of`."""

    def __init__(self) -> None:
        self.size = 0
        self.crc = 0

    def of(self, pieces: Iterable[str | bytes]) -> Iterator[bytes]:
        """Yield pieces as bytes, with strings encoded as UTF-8, and add them to the checksum."""
        for piece in pieces:
            data = piece.encode("utf-8") if isinstance(piece, str) else piece
            self.size += len(data)
            self.crc = zlib.crc32(data, self.crc)
            yield data


class WrittenFiles:
    """The files that this program wrote to a folder, in this run and in earlier runs.

    Parameters
    ----------
    folder
        The folder, which may be missing. A record in it is read.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._record = folder / _NAME
        self._sums: dict[str, tuple[int, int]] = {}
        try:
            text = read_whole(self._record).decode("utf-8", errors="surrogateescape")
        except OSError:
            text = ""
        for line in text.split("\n"):
            size, _, rest = line.partition(" ")
            crc, _, name = rest.partition(" ")
            # An incomplete line, whose writing was interrupted, is ignored.
            if _NUMBER.fullmatch(size) and _NUMBER.fullmatch(crc) and name:
                self._sums[name] = (int(size), int(crc))

    def add(self, path: Path, checksum: Checksum) -> None:
        """Record a file; the record is written to disk immediately.

        Parameters
        ----------
        path
            Path of the file, in the folder.
        checksum
            Checksum of its content.

        Raises
        ------
        TableError
            If the record cannot be written.
        """
        line = self._note(path, checksum)
        try:
            appending = os.O_WRONLY | os.O_APPEND | os.O_CREAT
            with os.fdopen(open_in_place(self._record, appending), "ab") as file:
                file.write(line)
        except OSError as error:
            raise TableError(f"{self._record}: cannot be written ({error.strerror})") from error

    def add_all(self, files: Iterable[tuple[Path, Checksum]]) -> None:
        """Record many files at once; see `add`."""
        for path, checksum in files:
            self._note(path, checksum)
        self.save()

    def save(self) -> None:
        """Rewrite the record, with a line for each recorded file that still exists.

        Raises
        ------
        TableError
            If the record cannot be written.
        """
        self._sums = {k: v for k, v in self._sums.items() if os.path.isfile(self._folder / k)}
        if self._sums or self._record.exists():
            write_pieces(self._record, (_line(name, *sums) for name, sums in self._sums.items()))

    def others(self, own: Collection[Path]) -> list[Path]:
        """Return the recorded files that still exist and are unchanged.

        Parameters
        ----------
        own
            Paths, in the folder, that are left out.

        Returns
        -------
        list of Path
        """
        names = {path.relative_to(self._folder).as_posix() for path in own}
        found = ((name, sums) for name, sums in self._sums.items() if name not in names)
        return [self._folder / name for name, sums in found if self._is_same(name, sums)]

    def wrote(self, path: Path) -> bool:
        """Return whether a file in the folder is recorded, still exists and is unchanged."""
        name = path.relative_to(self._folder).as_posix()
        return name in self._sums and self._is_same(name, self._sums[name])

    def _note(self, path: Path, checksum: Checksum) -> bytes:
        name = path.relative_to(self._folder).as_posix()
        self._sums[name] = (checksum.size, checksum.crc)
        return _line(name, checksum.size, checksum.crc)

    def _is_same(self, name: str, sums: tuple[int, int]) -> bool:
        path = self._folder / name
        # Records of files outside of the folder are ignored.
        if os.path.isabs(name) or ".." in Path(name).parts or os.path.islink(path):
            return False
        try:
            check_folders(self._folder, path)
            if path.stat().st_size != sums[0]:
                return False
            return zlib.crc32(read_whole(path)) == sums[1]
        except (OSError, ValueError):
            return False


def _line(name: str, size: int, crc: int) -> bytes:
    return f"{size} {crc} {name}\n".encode("utf-8", errors="surrogateescape")

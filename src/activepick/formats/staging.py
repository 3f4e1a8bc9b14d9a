"""Write several files so that either all of them appear or none."""

import os
import tempfile
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from activepick.errors import TableError
from activepick.formats.text import put_pieces
from activepick.formats.written_files import Checksum

__all__ = ["write_together"]

# A disk writes many files together if they are requested at the same time.
_FLUSHES = 16


def write_together(
    paths: Sequence[Path],
    texts: Iterable[Iterable[str | bytes]],
    folder: Path,
    progress: Callable[[int, int], None] | None,
) -> list[Checksum]:
    """Write files to a hidden folder, then move all of them to their final paths.

    Parameters
    ----------
    paths
        The files, all in the folder.
    texts
        The pieces of each file, which are requested for one file after the other.
    folder
        Created if it is missing; no file remains in it after an error.
    progress
        Called with the number of files written and the number of all files.

    Returns
    -------
    list of Checksum
        Checksum of each file.

    Raises
    ------
    TableError
        If a file cannot be written.
    """
    staged: dict[Path, Path] = {}
    checksums = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".writing-", dir=folder) as staging:
            for done, (path, pieces) in enumerate(zip(paths, texts, strict=True), 1):
                staged[path] = Path(staging, f"{done}")
                checksums.append(Checksum())
                put_pieces(staged[path], checksums[-1].of(pieces))
                if progress is not None:
                    progress(done, len(paths))
            with ThreadPoolExecutor(_FLUSHES) as pool:
                list(pool.map(_flush, staged.values()))
            for path, source in staged.items():
                path.parent.mkdir(parents=True, exist_ok=True)
                source.replace(path)
    except OSError as error:
        raise TableError(f"{folder}: cannot be written ({error.strerror})") from error
    return checksums


def _flush(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())

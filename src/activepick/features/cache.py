"""Cache of feature maps on disk. Its folder can be deleted at any time."""

import contextlib
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import platformdirs
from numpy.typing import NDArray

from activepick.atomic import replacing
from activepick.files import check_readable

__all__ = ["FeatureCache"]

GIB = 1 << 30


Number = TypeVar("Number", bound=np.generic)


class FeatureCache:
    """A folder of memory-mapped feature maps with a limited size.

    Parameters
    ----------
    folder
        Folder of the files; by default in the user's cache folder.
    limit_bytes
        Largest size of the folder in bytes. When a new file exceeds it, the least recently used
        files are deleted.
    """

    def __init__(self, folder: str | Path | None = None, limit_bytes: int = 20 * GIB) -> None:
        self.folder = Path(folder or platformdirs.user_cache_path("activepick") / "features")
        self.limit_bytes = limit_bytes

    def get(self, key: str, compute: Callable[[], NDArray[Number]]) -> NDArray[Number]:
        """Return the array of a key; compute and store it if it is missing.

        An array that cannot be stored (full disk, missing permission) is returned from memory: a
        failure of the cache is not an error.

        Parameters
        ----------
        key
            Text that contains everything on which the array depends.
        compute
            Returns the array, for example features (h, w, C).

        Returns
        -------
        ndarray
            The array, memory-mapped if it is stored.
        """
        path = self._path(key)
        found: NDArray[Number] | None = self.find(key)
        if found is not None:
            return found
        values = compute()
        try:
            with replacing(path) as temporary:
                np.save(temporary, values)
            self._make_room(path)
            stored: NDArray[Number] | None = _read(path)
        except OSError:
            return values
        return values if stored is None else stored

    def find(self, key: str) -> NDArray[Any] | None:
        """Return the array of a key, memory-mapped; None if it is not stored."""
        return _read(self._path(key))

    def __contains__(self, key: str) -> bool:
        return self._path(key).is_file()

    def _path(self, key: str) -> Path:
        return self.folder / f"{hashlib.blake2b(key.encode(), digest_size=16).hexdigest()}.npy"

    def _make_room(self, newest: Path) -> None:
        files = []
        for file in self.folder.glob("*.npy"):
            with contextlib.suppress(OSError):  # another process may delete it at any time
                status = file.lstat()
                files.append((status.st_mtime, status.st_size, file))
        total = sum(size for _, size, _ in files)
        for _, size, file in sorted(files):
            if total <= self.limit_bytes:
                return
            if file != newest:
                # Processes that have mapped the file can still read it after its deletion.
                # Windows refuses to delete such a file; it is deleted on a later call.
                with contextlib.suppress(PermissionError):
                    file.unlink(missing_ok=True)
                    total -= size


def _read(path: Path) -> NDArray[Any] | None:
    """Return the array in a file and mark it as used; None if it is damaged or missing."""
    try:
        check_readable(path)
        # Copy-on-write maps count as writable, which PyTorch requires, and never change the file.
        found: NDArray[Any] = np.load(path, mmap_mode="c", allow_pickle=False)
        if found.dtype.kind not in "fiub":
            return None
        os.utime(path)
    except Exception:  # damaged headers raise errors of many kinds
        return None
    return found

"""Feature maps on disk, so that each is computed once. The folder can be deleted at any time."""

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
    """A folder of memory-mapped feature maps that stays below a size.

    Parameters
    ----------
    folder
        Where the files lie; by default the user's cache folder.
    limit_bytes
        When a new file makes the folder larger than this, those unused for longest are deleted.
    """

    def __init__(self, folder: str | Path | None = None, limit_bytes: int = 20 * GIB) -> None:
        self.folder = Path(folder or platformdirs.user_cache_path("activepick") / "features")
        self.limit_bytes = limit_bytes

    def get(self, key: str, compute: Callable[[], NDArray[Number]]) -> NDArray[Number]:
        """Return the map of a key; it is computed and stored if it is missing.

        A map that cannot be stored (full disk, no rights) is given from memory instead: the cache
        saves time and never stops the work.

        Parameters
        ----------
        key
            Names everything that the features depend on.
        compute
            Returns the array, such as features (h, w, C).
        """
        path = self._path(key)
        found: NDArray[Number] | None = _read(path)
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
                # A process that has it open keeps it: the file goes when its last map is closed.
                # Windows refuses to delete such a file, which then has to wait for another time.
                with contextlib.suppress(PermissionError):
                    file.unlink(missing_ok=True)
                    total -= size


def _read(path: Path) -> NDArray[Any] | None:
    """Return the array in a file and mark it as used; None if it is damaged or missing."""
    try:
        check_readable(path)
        # Copy-on-write maps count as writable, which PyTorch wants, and never change the file.
        found: NDArray[Any] = np.load(path, mmap_mode="c", allow_pickle=False)
        if found.dtype.kind not in "fiub":
            return None
        os.utime(path)
    except Exception:  # damaged headers raise errors of many kinds
        return None
    return found

"""Watch for micrographs that are still being written, and return those that are complete."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from activepick.errors import ActivepickError
from activepick.micrograph.discovery import MicrographSet
from activepick.micrograph.reading import open_micrograph

__all__ = ["watch"]

# A file that does not change for so many seconds and still cannot be read is reported as damaged.
_GIVE_UP_AFTER = 60.0


def watch(
    find: Callable[[], MicrographSet],
    *,
    every: float = 5.0,
    stop_after: float | None = None,
    give_up_after: float = _GIVE_UP_AFTER,
) -> Iterator[MicrographSet]:
    """Search for micrographs again and again, and yield those that are new or changed.

    A file counts as complete when its size and the time of its last change are the same in two
    searches and its header can be read, which states how long the file has to be. Waiting times are
    measured on a monotonic clock, independent of the clock of the file system.

    Parameters
    ----------
    find
        Returns all micrographs that are there now.
    every
        Seconds between two searches.
    stop_after
        Seconds without a new file after which to end; None watches until it is interrupted.
    give_up_after
        Seconds without a change after which a file is yielded although it cannot be read, so that
        it is reported.

    Yields
    ------
    MicrographSet
        Micrographs that are new or changed, at least one.
    """
    files: dict[Path, _WatchedFile] = {}
    quiet_since = time.monotonic()
    while True:
        micrographs = find()
        ready = [
            found
            for found in micrographs.found
            if files.setdefault(found.path, _WatchedFile()).is_ready(found.path, give_up_after)
        ]
        if ready:
            yield replace(micrographs, found=ready)
            quiet_since = time.monotonic()
        elif any(not file.yielded for file in files.values()):
            quiet_since = time.monotonic()  # something is being written
        if stop_after is not None and time.monotonic() - quiet_since >= stop_after:
            return
        time.sleep(every)


class _WatchedFile:
    """A file as it was in the last search.

    Attributes
    ----------
    yielded
        Whether it was yielded in this state, or is gone.
    """

    def __init__(self) -> None:
        self.yielded = False
        self._state: tuple[int, int] | None = None
        self._since = 0.0

    def is_ready(self, path: Path, give_up_after: float) -> bool:
        """Return whether the file can be picked now; True only once for each of its states."""
        try:
            status = path.stat()
        except OSError:
            self.yielded = True  # gone: nothing to wait for
            self._state = None
            return False
        state = (status.st_size, status.st_mtime_ns)
        now = time.monotonic()
        if state != self._state:
            self._state, self._since, self.yielded = state, now, False
            return False
        if self.yielded:
            return False
        self.yielded = _is_readable(path) or now - self._since >= give_up_after
        return self.yielded


def _is_readable(path: Path) -> bool:
    try:
        open_micrograph(path)
    except ActivepickError:
        return False
    return True

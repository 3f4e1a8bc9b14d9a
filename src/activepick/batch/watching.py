"""Watch for micrographs that are still being written, and return those that are complete."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from activepick.errors import ActivepickError, TableError, on_command_line
from activepick.micrograph.discovery import MicrographSet
from activepick.micrograph.reading import open_micrograph

__all__ = ["find_whole", "watch"]

# A file that does not change for this many seconds and cannot be read is reported as damaged.
_GIVE_UP_AFTER = 60.0


def find_whole(
    find: Callable[[], MicrographSet],
    say: Callable[[str], None],
    *,
    every: float = 5.0,
    give_up_after: float = _GIVE_UP_AFTER,
) -> MicrographSet:
    """Search for micrographs; repeat this while a list cannot be read as it is being written.

    Parameters
    ----------
    find
        Returns all micrographs that exist now.
    say
        Called with the first error, as a sentence.
    every
        Seconds between two searches.
    give_up_after
        Seconds after which an error that does not change is raised.

    Raises
    ------
    TableError
        If the error did not change for `give_up_after` seconds.
    """
    error, since = "", 0.0
    while True:
        try:
            return find()
        except TableError as problem:
            now = time.monotonic()
            if not error:
                say(f"waiting for the whole list: {on_command_line(problem)}")
            if str(problem) != error:
                error, since = str(problem), now
            elif now - since >= give_up_after:
                raise
        time.sleep(every)


def watch(
    find: Callable[[], MicrographSet],
    say: Callable[[str], None],
    *,
    every: float = 5.0,
    stop_after: float | None = None,
    give_up_after: float = _GIVE_UP_AFTER,
) -> Iterator[MicrographSet]:
    """Search for micrographs repeatedly, and yield those that are new or changed.

    A file counts as complete when its size and the time of its last change are the same in two
    searches and it has the length that is given in its header. Waiting times are measured with a
    monotonic clock, independent of the clock of the file system.

    Parameters
    ----------
    find
        Returns all micrographs that exist now.
    say
        As for `find_whole`.
    every
        Seconds between two searches.
    stop_after
        Seconds without a new file after which to stop; None to watch until interrupted.
    give_up_after
        Seconds without a change after which a file that cannot be read is yielded as well, so that
        it is reported.

    Yields
    ------
    MicrographSet
        At least one new or changed micrograph. Missing micrographs are included if they were also
        missing in the previous search, since the last name in a list that is being written may be
        incomplete.

    Raises
    ------
    TableError
        As for `find_whole`.
    """
    files: dict[Path, _WatchedFile] = {}
    quiet_since = time.monotonic()
    missing: dict[str, str] = {}
    while True:
        micrographs = find_whole(find, say, every=every, give_up_after=give_up_after)
        before, missing = missing, micrographs.missing
        ready = [
            found
            for found in micrographs.found
            if files.setdefault(found.path, _WatchedFile()).is_ready(found.path, give_up_after)
        ]
        if ready:
            still = {name: reason for name, reason in missing.items() if name in before}
            yield replace(micrographs, found=ready, missing=still)
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
        Whether it was yielded in this state, or no longer exists.
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
            self.yielded = True  # the file was removed
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

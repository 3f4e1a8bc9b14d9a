"""Wait for micrographs that are still being written, and give those that are whole."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from activepick.batch.source import Sources
from activepick.errors import ActivepickError
from activepick.micrograph.reading import open_micrograph

__all__ = ["watch"]

# A file that does not change for so long, and still cannot be read, will not become whole.
_GIVEN_UP = 60.0


def watch(
    find: Callable[[], Sources],
    *,
    every: float = 5.0,
    stop_after: float | None = None,
    given_up: float = _GIVEN_UP,
) -> Iterator[Sources]:
    """Look again and again which micrographs there are, and give those that came or changed.

    A file counts as whole when its size and the time of its last change are the same in two looks
    and its header can be read, which says how long the file has to be. Times are measured on the
    clock that only goes forward, and are compared with nothing that the file system says.

    Parameters
    ----------
    find
        Gives all that are there now.
    every
        Seconds between two looks.
    stop_after
        End when nothing came for so many seconds; None watches until it is interrupted.
    given_up
        Seconds after which a file is given although it cannot be read, to be reported.

    Yields
    ------
    Sources
        Those that are new or changed, never none of them.
    """
    seen: dict[Path, _Seen] = {}
    quiet_since = time.monotonic()
    while True:
        sources = find()
        ready = [
            source
            for source in sources.found
            if seen.setdefault(source.path, _Seen()).is_ready(source.path, given_up)
        ]
        if ready:
            yield Sources(ready, sources.missing, sources.optics)
            quiet_since = time.monotonic()
        elif any(not known.given for known in seen.values()):
            quiet_since = time.monotonic()  # something is being written
        if stop_after is not None and time.monotonic() - quiet_since >= stop_after:
            return
        time.sleep(every)


class _Seen:
    """What is known of a file."""

    def __init__(self) -> None:
        self.given = False
        self._state: tuple[int, int] | None = None
        self._since = 0.0

    def is_ready(self, path: Path, given_up: float) -> bool:
        """Look at the file, and tell once for each of its states whether it can be picked."""
        try:
            status = path.stat()
        except OSError:
            self.given = True  # gone: nothing to wait for
            self._state = None
            return False
        state = (status.st_size, status.st_mtime_ns)
        now = time.monotonic()
        if state != self._state:
            self._state, self._since, self.given = state, now, False
            return False
        if self.given:
            return False
        self.given = _is_readable(path) or now - self._since >= given_up
        return self.given


def _is_readable(path: Path) -> bool:
    try:
        open_micrograph(path)
    except ActivepickError:
        return False
    return True

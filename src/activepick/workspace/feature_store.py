"""Keep the features of a few micrographs in memory, and prefetch those of the next ones."""

import contextlib
import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from activepick.errors import ActivepickError
from activepick.progress import Progress
from activepick.session.model.state import MicrographEntry
from activepick.workspace.last_used import LastUsed

if TYPE_CHECKING:  # the module loads PyTorch
    from activepick.features.feature_map import MicrographFeatures

__all__ = ["FeatureStore"]

_POLL_SECONDS = 0.1


class _GiveWayError(Exception):
    """Prefetching a micrograph has to wait for a request."""


class FeatureStore:
    """Features of the micrographs that were used last, computed for one micrograph at a time.

    Requests take precedence over prefetching.

    Parameters
    ----------
    load
        Function that computes the features of a micrograph and reports its progress. Its exceptions
        are passed on.
    keep
        Number of micrographs in memory; the least recently used micrograph is dropped.
    """

    def __init__(
        self, load: "Callable[[MicrographEntry, Progress], MicrographFeatures]", keep: int = 8
    ) -> None:
        self._load = load
        self._keep = keep
        self._held: LastUsed[MicrographFeatures] = LastUsed(keep)
        self._queue: list[MicrographEntry] = []
        self._wanted: list[str] = []
        self._closed = False
        self._now: tuple[str, float] = ("", 0.0)
        self._computing = threading.Lock()
        self._news = threading.Condition()
        self._thread: threading.Thread | None = None

    def held(self, entries: Iterable[MicrographEntry]) -> list[MicrographEntry]:
        """Return the micrographs whose features are in memory."""
        return [entry for entry in entries if entry.fingerprint in self._held]

    def get(self, entry: MicrographEntry, progress: Progress | None = None) -> "MicrographFeatures":
        """Return the features of a micrograph, and compute them if they are not in memory.

        Parameters
        ----------
        entry
            The micrograph.
        progress
            Called with the fraction done; may raise an exception to cancel.

        Raises
        ------
        ActivepickError
            If the micrograph is missing, changed, or cannot be read.
        """
        progress = progress or (lambda fraction: None)
        with self._news:
            found = self._held.get(entry.fingerprint)
            if found is not None:
                return found
            self._wanted.append(entry.fingerprint)
        try:
            while not self._computing.acquire(timeout=_POLL_SECONDS):
                key, fraction = self._now
                progress(fraction if key == entry.fingerprint else 0.0)
            try:
                return self._look_up(entry, progress)
            finally:
                self._computing.release()
        finally:
            with self._news:
                self._wanted.remove(entry.fingerprint)
                self._news.notify_all()

    def give_way(self) -> None:
        """Wait until no thread waits for features."""
        with self._news:
            self._news.wait_for(lambda: not self._wanted or self._closed)

    def prefetch(self, entries: Iterable[MicrographEntry]) -> None:
        """Compute features in the background; this replaces earlier calls of this method."""
        with self._news:
            self._queue = list(entries)[: self._keep - 1]
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._run, name="prefetch", daemon=True)
                self._thread.start()
            self._news.notify_all()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until prefetching is done.

        Parameters
        ----------
        timeout
            Longest time to wait, in seconds; None for no limit.

        Returns
        -------
        bool
            Whether prefetching is done.
        """
        with self._news:
            return self._news.wait_for(lambda: not self._queue, timeout)

    def close(self) -> None:
        """Stop prefetching and drop all features."""
        with self._news:
            self._closed = True
            self._queue = []
            self._news.notify_all()
        if self._thread is not None:
            self._thread.join()
        self._held = LastUsed(self._keep)

    def _run(self) -> None:
        while True:
            with self._news:
                self._news.wait_for(lambda: self._closed or (self._queue and not self._wanted))
                if self._closed:
                    return
                entry = self._queue[0]
            try:
                # Errors are suppressed here; they are raised again when the micrograph is opened.
                with self._computing, contextlib.suppress(ActivepickError):
                    self._look_up(entry, self._step(entry))
            except _GiveWayError:
                continue
            with self._news:
                self._queue = [other for other in self._queue if other is not entry]
                self._news.notify_all()

    def _step(self, entry: MicrographEntry) -> Progress:
        def step(fraction: float) -> None:
            self._now = (entry.fingerprint, fraction)
            if self._closed or any(key != entry.fingerprint for key in list(self._wanted)):
                raise _GiveWayError

        return step

    def _look_up(self, entry: MicrographEntry, progress: Progress) -> "MicrographFeatures":
        found = self._held.get(entry.fingerprint)
        if found is None:
            progress(0.0)
            found = self._load(entry, progress)
            self._held.put(entry.fingerprint, found)
        return found

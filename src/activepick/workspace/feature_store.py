"""Features at hand: those of a few micrographs, and the next ones before they are asked for."""

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from activepick.errors import ActivepickError
from activepick.session.model.state import MicrographEntry

if TYPE_CHECKING:
    from activepick.features.feature_map import MicrographFeatures

__all__ = ["FeatureStore"]

Step = Callable[[float], None]
_LOOK_SECONDS = 0.1


class _GiveWayError(Exception):
    """A micrograph that is prepared in advance has to wait."""


class FeatureStore:
    """Computes features in one place at a time; whoever asks goes before what is prefetched.

    Parameters
    ----------
    load
        Gives the features of a micrograph and tells its progress; what that raises ends it.
    keep
        How many micrographs stay in memory; the one that was not used for longest goes.
    """

    def __init__(
        self, load: "Callable[[MicrographEntry, Step], MicrographFeatures]", keep: int = 8
    ) -> None:
        self._load = load
        self._keep = keep
        self._held: OrderedDict[str, MicrographFeatures] = OrderedDict()
        self._queue: list[MicrographEntry] = []
        self._wanted: list[str] = []
        self._closed = False
        self._now: tuple[str, float] = ("", 0.0)
        self._computing = threading.Lock()
        self._news = threading.Condition()
        self._thread: threading.Thread | None = None

    def held(self, entries: Iterable[MicrographEntry]) -> list[MicrographEntry]:
        """Give those micrographs whose features are at hand."""
        with self._news:
            return [entry for entry in entries if entry.fingerprint in self._held]

    def get(self, entry: MicrographEntry, progress: Step | None = None) -> "MicrographFeatures":
        """Give the features of a micrograph, computing them if need be.

        Parameters
        ----------
        entry
            The micrograph.
        progress
            Called with the fraction done; may raise to cancel.

        Raises
        ------
        ActivepickError
            When the micrograph is missing, changed, or cannot be read.
        """
        progress = progress or (lambda fraction: None)
        with self._news:
            if entry.fingerprint in self._held:
                self._held.move_to_end(entry.fingerprint)
                return self._held[entry.fingerprint]
            self._wanted.append(entry.fingerprint)
        try:
            while not self._computing.acquire(timeout=_LOOK_SECONDS):
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
        """Wait until nobody waits for features: for work that has time."""
        with self._news:
            self._news.wait_for(lambda: not self._wanted or self._closed)

    def prefetch(self, entries: Iterable[MicrographEntry]) -> None:
        """Prepare micrographs in the background, instead of those that were to be so far."""
        with self._news:
            self._queue = list(entries)[: self._keep - 1]
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._run, name="prefetch", daemon=True)
                self._thread.start()
            self._news.notify_all()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until nothing is left to prefetch; tells whether that is so."""
        with self._news:
            return self._news.wait_for(lambda: not self._queue, timeout)

    def close(self) -> None:
        """Stop prefetching and let go of everything."""
        with self._news:
            self._closed = True
            self._queue = []
            self._news.notify_all()
        if self._thread is not None:
            self._thread.join()
        self._held.clear()

    def _run(self) -> None:
        while True:
            with self._news:
                self._news.wait_for(lambda: self._closed or (self._queue and not self._wanted))
                if self._closed:
                    return
                entry = self._queue[0]
            try:
                with self._computing, contextlib.suppress(ActivepickError):
                    # An error is told to whoever opens the micrograph.
                    self._look_up(entry, self._step(entry))
            except _GiveWayError:
                continue
            with self._news:
                self._queue = [other for other in self._queue if other is not entry]
                self._news.notify_all()

    def _step(self, entry: MicrographEntry) -> Step:
        def step(fraction: float) -> None:
            self._now = (entry.fingerprint, fraction)
            if self._closed or any(key != entry.fingerprint for key in list(self._wanted)):
                raise _GiveWayError

        return step

    def _look_up(self, entry: MicrographEntry, progress: Step) -> "MicrographFeatures":
        key = entry.fingerprint
        found = self._held.get(key)
        if found is None:
            progress(0.0)
            found = self._load(entry, progress)
        with self._news:
            self._held[key] = found
            self._held.move_to_end(key)
            while len(self._held) > self._keep:
                self._held.popitem(last=False)
        return found

"""Work that takes long, away from the window's thread.

A job runs in a thread and never touches a widget or the viewer; what it gives comes back into the
window's thread. There is one lane for each kind of work. A new job in a lane takes the place of the
older ones: those that wait never start, the running one is told to stop at its next step, and what
it may still give is dropped.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from qtpy.QtCore import QObject, Signal

__all__ = ["CancelledError", "Jobs"]

Step = Callable[[float], None]
# So often a progress is passed on at most, in seconds: more would only keep the window busy.
_TELL_EVERY = 0.05

_log = logging.getLogger(__name__)


class CancelledError(Exception):
    """The result of a job is not wanted any more."""


@dataclass(eq=False)
class _Job:
    lane: str
    text: str
    work: Callable[[Step], Any]
    done: Callable[[Any], None]
    failed: Callable[[Exception], None]
    dropped: Callable[[Any], object]
    cancelled: bool = False


class Jobs(QObject):
    """Runs jobs, the newest of each lane.

    Parameters
    ----------
    failed
        Called with the error of a job that has no `failed` of its own.

    Signals
    -------
    started(lane, text), progressed(lane, fraction), finished(lane)
        `finished` comes after every `started`, also when the job failed or was cancelled.
    emptied()
        Nothing runs any more that a person sees.
    """

    started = Signal(str, str)
    progressed = Signal(str, float)
    finished = Signal(str)
    emptied = Signal()
    _came = Signal(object, object, object)

    def __init__(self, failed: Callable[[Exception], None], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._failed = failed
        self._running: dict[str, _Job] = {}
        self._waiting: dict[str, _Job] = {}
        self._threads: set[threading.Thread] = set()
        self._closed = False
        self._came.connect(self._take)

    def run(
        self,
        lane: str,
        work: Callable[[Step], Any],
        done: Callable[[Any], None] = lambda result: None,
        *,
        text: str = "",
        failed: Callable[[Exception], None] | None = None,
        dropped: Callable[[Any], object] = lambda result: None,
    ) -> None:
        """Run a job in a thread; call from the window's thread.

        Parameters
        ----------
        lane
            The kind of work.
        work
            Called in the thread with a function that takes the fraction done, and raises
            `CancelledError` when the job is to stop.
        done
            Called with the result in the window's thread, unless a newer job took its place.
        text
            What is going on, for the person; nothing is shown without it.
        failed
            Called with an error instead of the common handler.
        dropped
            Called with a result that nobody wants any more, where it has to be put away.
        """
        if self._closed:
            return
        job = _Job(lane, text, work, done, failed or self._failed, dropped)
        running = self._running.get(lane)
        if running is None:
            self._start(job)
        else:
            running.cancelled = True
            self._waiting[lane] = job

    def cancel(self, lane: str) -> None:
        """Stop what runs and waits in a lane."""
        self._waiting.pop(lane, None)
        if lane in self._running:
            self._running[lane].cancelled = True

    def cancel_all(self) -> None:
        """Stop what runs and waits in all lanes."""
        for lane in list(self._running):
            self.cancel(lane)

    def busy(self, *lanes: str) -> bool:
        """Tell whether something runs in one of the lanes, or in any when none is named."""
        return any(lane in self._running for lane in lanes) if lanes else bool(self._running)

    def close(self, seconds: float = 5.0) -> None:
        """Stop all jobs; waits until the threads have ended, but not longer than `seconds`."""
        self._closed = True
        self._waiting.clear()
        for job in self._running.values():
            job.cancelled = True
        end = time.monotonic() + seconds
        for thread in list(self._threads):
            thread.join(max(0.0, end - time.monotonic()))

    def _start(self, job: _Job) -> None:
        self._running[job.lane] = job
        if job.text:
            self.started.emit(job.lane, job.text)
        thread = threading.Thread(target=self._work, args=(job,), name=job.lane, daemon=True)
        self._threads.add(thread)
        thread.start()

    def _work(self, job: _Job) -> None:
        told = 0.0

        def step(fraction: float) -> None:
            nonlocal told
            if job.cancelled:
                raise CancelledError
            now = time.monotonic()
            if job.text and now - told > _TELL_EVERY:
                told = now
                self._send(self.progressed, job.lane, fraction)

        result = error = None
        try:
            result = job.work(step)
        except CancelledError:
            job.cancelled = True
        except Exception as raised:
            error = raised
        self._threads.discard(threading.current_thread())
        self._send(self._came, job, result, error)

    def _send(self, signal: Any, *values: object) -> None:
        """Emit, unless the window is gone already."""
        if not self._closed:
            try:
                signal.emit(*values)
            except RuntimeError:  # the Qt object was deleted while the thread worked
                self._closed = True

    def _take(self, job: _Job, result: object, error: Exception | None) -> None:
        if self._closed:
            return
        del self._running[job.lane]
        if job.text:
            self.finished.emit(job.lane)
            if not self._running:
                self.emptied.emit()
        waiting = self._waiting.pop(job.lane, None)
        if waiting is not None:
            self._start(waiting)
        if job.cancelled:
            if result is not None:
                job.dropped(result)
        elif error is None:
            job.done(result)
        else:
            _log.error("%s failed", job.lane, exc_info=error)
            job.failed(error)

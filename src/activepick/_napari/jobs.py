"""Background jobs of the window.

A job runs in a thread and never accesses a widget or the viewer; its result is passed to a callback
in the window's thread. Jobs are grouped in lanes, one for each kind of work. A new job in a lane
replaces the older ones: a waiting job is not started, a running one is cancelled at its next
progress report, and its result is discarded.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from qtpy.QtCore import QObject, QTimer, Signal

from activepick.progress import Progress

__all__ = ["CancelledError", "Jobs"]

# Shortest time between two progress signals, in seconds, so that they do not load the window.
_PROGRESS_INTERVAL = 0.05

_log = logging.getLogger(__name__)


class CancelledError(Exception):
    """Raised within a job that was cancelled or replaced."""


@dataclass(eq=False)
class _Job:
    lane: str
    text: str
    work: Callable[[Progress], Any]
    done: Callable[[Any], object]
    failed: Callable[[Exception], object]
    discarded: Callable[[Any], object]
    delay_ms: int = 0
    cancelled: bool = False
    shown: bool = False


class Jobs(QObject):
    """Run jobs in threads, the newest of each lane.

    Parameters
    ----------
    failed
        Called with the error of a job that has no `failed` callback of its own.

    Signals
    -------
    started(lane, text), progressed(lane, fraction), finished(lane)
        A job with a text is shown (after its delay), progressed or finished. `finished` follows
        every `started`, even if the job failed or was cancelled.
    ended(lane)
        A job ended, whether it was shown or not, and however it ended.
    described(lane, text)
        The text of a running job changed.
    idle()
        The last running job with a text has finished.
    """

    started = Signal(str, str)
    progressed = Signal(str, float)
    finished = Signal(str)
    ended = Signal(str)
    described = Signal(str, str)
    idle = Signal()
    _returned = Signal(object, object, object)

    def __init__(
        self, failed: Callable[[Exception], object], parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._failed = failed
        self._running: dict[str, _Job] = {}
        self._waiting: dict[str, _Job] = {}
        self._threads: set[threading.Thread] = set()
        self._closed = False
        self._returned.connect(self._finish)

    def run(
        self,
        lane: str,
        work: Callable[[Progress], Any],
        done: Callable[[Any], object] = lambda result: None,
        *,
        text: str = "",
        delay_ms: int = 0,
        failed: Callable[[Exception], object] | None = None,
        discarded: Callable[[Any], object] = lambda result: None,
    ) -> None:
        """Run a job in a thread; must be called from the window's thread.

        Parameters
        ----------
        lane
            Kind of work.
        work
            Called in the thread with a function that takes the fraction that is done, 0 to 1, and
            raises `CancelledError` if the job was cancelled.
        done
            Called with the result in the window's thread, unless the job was replaced.
        text
            Description for the user; without it, the job is not shown.
        delay_ms
            The job is shown only if it is still running after this time, in milliseconds.
        failed
            Called with an error instead of the common handler.
        discarded
            Called with a result that is no longer needed, for instance to close it.
        """
        if self._closed:
            return
        job = _Job(lane, text, work, done, failed or self._failed, discarded, delay_ms)
        running = self._running.get(lane)
        if running is None:
            self._start(job)
        else:
            running.cancelled = True
            self._waiting[lane] = job

    def describe(self, lane: str, text: str) -> None:
        """Set the text of the running job of a lane; may be called from any thread."""
        self._send(self.described, lane, text)

    def cancel(self, lane: str) -> None:
        """Cancel the running and the waiting job of a lane."""
        self._waiting.pop(lane, None)
        if lane in self._running:
            self._running[lane].cancelled = True

    def cancel_all(self) -> None:
        """Cancel the jobs of all lanes."""
        for lane in list(self._running):
            self.cancel(lane)

    def busy(self, *lanes: str) -> bool:
        """Return whether a job runs in one of the lanes, or in any lane if none is named."""
        return any(lane in self._running for lane in lanes) if lanes else bool(self._running)

    def close(self, seconds: float = 5.0) -> None:
        """Cancel all jobs and wait for their threads, at most `seconds`."""
        self._closed = True
        self._waiting.clear()
        for job in self._running.values():
            job.cancelled = True
        end = time.monotonic() + seconds
        for thread in list(self._threads):
            thread.join(max(0.0, end - time.monotonic()))

    def _start(self, job: _Job) -> None:
        self._running[job.lane] = job
        if job.text and job.delay_ms:
            QTimer.singleShot(job.delay_ms, lambda: self._show(job))
        elif job.text:
            self._show(job)
        thread = threading.Thread(target=self._work, args=(job,), name=job.lane, daemon=True)
        self._threads.add(thread)
        thread.start()

    def _show(self, job: _Job) -> None:
        if not self._closed and self._running.get(job.lane) is job:
            job.shown = True
            self.started.emit(job.lane, job.text)

    def _work(self, job: _Job) -> None:
        reported = 0.0

        def progress(fraction: float) -> None:
            nonlocal reported
            if job.cancelled:
                raise CancelledError
            now = time.monotonic()
            if job.shown and now - reported > _PROGRESS_INTERVAL:
                reported = now
                self._send(self.progressed, job.lane, fraction)

        result = error = None
        try:
            result = job.work(progress)
        except CancelledError:
            job.cancelled = True
        except Exception as raised:
            error = raised
        self._threads.discard(threading.current_thread())
        self._send(self._returned, job, result, error)

    def _send(self, signal: Any, *values: object) -> None:
        """Emit a signal unless the window was closed."""
        if not self._closed:
            try:
                signal.emit(*values)
            except RuntimeError:  # the Qt object was deleted while the thread was running
                self._closed = True

    def _finish(self, job: _Job, result: object, error: Exception | None) -> None:
        if self._closed:
            return
        del self._running[job.lane]
        if job.shown:
            self.finished.emit(job.lane)
            if not self._running:
                self.idle.emit()
        self.ended.emit(job.lane)
        waiting = self._waiting.pop(job.lane, None)
        if waiting is not None:
            self._start(waiting)
        if job.cancelled:
            if result is not None:
                job.discarded(result)
        elif error is None:
            job.done(result)
        else:
            _log.error("%s failed", job.lane, exc_info=error)
            job.failed(error)

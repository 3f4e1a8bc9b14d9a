"""Read what comes next while the caller works on what came last."""

import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

__all__ = ["HUNG", "read_ahead"]

T = TypeVar("T")
R = TypeVar("R")

# How often one looks whether somebody closed the door, in seconds.
_TICK = 0.5

HUNG = "reading took longer than {seconds:g} s: the file system does not answer. Run it again later"


def read_ahead(
    items: Iterable[T],
    read: Callable[[T], R],
    *,
    ahead: int = 1,
    patience: float = 600.0,
) -> Iterator[tuple[T, R | Exception]]:
    """Read items in their order, in a thread of its own, a bounded number of them ahead.

    Parameters
    ----------
    items
        What is to be read.
    read
        Reads one of them.
    ahead
        How many that were read may wait; with the one that is being read and the one that the
        caller has this bounds the memory, however many items there are.
    patience
        Seconds that one item may take. A file system that hangs holds a thread for ever, so that
        the thread is left to itself and another one goes on with the next item.

    Yields
    ------
    tuple
        The item, and what was read or the exception that was raised, `TimeoutError` when it hung.
    """
    work = iter(items)
    reader = _Reader(work, read, ahead)
    try:
        while True:
            try:
                found = reader.results.get(timeout=min(_TICK, patience))
            except queue.Empty:
                hung = reader.hangs(patience)
                if hung is not None:
                    reader.stop.set()
                    reader = _Reader(work, read, ahead)
                    yield hung[0], TimeoutError(HUNG.format(seconds=patience))
                continue
            if found is None:
                return
            yield found
    finally:
        reader.stop.set()


class _Reader(Generic[T, R]):
    """A thread that reads items until there are none, or until it is told to stop."""

    def __init__(self, work: Iterator[T], read: Callable[[T], R], ahead: int) -> None:
        self.results: queue.Queue[tuple[T, R | Exception] | None] = queue.Queue(ahead)
        self.stop = threading.Event()
        self._work = work
        self._read = read
        self._current: tuple[T, float] | None = None
        # A daemon, because a thread that waits for a dead file system would hold up the end.
        threading.Thread(target=self._run, daemon=True, name="read-ahead").start()

    def hangs(self, patience: float) -> tuple[T] | None:
        """Give the item that is being read for too long."""
        current = self._current
        if current is None or time.monotonic() - current[1] <= patience:
            return None
        return (current[0],)

    def _run(self) -> None:
        for item in self._work:
            self._current = (item, time.monotonic())
            try:
                result: R | Exception = self._read(item)
            except Exception as error:
                result = error
            self._current = None
            if not self._put((item, result)):
                return
        self._put(None)

    def _put(self, result: tuple[T, R | Exception] | None) -> bool:
        while not self.stop.is_set():
            try:
                self.results.put(result, timeout=_TICK)
                return True
            except queue.Full:
                continue
        return False

"""Read the next items in threads while the caller works on the current one."""

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable
from typing import Generic, TypeVar

from activepick.threads import READER

__all__ = ["HUNG", "read_ahead"]

T = TypeVar("T")
R = TypeVar("R")

# Seconds between two checks whether an item takes too long.
_TICK = 0.5

HUNG = "reading took longer than {seconds:g} s: the file system does not answer. Run it again later"


def read_ahead(
    items: Iterable[T],
    read: Callable[[T], R],
    *,
    ahead: int = 1,
    patience: float = 600.0,
    threads: int = 1,
) -> Generator[tuple[T, R | Exception], None, None]:
    """Read items in threads, a bounded number of them ahead, and yield them in order.

    Parameters
    ----------
    items
        Items to read.
    read
        Reads one item.
    ahead
        Number of items that may wait after they were read. With the number of threads it limits the
        memory.
    patience
        Seconds that one item may take. A file system that does not answer blocks a thread forever;
        the thread is then abandoned and replaced by another one.
    threads
        Number of items that are read at the same time.

    Yields
    ------
    tuple
        The item, and the result or the exception that was raised: `TimeoutError` if reading took
        too long.
    """
    work: queue.SimpleQueue[_Slot[T, R] | None] = queue.SimpleQueue()
    slots: deque[_Slot[T, R]] = deque()
    remaining = iter(items)
    for _ in range(threads):
        _start(work, read)
    try:
        while True:
            while len(slots) < threads + ahead:
                try:
                    slots.append(_Slot(next(remaining)))
                except StopIteration:
                    break
                work.put(slots[-1])
            if not slots:
                return
            slot = slots[0]
            while not slot.done.wait(min(_TICK, patience)):
                if slot.hangs(patience):
                    _start(work, read)
                    break
            slots.popleft()
            # A result that arrives at this moment is used; a later one is ignored.
            hung = TimeoutError(HUNG.format(seconds=patience))
            yield slot.item, slot.result if slot.done.is_set() else hung
    finally:
        for slot in slots:
            slot.abandoned = True
        work.put(None)


class _Slot(Generic[T, R]):
    """An item and its result."""

    def __init__(self, item: T) -> None:
        self.item = item
        self.done = threading.Event()
        self.result: R | Exception
        self.abandoned = False
        self._since: float | None = None

    def read(self, read: Callable[[T], R]) -> None:
        """Read the item, unless it was abandoned."""
        if self.abandoned:
            return
        self._since = time.monotonic()
        try:
            self.result = read(self.item)
        except Exception as error:
            self.result = error
        self.done.set()

    def hangs(self, patience: float) -> bool:
        """Return whether reading takes too long; if so, abandon the item."""
        since = self._since
        self.abandoned = since is not None and time.monotonic() - since > patience
        return self.abandoned


def _start(work: "queue.SimpleQueue[_Slot[T, R] | None]", read: Callable[[T], R]) -> None:
    """Start a thread that reads items until there are no more or its item is abandoned."""

    def run() -> None:
        while (slot := work.get()) is not None:
            slot.read(read)
            if slot.abandoned:  # another thread has replaced this one
                return
        work.put(None)  # passes the end on to the next thread

    # A daemon, because a thread that waits for a file system would block the exit.
    threading.Thread(target=run, daemon=True, name=READER).start()

"""Read what comes next while the caller works on what came last."""

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

__all__ = ["HUNG", "read_ahead"]

T = TypeVar("T")
R = TypeVar("R")

# How often one looks whether an item takes too long, in seconds.
_TICK = 0.5

HUNG = "reading took longer than {seconds:g} s: the file system does not answer. Run it again later"


def read_ahead(
    items: Iterable[T],
    read: Callable[[T], R],
    *,
    ahead: int = 1,
    patience: float = 600.0,
    threads: int = 1,
) -> Iterator[tuple[T, R | Exception]]:
    """Read items in threads of their own, a bounded number of them ahead, and give them in order.

    Parameters
    ----------
    items
        What is to be read.
    read
        Reads one of them.
    ahead
        How many that were read may wait; with those that are being read and the one that the
        caller has this bounds the memory, however many items there are.
    patience
        Seconds that one item may take. A file system that hangs holds a thread for ever, so that
        the thread is left to itself and another one takes its place.
    threads
        How many are read at the same time.

    Yields
    ------
    tuple
        The item, and what was read or the exception that was raised, `TimeoutError` when it hung.
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
            # A read that ends in this very moment has its result; nobody looks at a later one.
            hung = TimeoutError(HUNG.format(seconds=patience))
            yield slot.item, slot.result if slot.done.is_set() else hung
    finally:
        for slot in slots:
            slot.left = True
        work.put(None)


class _Slot(Generic[T, R]):
    """An item and what becomes of it."""

    def __init__(self, item: T) -> None:
        self.item = item
        self.done = threading.Event()
        self.result: R | Exception
        self.left = False
        self._since: float | None = None

    def read(self, read: Callable[[T], R]) -> None:
        """Read the item, unless nobody wants it any more."""
        if self.left:
            return
        self._since = time.monotonic()
        try:
            self.result = read(self.item)
        except Exception as error:
            self.result = error
        self.done.set()

    def hangs(self, patience: float) -> bool:
        """Tell whether it is being read for too long; then it is left."""
        since = self._since
        self.left = since is not None and time.monotonic() - since > patience
        return self.left


def _start(work: "queue.SimpleQueue[_Slot[T, R] | None]", read: Callable[[T], R]) -> None:
    """Start a thread that reads until it is told to stop, or is left."""

    def run() -> None:
        while (slot := work.get()) is not None:
            slot.read(read)
            if slot.left:  # another one has taken this one's place
                return
        work.put(None)  # which tells the next one

    # A daemon, because a thread that waits for a dead file system would hold up the end.
    threading.Thread(target=run, daemon=True, name="read-ahead").start()

"""Pick on a Dask cluster: chunks of micrographs as tasks, while everything may break.

Workers read and pick; they write nothing. Results come back to the one process that writes, which
takes each micrograph once, so that whatever dies is simply asked again.
"""

import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from dataclasses import replace
from itertools import count
from typing import Any
from uuid import uuid4

import distributed

from activepick.batch.cluster_worker import PickJob, PickPlugin, pick_chunk
from activepick.batch.outcome import Outcome
from activepick.batch.source import Source
from activepick.errors import SettingsError

__all__ = ["pick_on_cluster"]

Chunk = tuple[int, ...]

# Tasks that wait for a worker, so that none is idle: as many as they have threads, and some.
_SPARE_TASKS = 4
# Dask gives a task up when it was on three workers that died; so often it is given to three more.
_GIVE_UP = 3
_PAUSE = 1.0
# Dask gives it no type.
_as_completed: Any = distributed.as_completed


def pick_on_cluster(
    connect: Callable[[], Any],
    job: PickJob,
    sources: Sequence[Source],
    *,
    chunk: int = 4,
    patience: float = 600.0,
    reconnect_for: float = 600.0,
    say: Callable[[str], None] = print,
) -> Iterator[Outcome]:
    """Pick micrographs on a cluster, in the order in which they get done.

    Parameters
    ----------
    connect
        Gives a `distributed.Client`; called again after the scheduler was lost.
    job
        What decides; it travels to each worker once.
    sources
        The micrographs, under paths that the workers see too.
    chunk
        Micrographs in a task.
    patience
        As in `read_ahead`, on the workers.
    reconnect_for
        Seconds to try to reach a scheduler that was lost.
    say
        Tells a person what happens to the cluster.

    Yields
    ------
    Outcome
        One for each micrograph.

    Raises
    ------
    SettingsError
        When there is no cluster, or it does not come back.
    """
    whole = [replace(source, path=source.path.absolute()) for source in sources]
    numbers = list(range(len(whole)))
    work = _Work(deque(tuple(numbers[i : i + chunk]) for i in range(0, len(whole), chunk)))
    lost_at: float | None = None
    while work.left:
        try:
            client = connect()
        except (OSError, TimeoutError) as error:
            if lost_at is None or time.monotonic() - lost_at > reconnect_for:
                raise SettingsError(f"The Dask scheduler cannot be reached: {error}.") from error
            time.sleep(_PAUSE)
            continue
        try:
            plugin = PickPlugin(job)
            client.register_plugin(plugin)
            for outcome in work.run(client, plugin.name, whole, patience):
                lost_at = None
                yield outcome
        except (OSError, TimeoutError, CancelledError):
            lost_at = time.monotonic() if lost_at is None else lost_at
            if time.monotonic() - lost_at > reconnect_for:
                raise SettingsError("The Dask scheduler was lost and did not come back.") from None
            say("the scheduler was lost: what is not done yet is given to it again")
            work.take_back()
            time.sleep(_PAUSE)
        finally:
            client.close(timeout=5)


class _Work:
    """What is still to be done, and what the cluster has of it."""

    def __init__(self, waiting: "deque[Chunk]") -> None:
        self._waiting = waiting
        self._running: dict[Any, Chunk] = {}
        self._deaths: Counter[int] = Counter()
        # Keys of an earlier client or run must not be taken for those of this one.
        self._run = uuid4().hex[:12]
        self._numbers = count()

    @property
    def left(self) -> bool:
        """Whether anything is to be done."""
        return bool(self._waiting or self._running)

    def take_back(self) -> None:
        """Do all again that the cluster has not given back."""
        self._waiting.extendleft(self._running.values())
        self._running.clear()

    def run(
        self, client: Any, plugin: str, sources: Sequence[Source], patience: float
    ) -> Iterator[Outcome]:
        """Give chunks to the cluster, a bounded number at a time, and take the outcomes."""
        done: Any = _as_completed(loop=client.loop)
        while self.left:
            limit = sum(client.nthreads().values()) * 2 + _SPARE_TASKS
            while self._waiting and len(self._running) < limit:
                chunk = self._waiting.popleft()
                future = client.submit(
                    pick_chunk,
                    plugin,
                    [(index, sources[index]) for index in chunk],
                    patience,
                    key=f"activepick-pick-{self._run}-{next(self._numbers)}",
                    pure=False,
                )
                self._running[future] = chunk
                done.add(future)
            future = next(done)
            yield from self._take(future, sources)
            future.release()

    def _take(self, future: Any, sources: Sequence[Source]) -> Iterator[Outcome]:
        try:
            outcomes: list[Outcome] = future.result()
        except distributed.KilledWorker:
            chunk = self._running.pop(future)
            self._deaths.update(chunk)
            # Alone each of them shows whether it was the one.
            for index in chunk:
                if self._deaths[index] < _GIVE_UP:
                    self._waiting.append((index,))
                else:
                    yield Outcome(index, failure=_killer(sources[index]))
            return
        del self._running[future]
        yield from outcomes


def _killer(source: Source) -> str:
    return (
        f"{source.path}: the workers that picked it died each time, perhaps for want of memory. "
        "Give them more, or pick it on its own."
    )

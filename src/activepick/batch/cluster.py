"""Pick on a Dask cluster, with chunks of micrographs as tasks; workers and scheduler may fail.

Workers read and pick, and write no files. Their results are sent to the process that writes. It
accepts each micrograph once, so that lost tasks can be submitted again.
"""

import contextlib
import logging
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
from activepick.errors import SettingsError
from activepick.micrograph.discovery import FoundMicrograph

__all__ = ["pick_on_cluster"]

Chunk = tuple[int, ...]

# Number of waiting tasks in addition to one for each thread, so that no worker is idle.
_SPARE_TASKS = 4
# Dask gives up a task after four workers died while they ran it. A micrograph is then submitted
# again alone, until this has happened this many times.
_GIVE_UP = 3
_PAUSE = 1.0
# Seconds to wait for the scheduler to return its id, which shows whether it is the same as before.
_ANSWER = 10.0
# Loggers of libraries that report lost connections; this module reports them in one sentence.
_LOGGERS = ("distributed.client", "distributed.core", "distributed.comm", "tornado.application")
# Dask has no type hints for it.
_as_completed: Any = distributed.as_completed


def pick_on_cluster(
    connect: Callable[[], Any],
    job: PickJob,
    micrographs: Sequence[FoundMicrograph],
    *,
    chunk: int = 4,
    patience: float = 600.0,
    reconnect_for: float = 600.0,
    say: Callable[[str], None] = print,
) -> Iterator[Outcome]:
    """Pick micrographs on a cluster.

    Parameters
    ----------
    connect
        Returns a `distributed.Client`. Called again after the connection to the scheduler was lost.
    job
        Network, head and settings, sent to each worker once.
    micrographs
        The micrographs; workers must be able to read them at the same paths.
    chunk
        Number of micrographs in a task.
    patience
        As in `activepick.batch.read_ahead.read_ahead`, on the workers.
    reconnect_for
        Seconds for which to try to connect to a lost scheduler again.
    say
        Called with messages on the state of the cluster.

    Yields
    ------
    Outcome
        One for each micrograph, in the order in which they are done.

    Raises
    ------
    SettingsError
        If the cluster cannot be reached, a lost scheduler does not come back, or a worker cannot
        pick.
    """
    whole = [replace(found, path=found.path.absolute()) for found in micrographs]
    numbers = list(range(len(whole)))
    work = _Work(deque(tuple(numbers[i : i + chunk]) for i in range(0, len(whole), chunk)))
    lost_at: float | None = None
    with _quiet():
        while work.left:
            try:
                client = connect()
                scheduler = _scheduler_id(client)
            except (OSError, TimeoutError) as error:
                if lost_at is None or time.monotonic() - lost_at > reconnect_for:
                    raise SettingsError(
                        f"The Dask scheduler cannot be reached: {error}."
                    ) from error
                time.sleep(_PAUSE)
                continue
            try:
                plugin = PickPlugin(job)
                client.register_plugin(plugin)
                for outcome in work.run(client, plugin.name, whole, patience):
                    lost_at = None
                    yield outcome
            except (OSError, TimeoutError, CancelledError) as error:
                lost_at = time.monotonic() if lost_at is None else lost_at
                is_same = scheduler is not None and _scheduler_id(client) == scheduler
                if time.monotonic() - lost_at > reconnect_for:
                    raise SettingsError(
                        f"The workers of the Dask cluster cannot be reached: {error}."
                        if is_same
                        else "The Dask scheduler was lost and did not come back."
                    ) from None
                what = "workers were" if is_same else "the scheduler was"
                say(f"{what} lost: the remaining micrographs are submitted again")
                work.requeue()
                time.sleep(_PAUSE)
            finally:
                client.close(timeout=5)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Suppress log messages of libraries on connections; the caller reports what happened."""
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _scheduler_id(client: Any) -> str | None:
    """Return the id that the scheduler got at its start; None if it cannot be reached."""
    if client.status != "running":
        return None
    try:
        return str(client.sync(client.scheduler.identity, callback_timeout=_ANSWER)["id"])
    except (OSError, TimeoutError, CancelledError):
        return None


class _Work:
    """Chunks that are waiting, and those that are running on the cluster."""

    def __init__(self, waiting: "deque[Chunk]") -> None:
        self._waiting = waiting
        self._running: dict[Any, Chunk] = {}
        self._deaths: Counter[int] = Counter()
        # Part of the keys of tasks, which must differ from those of earlier clients and runs.
        self._run = uuid4().hex[:12]
        self._numbers = count()

    @property
    def left(self) -> bool:
        """Whether any chunk is waiting or running."""
        return bool(self._waiting or self._running)

    def requeue(self) -> None:
        """Put the running chunks back, before those that are waiting."""
        self._waiting.extendleft(self._running.values())
        self._running.clear()

    def run(
        self,
        client: Any,
        plugin: str,
        micrographs: Sequence[FoundMicrograph],
        patience: float,
    ) -> Iterator[Outcome]:
        """Submit chunks, a bounded number at a time, and yield the outcomes."""
        done: Any = _as_completed(loop=client.loop)
        while self.left:
            limit = sum(client.nthreads().values()) * 2 + _SPARE_TASKS
            while self._waiting and len(self._running) < limit:
                chunk = self._waiting.popleft()
                future = client.submit(
                    pick_chunk,
                    plugin,
                    [(index, micrographs[index]) for index in chunk],
                    patience,
                    key=f"activepick-pick-{self._run}-{next(self._numbers)}",
                    pure=False,
                )
                self._running[future] = chunk
                done.add(future)
            future = next(done)
            yield from self._take(future, micrographs)
            future.release()

    def _take(self, future: Any, micrographs: Sequence[FoundMicrograph]) -> Iterator[Outcome]:
        try:
            outcomes: list[Outcome] = future.result()
        except distributed.KilledWorker:
            chunk = self._running.pop(future)
            self._deaths.update(chunk)
            # Each micrograph is submitted alone, which shows whether it was the cause.
            for index in chunk:
                if self._deaths[index] < _GIVE_UP:
                    self._waiting.append((index,))
                else:
                    yield Outcome(index, failure=_died(micrographs[index]))
            return
        except (OSError, TimeoutError, MemoryError) as error:
            if future.status != "error":  # the connection failed, not the task
                raise
            reason = str(error) or type(error).__name__
            raise SettingsError(
                f"A worker of the Dask cluster cannot pick: {reason}. See its log for details."
            ) from error
        del self._running[future]
        yield from outcomes


def _died(micrograph: FoundMicrograph) -> str:
    return (
        f"{micrograph.path}: all workers that picked it died, possibly because of too little "
        "memory. Give them more memory, or pick it separately."
    )

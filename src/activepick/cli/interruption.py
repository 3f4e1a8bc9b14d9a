"""How a command ends before its time."""

import atexit
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from typing import NoReturn

__all__ = ["INTERRUPTED", "TERMINATED", "end_at_once", "leave", "terminable"]

INTERRUPTED = 130
TERMINATED = 128 + signal.SIGTERM


@contextlib.contextmanager
def end_at_once() -> Iterator[None]:
    """Let Ctrl-C end the process without a word from Python, while nothing is written.

    Modules that are interrupted while they are loaded raise all kinds of errors, or none.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, _end)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def terminable() -> Iterator[None]:
    """Let SIGTERM, by which a batch system ends a job, end the work as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def leave(status: int) -> NoReturn:
    """End the process when all is put away, though threads of it may still compute.

    Python's own way to the end stops such a thread in the middle of PyTorch's code, which aborts.
    """
    atexit._run_exitfuncs()  # journals and logs are flushed by these
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(status)


def _end(*_: object) -> NoReturn:
    os.write(2, b"interrupted: nothing was written\n")
    os._exit(INTERRUPTED)


def _terminate(*_: object) -> NoReturn:
    raise SystemExit(TERMINATED)

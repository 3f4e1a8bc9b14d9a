"""How a command ends before its time."""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from typing import NoReturn

__all__ = ["INTERRUPTED", "end_at_once", "terminable"]

INTERRUPTED = 130


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


def _end(*_: object) -> NoReturn:
    os.write(2, b"interrupted: nothing was written\n")
    os._exit(INTERRUPTED)


def _terminate(*_: object) -> NoReturn:
    raise SystemExit(128 + signal.SIGTERM)

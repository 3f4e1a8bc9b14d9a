"""End a command early, by Ctrl-C or by a batch system."""

import atexit
import contextlib
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from typing import NoReturn

from activepick.threads import READER

__all__ = [
    "INTERRUPTED",
    "TERMINATED",
    "exit_at_once",
    "finish",
    "leave",
    "terminable",
    "wait_for_readers",
]

INTERRUPTED = 130
TERMINATED = 128 + signal.SIGTERM

# Reading a micrograph takes less than this, unless the file system hangs.
_LONGEST_WAIT = 5.0


@contextlib.contextmanager
def exit_at_once() -> Iterator[None]:
    """Make Ctrl-C end the process without a traceback, as long as nothing is written.

    Modules that are interrupted during their import raise different errors, or none.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, _exit)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def terminable() -> Iterator[None]:
    """Handle SIGTERM, with which batch systems end a job, in the same way as Ctrl-C."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def leave(status: int) -> NoReturn:
    """End the process, even if threads that read micrographs are still running.

    If one of them is blocked by a file system that hangs, the process ends without Python's
    finalisation.

    Parameters
    ----------
    status
        Exit status.
    """
    if wait_for_readers():
        sys.exit(status)
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(status)


def finish(status: int) -> None:
    """End the process without Python's finalisation, if nothing needs it.

    The finalisation of PyTorch's modules takes 0.15 s, and the system frees all memory anyway.
    Functions that are registered for the exit are called. The function returns if a thread is still
    running, a window was opened, or the output cannot be written, which Python reports.

    Parameters
    ----------
    status
        Exit status.
    """
    others = [t for t in threading.enumerate() if t is not threading.main_thread()]
    if "torch" not in sys.modules or "qtpy" in sys.modules or any(not t.daemon for t in others):
        return
    if not wait_for_readers():
        return
    atexit._run_exitfuncs()
    try:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
    except (OSError, ValueError):
        return
    os._exit(status)


def wait_for_readers() -> bool:
    """Wait for the threads that read micrographs, and return whether all have ended.

    At exit Python stops daemon threads at any point, and the process aborts if one of them is in
    compiled code of PyTorch. The threads have been asked to end after the current micrograph.
    """
    deadline = time.monotonic() + _LONGEST_WAIT
    threads = [thread for thread in threading.enumerate() if thread.name == READER]
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return not any(thread.is_alive() for thread in threads)


def _exit(*_: object) -> NoReturn:
    os.write(2, b"interrupted: nothing was written\n")
    os._exit(INTERRUPTED)


def _terminate(*_: object) -> NoReturn:
    raise SystemExit(TERMINATED)

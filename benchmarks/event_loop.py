"""Run the event loop of a window until a condition holds, and measure its memory."""

import resource
import time
from collections.abc import Callable
from pathlib import Path

from qtpy.QtWidgets import QApplication

__all__ = ["memory", "wait"]


def wait(seen: Callable[[], bool], seconds: float = 600) -> None:
    """Process events until `seen` returns True.

    Raises
    ------
    TimeoutError
        If that takes longer than a number of seconds.
    """
    end = time.monotonic() + seconds
    while not seen():
        if time.monotonic() > end:
            raise TimeoutError("the window did not answer")
        QApplication.processEvents()
        time.sleep(0.002)


def memory() -> float:
    """Return the resident memory of this process in bytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return float(pages * resource.getpagesize())

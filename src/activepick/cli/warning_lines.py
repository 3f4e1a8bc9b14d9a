"""Warnings on stderr: one line each, and one for all micrographs of which the same is true."""

import threading
import warnings
from collections import Counter

from activepick.cli.console import say
from activepick.errors import on_command_line
from activepick.micrograph.guard import MicrographWarning

__all__ = ["WarningLines"]


class WarningLines:
    """Print warnings as they come, of any thread.

    A warning that is true of many micrographs is printed for the first one; `finish` says of how
    many others it is true.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()

    def start(self) -> None:
        """Print all warnings from now on."""
        warnings.showwarning = self.show

    def show(
        self, message: Warning | str, category: type[Warning], *_: object, **__: object
    ) -> None:
        """Print a warning; arguments as of `warnings.showwarning`."""
        if issubclass(category, DeprecationWarning | FutureWarning):
            return
        if isinstance(message, MicrographWarning):
            with self._lock:
                self._counts[message.kind] += 1
                if self._counts[message.kind] > 1:
                    return
        text = on_command_line(message) if isinstance(message, Warning) else message
        say(f"warning: {text}")

    def finish(self) -> None:
        """Say of how many micrographs warnings are true that were printed for one only."""
        for kind, count in self._counts.items():
            if count > 1:
                others = f"{count - 1} other micrograph{'s' * (count > 2)}"
                say(f"warning: the same is true of {others}: {kind}")
        self._counts.clear()

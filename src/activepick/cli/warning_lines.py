"""Print warnings to stderr, with one line for many micrographs with the same warning."""

import threading
import warnings
from collections import Counter

from activepick.cli.console import say
from activepick.errors import on_command_line
from activepick.micrograph.guard import MicrographWarning

__all__ = ["WarningLines"]


class WarningLines:
    """Print warnings of all threads as they are issued.

    A warning that applies to many micrographs is printed for the first one; `finish` prints the
    number of the others.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()

    def start(self) -> None:
        """Start printing all warnings."""
        warnings.showwarning = self.show

    def show(
        self, message: Warning | str, category: type[Warning], *_: object, **__: object
    ) -> None:
        """Print a warning; the arguments are those of `warnings.showwarning`."""
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
        """Print the number of further micrographs for each warning that was printed once."""
        for kind, count in self._counts.items():
            if count > 1:
                others = f"{count - 1} other micrograph{'s' * (count > 2)}"
                say(f"warning: the same applies to {others}: {kind}")
        self._counts.clear()

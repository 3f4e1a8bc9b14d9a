"""Write the output of commands: results to stdout, messages and progress to stderr."""

import contextlib
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.progress import Progress

__all__ = ["Bar", "print_json", "progress_bar", "say"]


def say(text: str) -> None:
    """Write a line to stderr, above the progress bar if there is one.

    If it cannot be written, for instance to a file on a full disk, the command continues without
    it.
    """
    with contextlib.suppress(OSError):
        print(text, file=sys.stderr, flush=True)


def print_json(value: dict[str, Any]) -> None:
    """Write one JSON object to stdout."""
    json.dump(value, sys.stdout, indent=2)
    sys.stdout.write("\n")


class Bar:
    """A progress bar over a number of equal steps, or none."""

    def __init__(self, progress: "Progress | None", steps: int) -> None:
        self._progress = progress
        self._task = None if progress is None else progress.add_task("", total=steps)
        self._done = 0

    def step(self, text: str) -> None:
        """Show the current step."""
        self._update(description=text)

    def part(self, fraction: float) -> None:
        """Show the fraction of the current step that is done."""
        self._update(completed=self._done + fraction)

    def done(self) -> None:
        """Finish the current step."""
        self._done += 1
        self._update(completed=self._done)

    def _update(self, **changes: Any) -> None:
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, **changes)


@contextmanager
def progress_bar(steps: int) -> Iterator[Bar]:
    """Show a progress bar with the remaining time on stderr, if that is a terminal.

    Parameters
    ----------
    steps
        Number of equal steps.
    """
    if not sys.stderr.isatty():
        yield Bar(None, steps)
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        BarColumn(24),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.description}", markup=False),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        yield Bar(progress, steps)

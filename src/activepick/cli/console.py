"""Write the output of commands: results to stdout, messages and progress to stderr."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

__all__ = ["Bar", "print_json", "progress_bar", "say"]


def say(text: str) -> None:
    """Write a line to stderr, above the progress bar if there is one."""
    Console(stderr=True, soft_wrap=True, highlight=False, markup=False).print(text)


def print_json(value: dict[str, Any]) -> None:
    """Write one JSON object to stdout."""
    json.dump(value, sys.stdout, indent=2)
    sys.stdout.write("\n")


class Bar:
    """A progress bar over a number of equal steps."""

    def __init__(self, progress: Progress, steps: int) -> None:
        self._progress = progress
        self._task = progress.add_task("", total=steps)
        self._done = 0

    def step(self, text: str) -> None:
        """Show the current step."""
        self._progress.update(self._task, description=text)

    def part(self, fraction: float) -> None:
        """Show the fraction of the current step that is done."""
        self._progress.update(self._task, completed=self._done + fraction)

    def done(self) -> None:
        """Finish the current step."""
        self._done += 1
        self._progress.update(self._task, completed=self._done)

    def say(self, text: str) -> None:
        """Write a line above the progress bar."""
        self._progress.console.print(text, highlight=False, markup=False, soft_wrap=True)


@contextmanager
def progress_bar(steps: int) -> Iterator[Bar]:
    """Show a progress bar with the remaining time on stderr, if that is a terminal.

    Parameters
    ----------
    steps
        Number of equal steps.
    """
    console = Console(stderr=True)
    columns = (
        BarColumn(24),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.description}", markup=False),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        yield Bar(progress, steps)

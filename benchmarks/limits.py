"""The limits of a benchmark, and the measured values beside them."""

import sys
from typing import NoReturn

__all__ = ["MISSED", "Limits"]

# Part of the line of a limit that is not met; `run_all.py` collects these lines.
MISSED = "DOES NOT HOLD"


class Limits:
    """Prints figures beside their limits, and sets the exit status of the program."""

    def __init__(self) -> None:
        self._missed = 0

    def at_most(self, what: str, value: float, limit: float, unit: str = "") -> bool:
        """Print a figure with an upper limit; return whether the limit is met."""
        return self._print(what, value, "at most", limit, unit, value <= limit)

    def at_least(self, what: str, value: float, limit: float, unit: str = "") -> bool:
        """Print a figure with a lower limit; return whether the limit is met."""
        return self._print(what, value, "at least", limit, unit, value >= limit)

    def exit(self) -> NoReturn:
        """End the program, with an error if a limit is not met."""
        sys.exit(self._missed > 0)

    def _print(
        self, what: str, value: float, bound: str, limit: float, unit: str, holds: bool
    ) -> bool:
        self._missed += not holds
        unit = f" {unit}" if unit else ""
        text = f"{what}: {value:.3g}{unit} ({bound} {limit:g})"
        print(text if holds else f"{text} {MISSED}", flush=True)
        return holds

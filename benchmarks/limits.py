"""The limits of a benchmark, and the measured values beside them."""

import sys
from typing import NoReturn

__all__ = ["MISSED", "Limits"]

# Stands in the line of a limit that does not hold; `run_all.py` collects these lines.
MISSED = "DOES NOT HOLD"


class Limits:
    """Prints figures beside their limits, and ends the program according to them."""

    def __init__(self) -> None:
        self._missed = 0

    def at_most(self, what: str, value: float, limit: float, unit: str = "") -> bool:
        """Print a figure that must not be larger than a limit; return whether it is not."""
        return self._print(what, value, "at most", limit, unit, value <= limit)

    def at_least(self, what: str, value: float, limit: float, unit: str = "") -> bool:
        """Print a figure that must not be smaller than a limit; return whether it is not."""
        return self._print(what, value, "at least", limit, unit, value >= limit)

    def exit(self) -> NoReturn:
        """End the program, with an error if a limit did not hold."""
        sys.exit(self._missed > 0)

    def _print(
        self, what: str, value: float, bound: str, limit: float, unit: str, holds: bool
    ) -> bool:
        self._missed += not holds
        unit = f" {unit}" if unit else ""
        text = f"{what}: {value:.3g}{unit} ({bound} {limit:g})"
        print(text if holds else f"{text} {MISSED}", flush=True)
        return holds

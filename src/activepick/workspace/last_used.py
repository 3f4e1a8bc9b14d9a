"""A dictionary that keeps the values that were used last."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

__all__ = ["LastUsed"]

Value = TypeVar("Value")


class LastUsed(Generic[Value]):
    """Keeps a number of values by key; the least recently used one is dropped.

    All methods may be called from any thread.

    Parameters
    ----------
    keep
        Number of values.
    kept
        Returns whether the value of a key must not be dropped; there may be more than `keep` then.
    """

    def __init__(self, keep: int, kept: Callable[[str], bool] | None = None) -> None:
        self._keep = keep
        self._kept = kept or (lambda key: False)
        self._values: OrderedDict[str, Value] = OrderedDict()
        self._lock = threading.Lock()

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def get(self, key: str) -> Value | None:
        """Return the value of a key, which counts as a use; None if there is none."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
            return self._values.get(key)

    def peek(self, key: str) -> Value | None:
        """Return the value of a key, which does not count as a use; None if there is none."""
        return self._values.get(key)

    def put(self, key: str, value: Value) -> list[tuple[str, Value]]:
        """Set the value of a key, and return keys and values that are dropped for it."""
        with self._lock:
            self._values[key] = value
            self._values.move_to_end(key)
            excess = len(self._values) - self._keep
            if excess <= 0:
                return []
            free = [other for other in self._values if other != key and not self._kept(other)]
            return [(other, self._values.pop(other)) for other in free[:excess]]

    def items(self) -> list[tuple[str, Value]]:
        """Return all keys and values, the least recently used one first."""
        with self._lock:
            return list(self._values.items())

"""A dictionary of limited size that drops the least recently used values."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

__all__ = ["LastUsed"]

Value = TypeVar("Value")


class LastUsed(Generic[Value]):
    """Values by key, of which the least recently used are dropped.

    All methods are thread-safe.

    Parameters
    ----------
    keep
        Largest number of values.
    kept
        Function that returns whether the value of a key must not be dropped. If there are many such
        keys, the number of values may exceed `keep`.
    """

    def __init__(self, keep: int, kept: Callable[[str], bool] | None = None) -> None:
        self._keep = keep
        self._kept = kept or (lambda key: False)
        self._values: OrderedDict[str, Value] = OrderedDict()
        self._lock = threading.Lock()

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def get(self, key: str) -> Value | None:
        """Return the value of a key and mark it as used; None if there is no value."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
            return self._values.get(key)

    def peek(self, key: str) -> Value | None:
        """Return the value of a key without marking it as used; None if there is no value."""
        return self._values.get(key)

    def put(self, key: str, value: Value) -> list[tuple[str, Value]]:
        """Set the value of a key, and return the keys and values that are dropped."""
        with self._lock:
            self._values[key] = value
            self._values.move_to_end(key)
            excess = len(self._values) - self._keep
            if excess <= 0:
                return []
            free = [other for other in self._values if other != key and not self._kept(other)]
            return [(other, self._values.pop(other)) for other in free[:excess]]

    def items(self) -> list[tuple[str, Value]]:
        """Return all keys and values, the least recently used first."""
        with self._lock:
            return list(self._values.items())

"""Keep the last result of a function of many parameters."""

from collections.abc import Callable
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["LastResult"]

T = TypeVar("T")


class LastResult(Generic[T]):
    """The result of a function for the parameters of its last call.

    A minimisation begins at the parameters at which the inverse Hessian was computed. Unlike
    `functools.lru_cache` around a method, it makes no reference cycle, which would keep the arrays
    of a loss in memory until the next garbage collection.
    """

    def __init__(self) -> None:
        self._last: tuple[NDArray[np.float64], T] | None = None

    def get(
        self, parameters: NDArray[np.float64], compute: Callable[[NDArray[np.float64]], T]
    ) -> T:
        """Return ``compute(parameters)``, without calling it again for the same parameters."""
        if self._last is None or not np.array_equal(self._last[0], parameters):
            self._last = parameters.copy(), compute(parameters)
        return self._last[1]

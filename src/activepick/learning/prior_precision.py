"""The precision of the prior of the weights of a head."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

__all__ = ["PriorPrecision"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PriorPrecision:
    """The matrix ``P = l2 (I + A'A)^-1``, the inverse of a covariance that is widened along A.

    Attributes
    ----------
    l2
        Precision in all other directions.
    along
        Scaled directions A, shape (k, D); None if there are none.
    """

    l2: float
    along: Floats | None = None

    @cached_property
    def _between(self) -> Floats:
        """The matrix (I + AA')^-1, shape (k, k), with which P = l2 (I - A'(I + AA')^-1 A)."""
        assert self.along is not None
        return np.asarray(np.linalg.inv(np.eye(len(self.along)) + self.along @ self.along.T))

    def times(self, rows: Floats) -> Floats:
        """Compute the products of P with vectors, shape (..., D)."""
        if self.along is None:
            return self.l2 * rows
        return np.asarray(self.l2 * (rows - (rows @ self.along.T) @ self._between @ self.along))

    def add_to(self, hessian: Floats) -> None:
        """Add P to the first D rows and columns of a Hessian, shape (D + 1, D + 1)."""
        hessian[np.diag_indices(len(hessian) - 1)] += self.l2
        if self.along is not None:
            rows = np.sqrt(self.l2) * np.linalg.cholesky(self._between).T @ self.along
            hessian[:-1, :-1] -= rows.T @ rows  # symmetric in spite of rounding

"""The approximate inverse of the curvature of a loss that consists of a prior and some pixels.

The curvature is the sum of the precision of the prior, whose inverse is known, and of a matrix of
low rank. Products with its inverse follow from the Woodbury matrix identity in less time than a
Cholesky factorisation takes.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import get_lapack_funcs

from activepick.learning.prior_precision import PriorPrecision

__all__ = ["MOST_ROWS", "InverseCurvature", "step_between"]

Floats = NDArray[np.float64]
Numbers = NDArray[np.floating]

# Number of labelled pixels from which the inverse Hessian is approximated, so that the time does
# not depend on the number of labels.
MOST_ROWS = 200

# Precision of the prior of the bias as a share of that which the rows determine, and its smallest
# value.
_BIAS_RIDGE, _TINY = 0.01, 1e-12
# Largest ratio of the curvature due to one pixel to the precision of the prior at which the
# computation is in single precision.
_MOST_IN_SINGLE = 1e3


def step_between(count: int, most: int) -> int:
    """Return the smallest n >= 1 such that each n-th of `count` pixels are at most `most`."""
    return max(1, -(-count // most))


class InverseCurvature:
    """Products with the inverse of ``(P + J'J) / n``.

    Parameters
    ----------
    rows
        The matrix J, shape (m, D + 1); the last column belongs to the bias.
    prior
        The matrix P. The bias has a prior whose variance is large compared with that which the rows
        determine.
    total_weight
        The number n.
    """

    def __init__(self, rows: Floats, prior: PriorPrecision, total_weight: float) -> None:
        largest = float(np.einsum("ij,ij->i", rows, rows).max(initial=0))
        self._dtype = np.dtype(np.float32 if largest <= _MOST_IN_SINGLE * prior.l2 else np.float64)
        self._rows: Numbers = rows.astype(self._dtype, copy=False)
        self._along: Numbers | None = None
        if prior.along is not None:
            self._along = prior.along.astype(self._dtype, copy=False)
        self._total = total_weight
        self._variance = 1 / prior.l2
        weights, bias = self._rows[:, :-1], self._rows[:, -1]
        self._bias_variance = 1 / (_BIAS_RIDGE * float(bias @ bias) + _TINY)
        inner: Numbers = weights @ weights.T
        if self._along is not None:
            across = weights @ self._along.T
            inner += across @ across.T
        inner *= self._variance
        inner += self._bias_variance * np.outer(bias, bias)
        inner[np.diag_indices(len(inner))] += 1
        # The functions of SciPy that call these two take several times as long for small matrices.
        factor, self._solve = get_lapack_funcs(("potrf", "potrs"), (inner,))
        self._factor = factor(inner, lower=True, overwrite_a=True)[0]

    def __call__(self, vector: Floats) -> Floats:
        """Return the product with a vector, shape (D + 1,)."""
        first = self._prior((self._total * vector).astype(self._dtype))
        inner = self._solve(self._factor, self._rows @ first, lower=True)[0]
        return np.asarray(first - self._prior(inner @ self._rows), np.float64)

    def _prior(self, vector: Numbers) -> Numbers:
        """Return the product of the covariance ``(I + A'A) / l2`` of the prior and a vector."""
        out: Numbers = vector * self._variance
        if self._along is not None:
            out[:-1] += (self._along @ out[:-1]) @ self._along
        out[-1] = self._bias_variance * vector[-1]
        return out

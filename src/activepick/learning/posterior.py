"""Uncertainty of a head, computed with the Laplace approximation.

The loss is approximately quadratic around its minimum, so that the posterior of weights and bias is
approximately normal. Its precision is the Hessian of the loss times n (MacKay, Neural Computation
4, 720, 1992), with all terms of the loss that was minimised.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from scipy.special import expit

from activepick.learning.head import Head
from activepick.learning.loss import HeadLoss
from activepick.threads import one_thread

__all__ = ["Posterior", "laplace", "left_out_scores"]

Floats = NDArray[np.float64]

# Precision of the prior of the bias. The loss does not penalise the bias, but its distribution has
# to be proper even if there are neither labels nor a pi term.
_BIAS_PRECISION = 1e-3
# Upper limit of the leverage of a label in the approximate leave-one-out scores.
_LEVERAGE = 0.9


@dataclass(frozen=True, eq=False)
class Posterior:
    """Normal distribution of weights and bias around a head.

    Attributes
    ----------
    covariance
        Covariance matrix, shape (D + 1, D + 1); the bias is last.
    """

    covariance: Floats

    def variance(self, features: ArrayLike) -> Floats:
        """Compute the variances of the scores, shape (n,), for features of shape (n, D)."""
        x = np.asarray(features, np.float64)
        x = np.column_stack([x, np.ones(len(x))])
        with one_thread("blas"):
            return np.asarray(np.maximum(((x @ self.covariance) * x).sum(axis=1), 0.0))


def laplace(loss: HeadLoss, weights: Floats, bias: float) -> Posterior:
    """Compute the posterior at the optimum of a loss.

    Parameters
    ----------
    loss
        The loss that was minimised.
    weights, bias
        Weights, shape (D,), and bias at the optimum of the loss. If the Hessian is indefinite,
        which is possible at other parameters, the Gauss-Newton approximation of the pi term is
        used.

    Returns
    -------
    Posterior
    """
    at = np.append(weights, bias)
    with one_thread("blas"):
        try:
            factor = _factor(loss.total_weight * loss.hessian(at))
        except LinAlgError:
            factor = _factor(loss.total_weight * loss.hessian(at, gauss_newton=True))
        return Posterior(np.asarray(cho_solve(factor, np.eye(len(at)))))


def left_out_scores(
    head: Head, posterior: Posterior, features: Floats, targets: Floats, weights: Floats
) -> Floats:
    """Estimate the score of each label under a head that is fitted without this label.

    The head is approximated by one Newton step from the optimum (approximate leave-one-out; Rad and
    Maleki, J. R. Stat. Soc. B 82, 965, 2020): for a label of weight u and the posterior variance v,
    the score is ``z + u v (s - y) / (1 - u v s (1 - s))``.

    Parameters
    ----------
    head, posterior
        The head that is fitted to all labels, and its posterior.
    features
        Features of the labels, shape (n, pixels of a label, D).
    targets
        1 for particles, 0 for non-particles, shape (n,).
    weights
        Weight of each label, from above 0 to 1, shape (n,).

    Returns
    -------
    array, shape (n,)
        Linear scores.
    """
    centre = features.mean(axis=1)
    z = centre @ head.weights.ravel() + head.bias
    s = expit(z)
    v = weights * posterior.variance(centre)
    return np.asarray(z + v * (s - targets) / (1 - np.minimum(v * s * (1 - s), _LEVERAGE)))


def _factor(precision: Floats) -> tuple[Floats, bool]:
    precision[-1, -1] += _BIAS_PRECISION
    factor: tuple[Floats, bool] = cho_factor(precision)
    return factor

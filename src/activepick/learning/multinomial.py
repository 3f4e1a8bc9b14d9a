"""Multinomial logistic regression on features: several classes, each with weights of its own.

One class has the score 0 and no weights. The others have the scores ``z_k = w_k x + b_k``, and the
probabilities are ``p_k = exp(z_k) / (1 + sum_j exp(z_j))``. With one class besides the first, this
is the loss of `activepick.learning.loss`. The prior determines how similar the weights of two
classes are.

It is used for kinds of particles (`activepick.learning.kind_fit`) and for classes of false picks
(`fit_classes`). The latter are the classes of PickerOptimizer (Li et al., J. Comput. Biol. 30,
2023, and ISBRA 2021).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit, softmax

from activepick.errors import HeadError
from activepick.features.feature_spec import FeatureSpec
from activepick.learning.head import Head
from activepick.learning.prior_precision import PriorPrecision
from activepick.threads import one_thread

__all__ = ["PARTICLE", "ClassHead", "MultinomialLoss", "fit_classes", "minimise"]

Floats = NDArray[np.float64]

PARTICLE = "particle"

# The largest component of the gradient at the optimum, in parameters of about unit curvature, and
# the relative decrease of the loss in the last step. In single precision, smaller values are hidden
# by rounding errors; the loss is then at most 1e-6 above its minimum, relative to it.
_TOLERANCES = {
    np.dtype(np.float64): {"gtol": 1e-6, "ftol": 1e-10},
    np.dtype(np.float32): {"gtol": 1e-4, "ftol": 1e-7},
}
# Share of the mean curvature by which all curvatures are raised for the scale of the parameters.
_RIDGE = 1e-6
# Pixels from which the curvature is computed, which only scales the parameters.
_SCALE_ROWS = 400


@dataclass(frozen=True, eq=False)
class MultinomialLoss:
    """Loss and its gradient for K classes besides the one whose score is 0.

    ``L = (L_ce + L_l2 + L_pi) / n`` with ::

        L_ce = -sum_i v_i log p(class of i)
        L_l2 = 1 / 2 sum_jk C_jk (w_j - m_j)' P (w_k - m_k)
        L_pi = pi_weight (logit(p) - logit(pi))^2

    where P is the precision of the prior of the weights of each class, C is the inverse of the
    covariance between the classes, p is the mean over unlabelled pixels of the probability of any
    of the K classes, and n is the sum of the weights v. The biases are not penalised.

    Attributes
    ----------
    x, y, v
        Features of the pixels, shape (n, D); their classes, shape (n, K), with 1 in the column of
        the class, and a row of zeros for the class without weights; and their weights, shape (n,).
        Features may be in single precision, in which their products with weights are computed.
    unlabelled
        Features of pixels that are sampled from the micrographs, shape (u, D).
    mean
        Mean of the prior of the weights, shape (K, D).
    prior
        The matrix P.
    between
        The matrix C, shape (K, K).
    pi, pi_weight
        Parameters of the loss. If `pi_weight` is 0, the last term is left out.
    """

    x: NDArray[np.floating]
    y: Floats
    v: Floats
    unlabelled: NDArray[np.floating]
    mean: Floats
    prior: PriorPrecision
    between: Floats
    pi: float
    pi_weight: float

    @property
    def total_weight(self) -> float:
        """Sum of the weights of the pixels, by which the loss is divided."""
        return float(self.v.sum()) or 1.0

    def __call__(self, parameters: Floats) -> tuple[float, Floats]:
        """Compute the loss and its gradient at weights and biases, shape (K, D + 1)."""
        w, b = parameters[:, :-1], parameters[:, -1]
        z = _scores(self.x, w) + b
        p, whole = _probabilities(z)
        away = w - self.mean
        drawn = self.between @ self.prior.times(away)
        loss = self.v @ (whole - (self.y * z).sum(axis=1)) + 0.5 * (drawn * away).sum()
        slope = self.v[:, None] * (p - self.y)
        gradient = np.column_stack([_sums(slope, self.x) + drawn, slope.sum(axis=0)])
        if self.pi_weight and len(self.unlabelled):
            p, whole = _probabilities(_scores(self.unlabelled, w) + b)
            mean, error = self._pi_error(whole)
            factor = 2 * self.pi_weight * error / (mean * (1 - mean)) / len(p)
            slope = factor * p * np.exp(-whole)[:, None]
            gradient += np.column_stack([_sums(slope, self.unlabelled), slope.sum(axis=0)])
            loss += self.pi_weight * error**2
        n = self.total_weight
        return float(loss / n), gradient / n

    def curvatures(self, parameters: Floats, basis: Floats) -> list[NDArray[np.float32]]:
        """Approximate the Hessian along combinations of the classes.

        It is in single precision, and the sum over pixels is computed from at most 400 to 800 of
        them. The second derivative of logit(p) in L_pi is left out, because with it the Hessian may
        be indefinite.

        Parameters
        ----------
        parameters
            Weights and biases, shape (K, D + 1).
        basis
            Combinations of the K classes, one in each row, shape (K, K).

        Returns
        -------
        list of K arrays, shape (D + 1, D + 1)
        """
        w, b = parameters[:, :-1], parameters[:, -1]
        step = max(1, len(self.x) // _SCALE_ROWS)
        some, v = self.x[::step], step * self.v[::step]
        p, _ = _probabilities(_scores(some, w) + b)
        some = np.column_stack([some, np.ones(len(some))]).astype(np.float32)
        pi_slope, pi_factor = None, 0.0
        if self.pi_weight and len(self.unlabelled):
            q, whole = _probabilities(_scores(self.unlabelled, w) + b)
            mean, _ = self._pi_error(whole)
            slope = q * np.exp(-whole)[:, None] / len(q)
            pi_slope = np.column_stack([_sums(slope, self.unlabelled), slope.sum(axis=0)])
            pi_factor = 2 * self.pi_weight / (mean * (1 - mean)) ** 2
        out = []
        for own in basis:
            curvature = np.maximum(p @ own**2 - (p @ own) ** 2, 0)
            # The product of a matrix with itself takes half the operations of one with another.
            rows = np.sqrt(v * curvature).astype(np.float32)[:, None] * some
            hessian = rows.T @ rows
            self.prior.add_to(hessian, float(own @ self.between @ own))
            if pi_slope is not None:
                first = own @ pi_slope
                hessian += (pi_factor * first[:, None] * first).astype(np.float32)
            out.append(np.asarray(hessian / self.total_weight, np.float32))
        return out

    def _pi_error(self, whole: Floats) -> tuple[float, float]:
        """Return the mean probability of any of the classes, and logit(p) - logit(pi)."""
        mean = float(np.clip(-np.expm1(-whole).mean(), 1e-15, 1 - 1e-15))
        return mean, float(logit(mean) - logit(self.pi))


def minimise(loss: MultinomialLoss, begin: Floats) -> Floats:
    """Compute the weights and biases that minimise the loss.

    Parameters
    ----------
    loss
        The loss.
    begin
        Initial weights and biases, shape (K, D + 1). The optimum does not depend on them.

    Returns
    -------
    array, shape (K, D + 1)
    """
    # Imported here, because the command line imports this module when it starts.
    from scipy.linalg import solve_triangular
    from scipy.optimize import minimize

    # Classes that are correlated under the prior are replaced by combinations that are not.
    basis = np.linalg.eigh(loss.between)[1].T
    # The matrices are small, so that synchronising threads takes longer than it saves.
    with one_thread("blas"):
        # The parameters are transformed so that the initial curvature along each combination is the
        # identity. A few steps then lead to the optimum.
        factors = [_factor(hessian) for hessian in loss.curvatures(begin, basis)]
        solve = partial(solve_triangular, lower=True, check_finite=False)

        def plain(steps: Floats) -> Floats:
            pairs = zip(factors, steps.reshape(begin.shape), strict=True)
            along = np.stack([solve(lower, row, trans="T") for lower, row in pairs])
            return np.asarray(begin + basis.T @ along, np.float64)

        def scaled(steps: Floats) -> tuple[float, Floats]:
            value, gradient = loss(plain(steps))
            pairs = zip(factors, basis @ gradient, strict=True)
            return value, np.concatenate([solve(lower, row) for lower, row in pairs])

        options = {"maxiter": 1000, "maxcor": 40, **_TOLERANCES[loss.x.dtype]}
        start = np.zeros(begin.size)
        found = minimize(scaled, start, jac=True, method="L-BFGS-B", options=options)
        return plain(np.asarray(found.x, np.float64))


def _factor(hessian: NDArray[np.float32]) -> Floats:
    """Return the Cholesky factor of a matrix plus the smallest ridge for which it exists."""
    from scipy.linalg import LinAlgError, cholesky

    ridge = _RIDGE * np.trace(hessian) / len(hessian)
    while True:
        hessian[np.diag_indices(len(hessian))] += ridge
        try:
            # The curvature of a bias can vanish in single precision.
            return np.asarray(cholesky(hessian, lower=True, check_finite=False), np.float64)
        except LinAlgError:
            ridge *= 10


def _scores(x: NDArray[np.floating], weights: Floats) -> Floats:
    """Return ``x @ weights.T``, shape (n, K), computed in the precision of x."""
    return np.stack([x @ own for own in weights.astype(x.dtype)], axis=1).astype(np.float64)


def _sums(slope: Floats, x: NDArray[np.floating]) -> Floats:
    """Return ``slope.T @ x``, shape (K, D), computed in the precision of x."""
    return np.stack([own @ x for own in slope.T.astype(x.dtype)]).astype(np.float64)


def _probabilities(z: Floats) -> tuple[Floats, Floats]:
    """Return probabilities (n, K) and ``log(1 + sum_k exp(z_k))`` (n,) for scores (n, K)."""
    if z.shape[1] == 1:
        return expit(z), np.logaddexp(0, z[:, 0])
    highest = np.maximum(z.max(axis=1), 0)
    powers = np.exp(z - highest[:, None])
    total = np.exp(-highest) + powers.sum(axis=1)
    return powers / total[:, None], highest + np.log(total)


@dataclass(frozen=True, eq=False)
class ClassHead:
    """A linear classifier with several classes.

    Attributes
    ----------
    classes
        Names of the K classes; the first is "particle".
    weights, bias
        Weights, shape (K, D), and biases, shape (K,); those of the last class are zero.
    spec
        The features on which it was trained.
    """

    classes: tuple[str, ...]
    weights: Floats
    bias: Floats
    spec: FeatureSpec

    def probabilities(self, features: NDArray[np.floating]) -> Floats:
        """Compute the class probabilities, shape (n, K), for features of shape (n, D)."""
        return np.asarray(softmax(features @ self.weights.T + self.bias, axis=1))


def fit_classes(
    pretrained: Head, features: Floats, labels: Sequence[str], l2: float = 1.0
) -> ClassHead:
    """Fit a head with several classes to labels, with the same total weight for each class.

    Under the prior, the weights of the classes are independent. Their mean is the pretrained
    classifier for "particle" and zero for the other classes.

    Parameters
    ----------
    pretrained
        The head before the first label.
    features
        Features of the labels, shape (n, pixels of a label, D).
    labels
        Name of the class of each label, shape (n,).
    l2
        Weight of the L2 term.

    Returns
    -------
    ClassHead

    Raises
    ------
    HeadError
        If "particle" or all other classes have no labels.
    """
    classes = (PARTICLE, *sorted(set(labels) - {PARTICLE}))
    if PARTICLE not in labels or len(classes) < 2:
        raise HeadError(
            f"Labels of {PARTICLE!r} and of at least one other class are needed; these are "
            f"{', '.join(sorted(set(labels))) or 'none'}."
        )
    index = np.array([classes.index(name) for name in labels])
    count, per_label, width = features.shape
    share = count / len(classes) / np.bincount(index)
    # The probabilities depend only on differences of scores. The weights of the last class are
    # subtracted from the others, which then have the variance 2 and the covariance 1.
    free = len(classes) - 1
    mean = np.zeros((free, width))
    mean[0] = pretrained.weights.ravel()
    loss = MultinomialLoss(
        x=features.reshape(-1, width),
        y=np.repeat(np.eye(len(classes))[index][:, :-1], per_label, axis=0),
        v=np.repeat(share[index] / per_label, per_label),
        unlabelled=np.empty((0, width)),
        mean=mean,
        prior=PriorPrecision(l2),
        between=np.asarray(np.linalg.inv(np.eye(free) + 1), np.float64),
        pi=0.5,
        pi_weight=0.0,
    )
    found = minimise(loss, np.column_stack([mean, np.zeros(free)]))
    table = np.vstack([found, np.zeros(width + 1)])
    return ClassHead(classes, table[:, :-1], table[:, -1], pretrained.spec)

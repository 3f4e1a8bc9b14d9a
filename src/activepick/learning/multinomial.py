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
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit, softmax

from activepick.errors import HeadError
from activepick.features.feature_spec import FeatureSpec
from activepick.learning import quasi_newton
from activepick.learning.head import Head
from activepick.learning.inverse_curvature import MOST_ROWS, InverseCurvature, step_between
from activepick.learning.last_result import LastResult
from activepick.learning.prior_precision import PriorPrecision
from activepick.threads import one_thread

__all__ = ["PARTICLE", "ClassHead", "MultinomialLoss", "fit_classes", "minimise"]

Floats = NDArray[np.float64]

PARTICLE = "particle"

# Relative decrease of the loss that is expected from the last step. In single precision, smaller
# values are hidden by rounding errors.
_TOLERANCES = {np.dtype(np.float64): 1e-9, np.dtype(np.float32): 1e-7}


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
            error, first = self._pi_term(parameters)
            gradient += 2 * self.pi_weight * error * first
            loss += self.pi_weight * error**2
        n = self.total_weight
        return float(loss / n), gradient / n

    def inverse_curvatures(self, parameters: Floats, basis: Floats) -> list[InverseCurvature]:
        """Approximate the inverse Hessian along combinations of the classes.

        The sum over pixels is computed from at most `MOST_ROWS` of them. The second derivative of
        logit(p) in L_pi is left out, because with it the Hessian may be indefinite.

        Parameters
        ----------
        parameters
            Weights and biases, shape (K, D + 1).
        basis
            Combinations of the K classes, one in each row, shape (K, K).

        Returns
        -------
        list of K `InverseCurvature`
        """
        w, b = parameters[:, :-1], parameters[:, -1]
        step = step_between(len(self.x), MOST_ROWS)
        some, v = self.x[::step], step * self.v[::step]
        p, _ = _probabilities(_scores(some, w) + b)
        slopes = np.zeros((len(w), w.shape[1] + 1))
        if self.pi_weight and len(self.unlabelled):
            _, first = self._pi_term(parameters)
            slopes = np.sqrt(2 * self.pi_weight) * first
        found = []
        for own in basis:
            root = np.sqrt(v * np.maximum(p @ own**2 - (p @ own) ** 2, 0))
            rows = np.empty((len(some) + 1, slopes.shape[1]))
            np.multiply(some, root[:, None], out=rows[:-1, :-1])
            rows[:-1, -1], rows[-1] = root, own @ slopes
            prior = replace(self.prior, l2=float(own @ self.between @ own) * self.prior.l2)
            found.append(InverseCurvature(rows, prior, self.total_weight))
        return found

    @cached_property
    def _last_pi(self) -> LastResult[tuple[float, Floats]]:
        return LastResult()

    def _pi_term(self, parameters: Floats) -> tuple[float, Floats]:
        """Return logit(p) - logit(pi), and its gradient, shape (K, D + 1)."""
        return self._last_pi.get(parameters, self._compute_pi)

    def _compute_pi(self, parameters: Floats) -> tuple[float, Floats]:
        w, b = parameters[:, :-1], parameters[:, -1]
        probabilities, whole = _probabilities(_scores(self.unlabelled, w) + b)
        p = float(np.clip(-np.expm1(-whole).mean(), 1e-15, 1 - 1e-15))
        slope = probabilities * np.exp(-whole)[:, None] / (p * (1 - p) * len(whole))
        gradient = np.column_stack([_sums(slope, self.unlabelled), slope.sum(axis=0)])
        return float(logit(p) - logit(self.pi)), gradient


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
    # Classes that are correlated under the prior are replaced by combinations that are not.
    basis = np.linalg.eigh(loss.between)[1].T
    # The matrices are small, so that synchronising threads takes longer than it saves.
    with one_thread("blas"):
        inverses = loss.inverse_curvatures(begin, basis)

        def evaluate(parameters: Floats) -> tuple[float, Floats]:
            value, gradient = loss(parameters.reshape(begin.shape))
            return value, gradient.ravel()

        def inverse(gradient: Floats) -> Floats:
            pairs = zip(inverses, basis @ gradient.reshape(begin.shape), strict=True)
            return np.asarray(basis.T @ np.stack([own(row) for own, row in pairs])).ravel()

        found = quasi_newton.minimise(evaluate, begin.ravel(), inverse, _TOLERANCES[loss.x.dtype])
        return found.parameters.reshape(begin.shape)


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

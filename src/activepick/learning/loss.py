"""The loss of binary logistic regression, with its gradient and Hessian."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from activepick.learning.inverse_curvature import MOST_ROWS, InverseCurvature, step_between
from activepick.learning.last_result import LastResult
from activepick.learning.prior_precision import PriorPrecision

__all__ = ["HeadLoss", "ScoreTargets", "expected_pi"]

Floats = NDArray[np.float64]

# Approximate radius, in particle radii, of the disc around a particle centre in which the score map
# of a trained head is positive.
_FOOTPRINT = 0.25


class ScoreTargets(NamedTuple):
    """Pixels with target scores, from which deviations are penalised.

    Attributes
    ----------
    x, scores, weights
        Features, shape (m, D); target scores (logits), shape (m,); weights, shape (m,).
    """

    x: Floats
    scores: Floats
    weights: Floats


@dataclass(frozen=True, eq=False)
class HeadLoss:
    """Loss of Kiewisz and Bepler (NeurIPS 2023 workshop on machine learning in structural biology).

    ``L = (L_bce + L_l2 + L_pi) / n`` with ::

        L_bce = -sum_i v_i [y_i log s(z_i) + (1 - y_i) log(1 - s(z_i))]
        L_l2  = 1 / 2 (w - m)' P (w - m)
        L_pi  = pi_weight (logit(p) - logit(pi))^2,   p = mean of s(z) over unlabelled pixels

    where z = w x + b is the score, s the sigmoid, and n the sum of the weights v. The bias is not
    penalised. In the paper m = 0 and P = l2 I. Here m may be a pretrained classifier, and the prior
    covariance of the weights, the inverse of P, may be widened along directions A: (I + A'A) / l2.
    Pixels with target scores t and weights u add ``1/2 sum_j u_j (z_j - t_j)^2`` to the sum.

    Attributes
    ----------
    x, y, v
        Features, shape (n, D), targets from 0 to 1, shape (n,), and weights, shape (n,), of the
        labelled pixels.
    unlabelled
        Features of pixels sampled from the micrographs, shape (u, D).
    mean
        Mean of the prior of the weights, shape (D,).
    l2, pi, pi_weight
        See above. With a `pi_weight` of 0, the term L_pi is left out.
    along
        Scaled directions A of the prior, shape (k, D); None if there are none.
    score_targets
        Pixels with target scores t and weights u; None if there are none.
    """

    x: Floats
    y: Floats
    v: Floats
    unlabelled: Floats
    mean: Floats
    l2: float
    pi: float
    pi_weight: float
    along: Floats | None = None
    score_targets: ScoreTargets | None = None

    @property
    def total_weight(self) -> float:
        """Sum of the weights of the labelled pixels, by which the loss is divided; never 0."""
        return float(self.v.sum()) or 1.0

    @cached_property
    def prior(self) -> PriorPrecision:
        """The matrix P."""
        return PriorPrecision(self.l2, self.along)

    def __call__(self, parameters: Floats) -> tuple[float, Floats]:
        """Compute the loss and its gradient at the parameters (w_1 ... w_D, b), shape (D + 1,)."""
        w, b = parameters[:-1], parameters[-1]
        z = self.x @ w + b
        away = w - self.mean
        pull = self.prior.times(away)
        loss = self.v @ (np.logaddexp(0, z) - self.y * z) + 0.5 * (pull @ away)
        slope = self.v * (expit(z) - self.y)
        gradient = np.append(self.x.T @ slope + pull, slope.sum())
        if self.pi_weight and len(self.unlabelled):
            error, first = self._pi_term(parameters)
            gradient += 2 * self.pi_weight * error * first
            loss += self.pi_weight * error**2
        if self.score_targets is not None:
            loss += self._add_score_targets(w, b, gradient)
        n = self.total_weight
        return float(loss / n), gradient / n

    def hessian(self, parameters: Floats, *, gauss_newton: bool = False) -> Floats:
        """Compute the Hessian of the loss at the parameters (w_1 ... w_D, b).

        Parameters
        ----------
        parameters
            Weights and bias, shape (D + 1,).
        gauss_newton
            Whether to leave out the second derivative of logit(p) in L_pi. With it, the matrix may
            be indefinite if the parameters are not an optimum.

        Returns
        -------
        array, shape (D + 1, D + 1)
        """
        rows = self._gauss_newton_rows(parameters)
        hessian = rows.T @ rows
        self.prior.add_to(hessian)
        if self.pi_weight and len(self.unlabelled) and not gauss_newton:
            error, first = self._pi_term(parameters)
            s, p = self._unlabelled_probabilities(parameters)
            u = _with_one(self.unlabelled)
            slope = s * (1 - s) / (p * (1 - p) * len(s))
            curvature = (u.T * (slope * (1 - 2 * s))) @ u
            bent = error * (1 - 2 * p)
            hessian += 2 * self.pi_weight * (error * curvature - bent * np.outer(first, first))
        return np.asarray(hessian / self.total_weight)

    def inverse_curvature(self, parameters: Floats, rows: int = MOST_ROWS) -> InverseCurvature:
        """Approximate the inverse Hessian in a time that does not depend on the number of labels.

        The second derivative of logit(p) in L_pi is left out.

        Parameters
        ----------
        parameters
            Weights and bias, shape (D + 1,).
        rows
            Largest number of labelled pixels, and of pixels with target scores, over which the sum
            is computed. It is scaled up to all of them.

        Returns
        -------
        InverseCurvature
        """
        some = self._gauss_newton_rows(parameters, rows)
        return InverseCurvature(some, self.prior, self.total_weight)

    def _gauss_newton_rows(self, parameters: Floats, most: int | None = None) -> Floats:
        """Return a matrix J, shape (n, D + 1), such that J'J is the Hessian without the prior.

        The second derivative of logit(p) is left out. If there are more than `most` labelled pixels
        or pixels with target scores, each n-th of them is used, with n times its weight.
        """
        w, b = parameters[:-1], parameters[-1]
        step = 1 if most is None else step_between(len(self.x), most)
        x, v = self.x[::step], step * self.v[::step]
        s = expit(x @ w + b)
        parts = [(x, np.sqrt(v * s * (1 - s)))]
        if self.score_targets is not None:
            step = 1 if most is None else step_between(len(self.score_targets.x), most)
            weights = step * self.score_targets.weights[::step]
            parts.append((self.score_targets.x[::step], np.sqrt(weights)))
        with_pi = bool(self.pi_weight and len(self.unlabelled))
        rows = np.empty((sum(len(root) for _, root in parts) + with_pi, len(parameters)))
        if with_pi:
            rows[-1] = np.sqrt(2 * self.pi_weight) * self._pi_term(parameters)[1]
        first = 0
        for features, root in parts:
            own = rows[first : first + len(root)]
            np.multiply(features, root[:, None], out=own[:, :-1])
            own[:, -1] = root
            first += len(root)
        return rows

    @cached_property
    def _last_pi(self) -> LastResult[tuple[float, Floats]]:
        return LastResult()

    def _pi_term(self, parameters: Floats) -> tuple[float, Floats]:
        """Return logit(p) - logit(pi), and its gradient, shape (D + 1,)."""
        return self._last_pi.get(parameters, self._compute_pi)

    def _compute_pi(self, parameters: Floats) -> tuple[float, Floats]:
        s, p = self._unlabelled_probabilities(parameters)
        slope = s * (1 - s) / (p * (1 - p) * len(s))
        return float(logit(p) - logit(self.pi)), np.append(slope @ self.unlabelled, slope.sum())

    def _unlabelled_probabilities(self, parameters: Floats) -> tuple[Floats, float]:
        """Return s(z) of the unlabelled pixels, and its mean p."""
        s = expit(self.unlabelled @ parameters[:-1] + parameters[-1])
        # For extreme weights p rounds to 0 or 1, where its logit is infinite.
        return s, float(np.clip(s.mean(), 1e-15, 1 - 1e-15))

    def _add_score_targets(self, w: Floats, b: float, gradient: Floats) -> float:
        assert self.score_targets is not None
        x, scores, weights = self.score_targets
        error = x @ w + b - scores
        slope = weights * error
        gradient[:-1] += x.T @ slope
        gradient[-1] += slope.sum()
        return float(0.5 * slope @ error)


def expected_pi(particles: float, radius_px: float, shape: tuple[int, int]) -> float:
    """Compute the expected share of particle pixels from an expected number of particles.

    Each particle contributes a disc with a quarter of its radius, which is about the area in which
    the score map of a trained head is positive.

    Parameters
    ----------
    particles
        Expected number of particles in a micrograph.
    radius_px
        Particle radius in original pixels.
    shape
        Height and width of the micrograph in original pixels.

    Returns
    -------
    float
        Share of particle pixels, from 0.0001 to 0.5.
    """
    area = np.pi * (_FOOTPRINT * radius_px) ** 2
    return float(np.clip(particles * area / (shape[0] * shape[1]), 1e-4, 0.5))


def _with_one(rows: Floats) -> Floats:
    return np.column_stack([rows, np.ones(len(rows))])

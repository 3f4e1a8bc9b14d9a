"""The loss of binary logistic regression, with its gradient and Hessian."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

__all__ = ["HeadLoss", "ScoreTargets", "expected_pi"]

Floats = NDArray[np.float64]

# The score map of a trained head is positive in a disc of about this many particle radii around
# the centre of a particle.
_FOOTPRINT = 0.25


class ScoreTargets(NamedTuple):
    """Pixels whose scores are drawn to given ones.

    Attributes
    ----------
    x, scores, weights
        Features (m, D), target scores (logits) (m,), weights (m,).
    """

    x: Floats
    scores: Floats
    weights: Floats


@dataclass(frozen=True, eq=False)
class HeadLoss:
    """Loss of Kiewisz and Bepler (NeurIPS 2023 workshop on machine learning in structural biology).

    ``L = (L_bce + L_l2 + L_pi) / n`` with ::

        L_bce = -sum_i v_i [y_i log s(z_i) + (1 - y_i) log(1 - s(z_i))]
        L_l2  = l2 / 2 sum_j (w_j - m_j)^2
        L_pi  = pi_weight (logit(p) - logit(pi))^2,   p = mean of s(z) over unlabelled pixels

    where z = w x + b is the score, s the sigmoid, and n the sum of the weights v. The bias is not
    penalised. In the paper m = 0; here it may be a pretrained classifier. Pixels with score targets
    t, if there are any, add ``1/2 sum_j u_j (z_j - t_j)^2`` to the sum.

    Attributes
    ----------
    x, y, v
        Features (n, D), targets from 0 to 1 (n,), weights (n,) of the labelled pixels.
    unlabelled
        Features (u, D) of pixels sampled from the micrographs.
    mean
        Mean of the prior of the weights, shape (D,).
    l2, pi, pi_weight
        See above. A `pi_weight` of 0 leaves the last term out.
    score_targets
        Pixels with score targets, and their weights u.
    """

    x: Floats
    y: Floats
    v: Floats
    unlabelled: Floats
    mean: Floats
    l2: float
    pi: float
    pi_weight: float
    score_targets: ScoreTargets | None = None

    @property
    def total_weight(self) -> float:
        """Sum of the weights of the labelled pixels, by which the loss is divided."""
        return float(self.v.sum()) or 1.0

    def __call__(self, parameters: Floats) -> tuple[float, Floats]:
        """Compute the loss and its gradient at (w_1 ... w_D, b)."""
        w, b = parameters[:-1], parameters[-1]
        z = self.x @ w + b
        away = w - self.mean
        loss = self.v @ (np.logaddexp(0, z) - self.y * z) + 0.5 * self.l2 * (away @ away)
        slope = self.v * (expit(z) - self.y)
        gradient = np.append(self.x.T @ slope + self.l2 * away, slope.sum())
        if self.pi_weight and len(self.unlabelled):
            loss += self._add_pi(w, b, gradient)
        if self.score_targets is not None:
            loss += self._add_score_targets(w, b, gradient)
        n = self.total_weight
        return float(loss / n), gradient / n

    def hessian(
        self, parameters: Floats, *, gauss_newton: bool = False, single: bool = False
    ) -> Floats:
        """Compute the Hessian of the loss at (w_1 ... w_D, b), shape (D + 1, D + 1).

        Parameters
        ----------
        parameters
            Shape (D + 1,).
        gauss_newton
            Leave out the second derivative of logit(p) in L_pi, which may make the matrix
            indefinite away from an optimum.
        single
            Multiply in single precision, in half the time.
        """
        w, b = parameters[:-1], parameters[-1]
        s = expit(self.x @ w + b)
        # The product of a matrix with itself takes half the operations of one with another.
        root = np.sqrt(self.v * s * (1 - s))
        rows = (root[:, None] * self.x).astype(np.float32 if single else np.float64, copy=False)
        hessian = np.empty((len(parameters), len(parameters)))
        hessian[:-1, :-1] = rows.T @ rows
        hessian[:-1, -1] = hessian[-1, :-1] = rows.T @ root
        hessian[-1, -1] = root @ root
        hessian[np.diag_indices(len(w))] += self.l2
        if self.score_targets is not None:
            t = _with_one(self.score_targets.x)
            hessian += (t.T * self.score_targets.weights) @ t
        if self.pi_weight and len(self.unlabelled):
            u, s, p, error = self._pi_error(w, b)
            slope = s * (1 - s) / len(s)
            first = np.append(slope @ u, slope.sum())
            factor = 1 / (p * (1 - p)) ** 2
            if not gauss_newton:
                u = _with_one(u)
                curvature = 1 / (p * (1 - p)) * (u.T * (slope * (1 - 2 * s))) @ u
                hessian += 2 * self.pi_weight * error * curvature
                factor *= 1 - error * (1 - 2 * p)
            hessian += 2 * self.pi_weight * factor * np.outer(first, first)
        return np.asarray(hessian / self.total_weight)

    def _pi_error(self, w: Floats, b: float) -> tuple[Floats, Floats, float, float]:
        """Return unlabelled features, s(z), their mean p, and logit(p) - logit(pi)."""
        s = expit(self.unlabelled @ w + b)
        # For extreme weights p rounds to 0 or 1, where its logit is infinite.
        p = float(np.clip(s.mean(), 1e-15, 1 - 1e-15))
        return self.unlabelled, s, p, float(logit(p) - logit(self.pi))

    def _add_pi(self, w: Floats, b: float, gradient: Floats) -> float:
        u, s, p, error = self._pi_error(w, b)
        slope = 2 * self.pi_weight * error / (p * (1 - p)) * s * (1 - s) / len(s)
        gradient[:-1] += u.T @ slope
        gradient[-1] += slope.sum()
        return self.pi_weight * error**2

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

    Each particle counts with a disc of a quarter of its radius, about the area in which a trained
    score map is positive around a centre.

    Parameters
    ----------
    particles
        Expected number of particles in a micrograph.
    radius_px
        Particle radius in original pixels.
    shape
        Height and width of the micrograph.
    """
    area = np.pi * (_FOOTPRINT * radius_px) ** 2
    return float(np.clip(particles * area / (shape[0] * shape[1]), 1e-4, 0.5))


def _with_one(rows: Floats) -> Floats:
    return np.column_stack([rows, np.ones(len(rows))])

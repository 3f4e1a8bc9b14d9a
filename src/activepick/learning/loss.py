"""The loss of the binary logistic regression, with its gradient."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

__all__ = ["HeadLoss", "expected_pi"]

Floats = NDArray[np.float64]

# A particle is seen as one where its score map is positive: about the quarter of its radius.
_FOOTPRINT = 0.25


@dataclass(frozen=True, eq=False)
class HeadLoss:
    """Loss of Kiewisz and Bepler (NeurIPS 2023 workshop on machine learning in structural biology).

    ``L = (L_bce + L_l2 + L_pi) / n`` with ::

        L_bce = -sum_i v_i [y_i log s(z_i) + (1 - y_i) log(1 - s(z_i))]
        L_l2  = l2 / 2 sum_j (w_j - m_j)^2
        L_pi  = pi_weight (logit(p) - logit(pi))^2,   p = mean of s(z) over unlabelled pixels

    where z = w x + b is the score, s the sigmoid, and n the sum of the label weights v. The bias
    is free. In the paper m = 0; here it may be a pretrained classifier.

    Attributes
    ----------
    x, y, v
        Features (n, D), targets 0 or 1 (n,), weights (n,) of the labelled pixels.
    unlabelled
        Features (u, D) of pixels sampled from the micrographs.
    mean
        What the weights are drawn to, (D,).
    l2, pi, pi_weight
        See above. A `pi_weight` of 0 leaves the last term out.
    """

    x: Floats
    y: Floats
    v: Floats
    unlabelled: Floats
    mean: Floats
    l2: float
    pi: float
    pi_weight: float

    def __call__(self, parameters: Floats) -> tuple[float, Floats]:
        """Give the loss and its gradient at (w_1 ... w_D, b)."""
        w, b = parameters[:-1], parameters[-1]
        z = self.x @ w + b
        away = w - self.mean
        loss = self.v @ (np.logaddexp(0, z) - self.y * z) + 0.5 * self.l2 * (away @ away)
        slope = self.v * (expit(z) - self.y)
        gradient = np.append(self.x.T @ slope + self.l2 * away, slope.sum())
        if self.pi_weight and len(self.unlabelled):
            loss += self._add_pi(w, b, gradient)
        n = self.v.sum() or 1.0
        return float(loss / n), gradient / n

    def _add_pi(self, w: Floats, b: float, gradient: Floats) -> float:
        s = expit(self.unlabelled @ w + b)
        # Far outside of any sensible head p rounds to 0 or 1, where its logit is infinite.
        p = float(np.clip(s.mean(), 1e-15, 1 - 1e-15))
        error = logit(p) - logit(self.pi)
        slope = 2 * self.pi_weight * error / (p * (1 - p)) * s * (1 - s) / len(s)
        gradient[:-1] += self.unlabelled.T @ slope
        gradient[-1] += slope.sum()
        return float(self.pi_weight * error**2)


def expected_pi(particles: float, radius_px: float, shape: tuple[int, int]) -> float:
    """Turn an expected number of particles into the expected share of particle pixels.

    A particle counts with the disc of a quarter of its radius, about where a trained score map is
    positive around a centre.

    Parameters
    ----------
    particles
        Number per micrograph.
    radius_px
        Particle radius in original pixels.
    shape
        Height and width of the micrograph.
    """
    area = np.pi * (_FOOTPRINT * radius_px) ** 2
    return float(np.clip(particles * area / (shape[0] * shape[1]), 1e-4, 0.5))

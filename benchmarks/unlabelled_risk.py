"""The loss of a head with the non-negative risk of unlabelled pixels, for `benchmarks/variants.py`.

Kiryo et al. (NeurIPS 2017) estimate the risk of a classifier from positive and unlabelled examples,
with the share of positives, pi; the estimate of the risk of the negatives cannot become negative.
Sakai et al. (ICML 2017) combine this risk with that of positive and negative examples (PNU).
"""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from activepick.learning.fit import HeadFit
from activepick.learning.loss import HeadLoss

__all__ = ["UnlabelledRiskFit", "UnlabelledRiskLoss"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class UnlabelledRiskLoss(HeadLoss):
    """The loss of a head with another risk in the place of the cross entropy and the pi term.

    With the logistic loss ``l+`` of a particle and ``l-`` of a non-particle, and with means over
    labels of particles P, labels of non-particles N and unlabelled pixels U, the risk is ::

        R    = (1 - unlabelled_share) R_pn + unlabelled_share R_pu
        R_pu = pi mean_P l+ + max(0, mean_U l- - pi mean_P l-)
        R_pn = pi mean_P l+ + (1 - pi) mean_N l-

    It has the weight of all labels. The loss is convex, since ``l- - l+`` is linear.

    Attributes
    ----------
    unlabelled_share
        Between 0 and 1; 1 is the risk of Kiryo et al., without labels of non-particles.
    answers
        Whether R_pn is the mean of the cross entropy of the labels instead, in which particles
        have the share that they have among the labels.
    """

    unlabelled_share: float = 0.5
    answers: bool = False

    def __call__(self, parameters: Floats) -> tuple[float, Floats]:
        """Compute the loss and its gradient at (w_1 ... w_D, b)."""
        value, gradient = super().__call__(parameters)
        w, b = parameters[:-1], parameters[-1]
        z, z_u = self.x @ w + b, self.unlabelled @ w + b
        s, n = expit(z), self.total_weight
        particle, other = np.logaddexp(0, -z), np.logaddexp(0, z)
        positive = self.pi * _shares(self.v * self.y)
        negative = (1 - self.pi) * _shares(self.v * (1 - self.y))
        # The cross entropy of the labels, which is part of the usual loss.
        of_particles, of_others = self.v * self.y / n, self.v * (1 - self.y) / n
        usual = of_particles @ particle + of_others @ other
        usual_slope = s * of_others - (1 - s) * of_particles
        risk = positive @ particle
        slope, slope_u = -(1 - s) * positive, np.zeros(len(z_u))
        missing = np.logaddexp(0, z_u).mean() - positive @ other
        if missing > 0:
            risk += missing
            slope -= positive * s
            slope_u += expit(z_u) / len(z_u)
        if self.answers:
            labelled, labelled_slope = usual, usual_slope
        else:
            labelled = positive @ particle + negative @ other
            labelled_slope = s * negative - (1 - s) * positive
        u = self.unlabelled_share
        value += (1 - u) * labelled + u * risk - usual
        slope = (1 - u) * labelled_slope + u * slope - usual_slope
        slope_u *= u
        added = np.append(self.x.T @ slope + self.unlabelled.T @ slope_u, slope.sum())
        added[-1] += slope_u.sum()
        return float(value), gradient + added


@dataclass
class UnlabelledRiskFit(HeadFit):
    """`HeadFit` with `UnlabelledRiskLoss`; fields as there."""

    unlabelled_share: float = 0.5
    answers: bool = False

    def objective(self, *arguments: object, **settings: object) -> UnlabelledRiskLoss:
        """Return the loss that `fit` minimises; parameters as in `HeadFit`."""
        usual = super().objective(*arguments, **settings)  # type: ignore[arg-type]
        parts = {part.name: getattr(usual, part.name) for part in fields(usual)}
        parts["pi_weight"] = 0.0
        return UnlabelledRiskLoss(
            **parts, unlabelled_share=self.unlabelled_share, answers=self.answers
        )


def _shares(weights: Floats) -> Floats:
    """Return weights that sum to 1, or zeros if all are zero."""
    return weights / (weights.sum() or 1.0)

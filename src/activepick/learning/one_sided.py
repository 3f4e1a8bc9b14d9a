"""Training with labels of one class only: only particles, or only non-particles.

Without labels of the other class, the head would drift away from what the pretrained classifier
predicts for that class. Unlabelled peaks are therefore used as substitutes for the missing class.
Each is weighted with its probability of that class under the pretrained classifier, and their total
weight is similar to that of the labels (weighted learning from positive and unlabelled examples;
Elkan and Noto, KDD 2008).

If all labels are particles, the weight of the expected share of particle pixels grows with their
number, as in the generalised expectation of Topaz (Bepler et al., Nature Methods 16, 1153, 2019).
Otherwise each additional label would increase the number of false picks. If all labels are
non-particles, the expected share is that of the pretrained classifier, and the prior is stronger as
well: labels of non-particles may be wrong where the reference is incomplete, and there is no other
label that contradicts them.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from activepick.learning.fit import HeadFit
from activepick.learning.head import Head

__all__ = ["adjust_fit", "stand_in_weights"]

Floats = NDArray[np.float64]

# With this weight of labels of the rarer class or more, no substitutes are used.
_ENOUGH = 5
# Weight of the pi term per label of a particle in excess of the number of non-particles.
_SHARE = 0.25
# If all labels are non-particles: weight of the pi term per label, and relative increase of the L2
# weights per label.
_OWN_SHARE, _HELD = 1.0, 0.1
# Total weight of the substitutes per label, as non-particles and as particles. It is lower for
# non-particles, because most unlabelled peaks with a low score are non-particles anyway.
_AS_OTHERS, _AS_PARTICLES = 0.5, 1.0


def adjust_fit(
    fit: HeadFit, particles: float, others: float, share: Callable[[], float]
) -> HeadFit:
    """Adapt the weights of the prior and of the pi term to the balance of the labels.

    Parameters
    ----------
    fit
        The regression; it is not modified.
    particles, others
        Total weight of the labels of particles and of non-particles: their numbers, if all labels
        have the weight 1.
    share
        Function that returns the share of particle pixels under the pretrained classifier, between
        0 and 1. It is called only if all labels are non-particles.

    Returns
    -------
    HeadFit
        A regression with other weights, or `fit` itself if it has no pi term.
    """
    weight = fit.pi_weight_for(particles + others)
    if not weight:
        return fit
    if others and not particles:
        held = 1 + _HELD * others
        return replace(
            fit,
            l2=held * fit.l2,
            directions_l2=held * fit.directions_l2,
            pi=share(),
            pi_weight=weight + _OWN_SHARE * others,
        )
    surplus = (particles - others) * _missing(particles, others)
    return replace(fit, pi_weight=max(weight, _SHARE * surplus))


def stand_in_weights(
    pretrained: Head, peaks: Floats, particles: float, others: float
) -> tuple[Floats, float]:
    """Compute the weights of unlabelled peaks as substitutes for the missing class.

    Parameters
    ----------
    pretrained
        The head before the first label.
    peaks
        Features of unlabelled peaks of its score maps, shape (m, D).
    particles, others
        As in `adjust_fit`.

    Returns
    -------
    weights : array, shape (m,)
    target : float
        The missing class: 1 for particles, 0 for non-particles.
    """
    probability = expit(peaks @ pretrained.weights.ravel() + pretrained.bias)
    target = float(particles < others)
    weights = probability if target else 1 - probability
    total = (_AS_PARTICLES if target else _AS_OTHERS) * abs(particles - others)
    total *= _missing(particles, others)
    return weights * (total / max(weights.sum(), 1e-12)), target


def _missing(particles: float, others: float) -> float:
    """Return the missing share of the rarer class, from 1 (no labels) to 0 (enough labels)."""
    return max(0.0, 1 - min(particles, others) / _ENOUGH)

"""Labels of one kind only: somebody marks particles and nothing else, or only junk.

Without the other kind the head forgets what it knew of it. The peaks that nobody has labelled
stand in: each as the missing kind, weighted with how likely it is of that kind to the pretrained
classifier, all together as much as the labels (learning from positive and unlabelled examples with
weights; Elkan and Noto, KDD 2008). Of particles alone the expected share of pixels has to hold the
better the more there are, as in the generalised expectation of Topaz (Bepler et al., Nature Methods
16, 1153, 2019): otherwise every further label makes the head more lenient.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from activepick.learning.fit import HeadFit
from activepick.learning.head import Head

__all__ = ["held_share", "stand_ins"]

Floats = NDArray[np.float64]

# With so many labels of the rarer kind nothing has to stand in for it.
_ENOUGH = 5
# Weight of the pi term for each particle that no other label balances.
_SHARE = 0.25
# Weight of all peaks that stand in, for each label: most unlabelled peaks below a particle's score
# are junk anyway, and few of those above are known to be particles.
_AS_OTHERS, _AS_PARTICLES = 0.5, 1.0


def held_share(fit: HeadFit, targets: Floats) -> HeadFit:
    """Give the regression with the weight of the pi term that suits the balance of the labels.

    Parameters
    ----------
    fit
        The regression; it is not changed.
    targets
        1 particle, 0 not, shape (n,).
    """
    surplus = targets.sum() - (1 - targets).sum()
    if not fit.pi_weight:
        return fit
    return replace(fit, pi_weight=max(fit.pi_weight, _SHARE * surplus * _missing(targets)))


def stand_ins(pretrained: Head, peaks: Floats, targets: Floats) -> tuple[Floats, float]:
    """Give the weights (m,) with which unlabelled peaks stand in, and as what (1 or 0).

    Parameters
    ----------
    pretrained
        The head before the first label.
    peaks
        Features of peaks of its score maps that have no label, shape (m, D).
    targets
        1 particle, 0 not, of the labels, shape (n,).
    """
    particles, others = targets.sum(), (1 - targets).sum()
    probability = expit(peaks @ pretrained.weights.ravel() + pretrained.bias)
    kind = float(particles < others)
    weights = probability if kind else 1 - probability
    total = (_AS_PARTICLES if kind else _AS_OTHERS) * abs(particles - others) * _missing(targets)
    return weights * (total / max(weights.sum(), 1e-12)), kind


def _missing(targets: Floats) -> float:
    rarer = min(targets.sum(), (1 - targets).sum())
    return float(max(0.0, 1 - rarer / _ENOUGH))

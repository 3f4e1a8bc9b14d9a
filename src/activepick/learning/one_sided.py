"""Labels of one class only: particles and nothing else, or only non-particles.

Without labels of the other class the head forgets what it knew of it. Unlabelled peaks stand in for
the missing class, each weighted with its probability of that class under the pretrained classifier,
all together with about the weight of the labels (learning from positive and unlabelled examples
with weights; Elkan and Noto, KDD 2008).

With particles alone, the weight of the expected share of particle pixels grows with their number,
as in the generalised expectation of Topaz (Bepler et al., Nature Methods 16, 1153, 2019); otherwise
each further label would make the head more lenient. With non-particles alone, the expected share is
that of the pretrained classifier, and the prior is stronger too: positions that a person takes for
non-particles may be particles of an incomplete truth, and no other label would contradict them.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from activepick.learning.fit import HeadFit
from activepick.learning.head import Head

__all__ = ["adjust_fit", "stand_in_weights"]

Floats = NDArray[np.float64]

# From this number of labels of the rarer class on, nothing stands in for it.
_ENOUGH = 5
# Weight of the pi term for each particle in excess of the other class.
_SHARE = 0.25
# With non-particles alone: weight of the pi term for each label, and relative increase of the L2
# weights for each label.
_OWN_SHARE, _HELD = 1.0, 0.1
# Total weight of the peaks that stand in, for each label: most unlabelled peaks of low score are
# non-particles anyway, and few of high score are known to be particles.
_AS_OTHERS, _AS_PARTICLES = 0.5, 1.0


def adjust_fit(fit: HeadFit, targets: Floats, share: float) -> HeadFit:
    """Return the regression with weights of prior and pi term that suit the balance of the labels.

    Parameters
    ----------
    fit
        The regression; it is not changed.
    targets
        1 particle, 0 not a particle, shape (n,).
    share
        Share of particle pixels under the pretrained classifier.
    """
    surplus = targets.sum() - (1 - targets).sum()
    weight = fit.pi_weight_for(len(targets))
    if not weight:
        return fit
    if len(targets) and not targets.any():
        held = 1 + _HELD * len(targets)
        return replace(
            fit,
            l2=held * fit.l2,
            directions_l2=held * fit.directions_l2,
            pi=share,
            pi_weight=weight + _OWN_SHARE * len(targets),
        )
    return replace(fit, pi_weight=max(weight, _SHARE * surplus * _missing(targets)))


def stand_in_weights(pretrained: Head, peaks: Floats, targets: Floats) -> tuple[Floats, float]:
    """Compute the weights with which unlabelled peaks stand in for the missing class.

    Parameters
    ----------
    pretrained
        The head before the first label.
    peaks
        Features of unlabelled peaks of its score maps, shape (m, D).
    targets
        Targets of the labels: 1 particle, 0 not a particle, shape (n,).

    Returns
    -------
    weights : array, shape (m,)
    target : float
        The missing class: 1 or 0.
    """
    particles, others = targets.sum(), (1 - targets).sum()
    probability = expit(peaks @ pretrained.weights.ravel() + pretrained.bias)
    target = float(particles < others)
    weights = probability if target else 1 - probability
    total = (_AS_PARTICLES if target else _AS_OTHERS) * abs(particles - others) * _missing(targets)
    return weights * (total / max(weights.sum(), 1e-12)), target


def _missing(targets: Floats) -> float:
    """Return how much of the rarer class is missing, from 1 (all of it) to 0 (nothing)."""
    rarer = min(targets.sum(), (1 - targets).sum())
    return float(max(0.0, 1 - rarer / _ENOUGH))

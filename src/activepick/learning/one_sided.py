"""Labels of one kind only: somebody marks particles and nothing else, or only junk.

Without the other kind the head forgets what it knew of it. The peaks that nobody has labelled
stand in: each as the missing kind, weighted with how likely it is of that kind to the pretrained
classifier, all together as much as the labels (learning from positive and unlabelled examples with
weights; Elkan and Noto, KDD 2008). Of particles alone the expected share of pixels has to hold the
better the more there are, as in the generalised expectation of Topaz (Bepler et al., Nature Methods
16, 1153, 2019): otherwise every further label makes the head more lenient. Of junk alone the share
that holds is that of the pretrained classifier, and the prior holds too: what looks like junk to a
person may be particles to the truth, and nothing else would contradict.
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
# Of junk alone: weight of the pi term for each label, and what each adds to the prior's weight.
_OWN_SHARE, _HELD = 1.0, 0.1
# Weight of all peaks that stand in, for each label: most unlabelled peaks below a particle's score
# are junk anyway, and few of those above are known to be particles.
_AS_OTHERS, _AS_PARTICLES = 0.5, 1.0


def held_share(fit: HeadFit, targets: Floats, share: float) -> HeadFit:
    """Give the regression with the weights of prior and pi term that suit the labels' balance.

    Parameters
    ----------
    fit
        The regression; it is not changed.
    targets
        1 particle, 0 not, shape (n,).
    share
        Of particle pixels, to the pretrained classifier.
    """
    surplus = targets.sum() - (1 - targets).sum()
    weight = fit.weight_of_pi(len(targets))
    if not weight:
        return fit
    if len(targets) and not targets.any():
        held = 1 + _HELD * len(targets)
        return replace(
            fit,
            l2=held * fit.l2,
            besides_l2=held * fit.besides_l2,
            directions_l2=held * fit.directions_l2,
            pi=share,
            pi_weight=weight + _OWN_SHARE * len(targets),
        )
    return replace(fit, pi_weight=max(weight, _SHARE * surplus * _missing(targets)))


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

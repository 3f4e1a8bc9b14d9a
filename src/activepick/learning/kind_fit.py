"""Fit the weights of several kinds of particles together.

The prior of the weights of each kind is the prior of a head without kinds. The weights of two kinds
are correlated under the prior, because features that separate one kind from the background mostly
also separate the other. The labels of one kind therefore also help the other (the covariance
between tasks of Bonilla, Chai and Williams, NIPS 2007, with the same correlation for all pairs).
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from activepick.learning.fit import HeadFit
from activepick.learning.head import Head
from activepick.learning.kinds import KindWeights
from activepick.learning.multinomial import MultinomialLoss, minimise
from activepick.learning.prior_precision import PriorPrecision

__all__ = ["fit_kinds"]

Floats = NDArray[np.float64]

# Correlation of the weights of two kinds under the prior.
_ALIKE = 0.5


def fit_kinds(
    fit: HeadFit,
    x: Floats,
    kinds: NDArray[np.int_],
    weights: Floats,
    names: Mapping[int, str],
    *,
    labels: float,
    unlabelled: Floats,
    pretrained: Head,
    warm_start: KindWeights | None = None,
) -> KindWeights:
    """Fit the weights of kinds of particles to labelled pixels.

    Parameters
    ----------
    fit
        The regression. Its prior, expected share and their weights are used.
    x
        Features, shape (n, D).
    kinds
        Number of the kind of each pixel, shape (n,); 0 for non-particles.
    weights
        Weight of each pixel, shape (n,).
    names
        Names of kinds by number.
    labels
        Number of labels.
    unlabelled
        Features of sampled pixels, shape (u, D).
    pretrained
        The head before the first label, which is the mean of the prior of each kind. If it has
        kinds, a kind of the same name is used instead.
    warm_start
        An earlier fit, used as initial value if it has the same kinds.

    Returns
    -------
    KindWeights
    """
    numbers = tuple(int(number) for number in np.unique(kinds) if number)
    first = _first(pretrained, [names[number] for number in numbers])
    directions = pretrained.directions
    rows = None if directions is None else directions.reshape(len(directions), -1)
    l2, along = fit.prior(x.shape[1], rows, labels)
    count = len(numbers)
    mean = first[:, :-1] if fit.towards == "pretrained" else np.zeros((count, x.shape[1]))
    loss = MultinomialLoss(
        # The features are stored in half precision, and the products in single precision take half
        # the time. The loss at the optimum is the same to seven digits.
        x=x.astype(np.float32),
        y=(kinds[:, None] == np.array(numbers)).astype(np.float64),
        v=weights,
        unlabelled=unlabelled.astype(np.float32),
        mean=mean,
        prior=PriorPrecision(l2, along if len(along) else None),
        between=np.asarray(np.linalg.inv((1 - _ALIKE) * np.eye(count) + _ALIKE), np.float64),
        pi=fit.pi,
        pi_weight=fit.pi_weight_for(labels),
    )
    begin = first if fit.start == "pretrained" else np.zeros_like(first)
    if warm_start is not None and warm_start.numbers == numbers:
        begin = np.column_stack([warm_start.weights.reshape(count, -1), warm_start.bias])
    found = minimise(loss, begin)
    return KindWeights(
        numbers,
        tuple(names[number] for number in numbers),
        found[:, :-1].reshape(count, *pretrained.weights.shape),
        found[:, -1],
    )


def _first(pretrained: Head, names: Sequence[str]) -> Floats:
    """Return weights and biases, shape (K, D + 1), of the kinds under the pretrained head.

    Any kind together is as likely as a particle was under a pretrained head without kinds.
    """
    bias = pretrained.bias - np.log(len(names))
    first = np.tile(np.append(pretrained.weights.ravel(), bias), (len(names), 1))
    if pretrained.kinds is not None:
        for row, name in zip(first, names, strict=True):
            if name in pretrained.kinds.names:
                k = pretrained.kinds.names.index(name)
                row[:] = np.append(pretrained.kinds.weights[k].ravel(), pretrained.kinds.bias[k])
    return first

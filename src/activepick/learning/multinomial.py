"""A head with several classes: particle, contamination, carbon or empty ice.

Multinomial logistic regression on the same features. The classes are those of PickerOptimizer (Li
et al., J. Comput. Biol. 30, 2023, and ISBRA 2021). The classes other than particles differ from
each other, so that each has separate weights.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

from activepick.errors import HeadError
from activepick.features.feature_spec import FeatureSpec
from activepick.learning.head import Head
from activepick.threads import one_thread

__all__ = ["PARTICLE", "ClassHead", "fit_classes"]

Floats = NDArray[np.float64]

PARTICLE = "particle"


@dataclass(frozen=True, eq=False)
class ClassHead:
    """A linear classifier with several classes.

    Attributes
    ----------
    classes
        Names of the K classes; the first is "particle".
    weights, bias
        Weights, shape (K, D), and biases, shape (K,).
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

    The prior mean of the weights is the pretrained classifier for "particle" and zero for the other
    classes.

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
    x = features.reshape(-1, width)
    hot = np.repeat(np.eye(len(classes))[index], per_label, axis=0)
    share = count / len(classes) / np.bincount(index)
    v = np.repeat(share[index] / per_label, per_label)
    mean = np.zeros((len(classes), width))
    mean[0] = pretrained.weights.ravel()

    def loss(parameters: Floats) -> tuple[float, Floats]:
        table = parameters.reshape(len(classes), width + 1)
        logs = log_softmax(x @ table[:, :-1].T + table[:, -1], axis=1)
        away = table[:, :-1] - mean
        value = -(v @ (hot * logs).sum(axis=1)) + 0.5 * l2 * (away**2).sum()
        slope = v[:, None] * (np.exp(logs) - hot)
        gradient = np.column_stack([slope.T @ x + l2 * away, slope.sum(axis=0)])
        return float(value), gradient.ravel()

    begin = np.column_stack([mean, np.zeros(len(classes))])
    with one_thread("blas"):
        options = {"maxiter": 1000, "maxcor": 40, "gtol": 1e-5}
        found = minimize(loss, begin.ravel(), jac=True, method="L-BFGS-B", options=options).x
    table = found.reshape(len(classes), width + 1)
    return ClassHead(classes, table[:, :-1], table[:, -1], pretrained.spec)

"""Gaussian process regression of labels on features, with the prediction of each left-out label.

A Gaussian process uses the similarity of labels to each other, and no pretrained classifier
(Rasmussen and Williams, Gaussian Processes for Machine Learning, MIT Press, 2006).
"""

import numpy as np
from numpy.typing import NDArray

__all__ = ["left_out_probabilities"]

Floats = NDArray[np.float64]

# Variances of the constant term and of the noise of a label of weight 1, in units of that of the
# kernel.
_CONSTANT, _NOISE = 0.25, 0.3
_LARGEST_GROUP = 1000


def left_out_probabilities(features: Floats, targets: Floats, weights: Floats) -> Floats:
    """Compute for each label the probability of a particle that all other labels predict.

    The kernel is rational quadratic, ``1 / (1 + d^2 / m)`` for two labels at the distance d, where
    m is the median of d^2 over all pairs. The mean of the regression of the targets, -1 and 1, is
    mapped to the range from 0 to 1. It follows for all left-out labels from one inverse matrix
    (Rasmussen and Williams, 2006, equation 5.12). Many labels are divided into groups that are
    predicted separately, because the time grows with the third power of their number.

    Parameters
    ----------
    features
        Features of the labels in comparable units, shape (n, D).
    targets
        1 for particles, 0 for non-particles, shape (n,).
    weights
        Weight of each label, above 0, shape (n,), by which the variance of its noise is divided.

    Returns
    -------
    array, shape (n,)
        Probabilities between 0 and 1; 0.5 for a single label.
    """
    groups = -(-len(targets) // _LARGEST_GROUP)
    found = np.empty(len(targets))
    for first in range(groups):
        group = slice(first, None, groups)
        found[group] = _left_out_means(features[group], 2 * targets[group] - 1, weights[group])
    return np.clip((1 + found) / 2, 0, 1)


def _left_out_means(features: Floats, signs: Floats, weights: Floats) -> Floats:
    """Return for each label the mean that the others predict, shape (n,)."""
    squares = np.einsum("ij,ij->i", features, features)
    distances = np.maximum(squares[:, None] + squares - 2 * features @ features.T, 0)
    between = distances[np.triu_indices(len(distances), 1)]
    median = float(np.median(between)) if len(between) else 0.0
    kernel = _CONSTANT + 1 / (1 + distances / (median or 1.0))
    kernel[np.diag_indices(len(kernel))] += _NOISE / weights
    inverse = np.linalg.inv(kernel)
    return np.asarray(signs - (inverse @ signs) / np.diag(inverse))

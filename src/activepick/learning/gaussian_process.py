"""Gaussian process regression of labels on features, with the prediction of each left-out label.

A Gaussian process uses the similarity of labels to each other, and no pretrained classifier
(Rasmussen and Williams, Gaussian Processes for Machine Learning, MIT Press, 2006).
"""

import numpy as np
from numpy.typing import NDArray

__all__ = ["left_out_probabilities"]

Floats = NDArray[np.float64]

# Squared length scale in units of the median squared distance between two labels; variances of the
# constant term and of the noise of a label of weight 1, in units of that of the kernel.
_LENGTH, _CONSTANT, _NOISE = 2.0, 0.25, 0.3


def left_out_probabilities(features: Floats, targets: Floats, weights: Floats) -> Floats:
    """Compute for each label the probability of a particle that all other labels predict.

    The mean of the regression of the targets, -1 and 1, is mapped to the range from 0 to 1. It
    follows for all left-out labels from one inverse matrix (Rasmussen and Williams, 2006,
    equation 5.12).

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
    signs = 2 * targets - 1
    squares = np.einsum("ij,ij->i", features, features)
    distances = np.maximum(squares[:, None] + squares - 2 * features @ features.T, 0)
    between = distances[np.triu_indices(len(distances), 1)]
    length = _LENGTH * float(np.median(between)) if between.any() else 1.0
    kernel = np.exp(-distances / length) + _CONSTANT
    kernel[np.diag_indices(len(kernel))] += _NOISE / weights
    inverse = np.linalg.inv(kernel)
    mean = signs - (inverse @ signs) / np.diag(inverse)
    return np.asarray(np.clip((1 + mean) / 2, 0, 1))

"""Model the descriptors of the members of each class by a normal distribution."""

import torch
from torch import Tensor

__all__ = ["VARIANCE", "log_density", "mean_descriptors"]

# The mean of a class is estimated with this number of further crops at the mean of all crops.
_PRIOR_CROPS = 5.0
# Variance of each descriptor within a class. Within a kind of simulated picks it is 1; twice as
# much, because the descriptors are not independent of the pixels, which are compared as well.
VARIANCE = 2.0


def mean_descriptors(values: Tensor, of_class: Tensor) -> Tensor:
    """Estimate the mean descriptors (k, d) of each class.

    Parameters
    ----------
    values
        Descriptors of crops, (n, d).
    of_class
        Probability of each class, (n, k).
    """
    sums = of_class.T @ values + _PRIOR_CROPS * values.mean(0)
    return sums / (of_class.sum(0) + _PRIOR_CROPS)[:, None]


def log_density(values: Tensor, means: Tensor) -> Tensor:
    """Return the logarithm of the density (n, k) of descriptors (n, d) in each class.

    A constant that is equal for all classes is left out.
    """
    return torch.cdist(values, means) ** 2 / (-2 * VARIANCE)

"""Model the descriptors of the members of each class by a normal distribution."""

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import one_hot

__all__ = ["VARIANCE", "DescriptorMeans", "clustered"]

# The mean of a class is estimated with this number of further crops at the mean of all crops.
_PRIOR_CROPS = 5.0
# Variance of each descriptor within a class. Within a kind of simulated picks it is 1; twice as
# much, because the descriptors are not independent of the pixels, which are compared as well.
VARIANCE = 2.0
# Steps of k-means.
_CLUSTER_STEPS = 20


class DescriptorMeans:
    """Means of the descriptors of each class, estimated for all crops from the last batches.

    Parameters
    ----------
    values
        Descriptors of all crops, (n, d).
    means
        First mean of each class, (k, d).

    Attributes
    ----------
    means
        Mean of each class, (k, d).
    """

    def __init__(self, values: Tensor, means: Tensor) -> None:
        self.means = means
        self._values, self._middle = values, values.mean(0)
        self._sums = torch.zeros_like(means)
        self._weight = means.new_zeros(len(means))

    def log_density(self, rows: Tensor) -> Tensor:
        """Return the logarithm of the density (m, k) of some crops in each class.

        A constant that is equal for all classes is left out.
        """
        return torch.cdist(self._values[rows], self.means) ** 2 / (-2 * VARIANCE)

    def add(self, rows: Tensor, of_class: Tensor, replaced: float = 1.0) -> None:
        """Add a batch of crops with the probability (m, k) of each class.

        The batch replaces a share of the earlier ones; see `RunningMeans.add`.
        """
        own = len(rows) / len(self._values)
        self._sums += replaced * (of_class.T @ self._values[rows] / own - self._sums)
        self._weight += replaced * (of_class.sum(0) / own - self._weight)
        prior = _PRIOR_CROPS * self._middle
        self.means = (self._sums + prior) / (self._weight + _PRIOR_CROPS)[:, None]

    def set_means(self, means: Tensor) -> None:
        """Set the means (k, d), until the next batch is added."""
        self.means = means

    def begin(self, number: int, row: Tensor, weight: Tensor) -> None:
        """Start a class again with one crop, given the new weights (k,) of all classes."""
        self._sums *= (weight / self._weight.clamp(min=1e-6))[:, None]
        self._weight = weight.clone()
        self._sums[number] = self._values[row] * weight[number]
        self.means[number] = self._values[row]


def clustered(values: Tensor, count: int, rng: np.random.Generator) -> Tensor:
    """Divide crops into clusters of similar descriptors, and return the centres (count, d).

    The method is k-means; the first centres are crops that are far from each other (Arthur and
    Vassilvitskii 2007, Proc. SODA, 1027-1035).

    Parameters
    ----------
    values
        Descriptors of all crops, (n, d).
    count
        Number of clusters, at most n.
    rng
        Source of the first centres.
    """
    rows = [int(rng.integers(len(values)))]
    gaps = (values - values[rows[0]]).square().sum(1)
    while len(rows) < count:
        share = gaps.cpu().numpy().astype(np.float64) + 1e-12
        rows.append(int(rng.choice(len(values), p=share / share.sum())))
        gaps = torch.minimum(gaps, (values - values[rows[-1]]).square().sum(1))
    centres = values[rows]
    for _ in range(_CLUSTER_STEPS):
        of_class = one_hot(torch.cdist(values, centres).argmin(1), count).to(values)
        weight = of_class.sum(0)[:, None]
        centres = torch.where(weight > 0, of_class.T @ values / weight.clamp(min=1), centres)
    return centres

"""The weights with which a head distinguishes several kinds of particles.

Each kind has a linear score ``z_k = w_k x + b_k``. The score of "not a particle" is 0. The
probabilities are those of multinomial logistic regression,
``p_k = exp(z_k) / (1 + sum_j exp(z_j))``. The log-odds of a particle of any kind are
``log sum_k exp(z_k)``, which is z for a single kind.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["KindWeights"]


@dataclass(frozen=True, eq=False)
class KindWeights:
    """Weights and bias of each kind of particle of a head.

    Attributes
    ----------
    numbers
        Number of each kind, above 0 and ascending, shape (K,); `rlnClassNumber` in files.
    names
        Name of each kind, shape (K,).
    weights
        Weights, float64, shape (K, number of scales, C).
    bias
        Biases, float64, shape (K,).
    """

    numbers: tuple[int, ...]
    names: tuple[str, ...]
    weights: NDArray[np.float64]
    bias: NDArray[np.float64]

    def __post_init__(self) -> None:
        count = len(self.numbers)
        if not (
            count
            and len(self.names) == len(self.weights) == count
            and self.bias.shape == (count,)
            and list(self.numbers) == sorted(set(self.numbers))
            and self.numbers[0] > 0
        ):
            raise ValueError(f"kinds {self.numbers} with {len(self.weights)} sets of weights")

    @property
    def name_of(self) -> dict[int, str]:
        """Names of the kinds by number."""
        return dict(zip(self.numbers, self.names, strict=True))

    def linear_scores(self, features: NDArray[np.floating]) -> NDArray[np.float64]:
        """Compute the scores z, shape (n, K), for features of shape (n, D)."""
        return np.asarray(features @ self.weights.reshape(len(self.bias), -1).T + self.bias)

"""A stopping rule: stabilising predictions.

Bloodgood and Vijay-Shanker, CoNLL 2009: a fixed set of unlabelled positions is classified after
each refit. When the classes under successive heads agree, by Cohen's kappa, over a few refits,
further answers to this kind of query change little.
"""

from collections import deque

import numpy as np
from numpy.typing import NDArray

from activepick.learning.head import Head

__all__ = ["StoppingRule", "kappa"]

# Number of refits that are compared, and the mean kappa at which to stop. (The authors take 0.99
# for texts, which peaks of noise never reach.)
_WINDOW = 3
_AGREEMENT = 0.95


class StoppingRule:
    """Decides when successive heads agree.

    Parameters
    ----------
    features
        Features of the positions that are classified, shape (n, D): peaks, since there are too few
        particles among random positions.
    agreement
        Mean kappa at which to stop.
    window
        Number of refits that are compared.
    """

    def __init__(
        self, features: NDArray[np.floating], agreement: float = _AGREEMENT, window: int = _WINDOW
    ) -> None:
        self._features = features
        self._agreement = agreement
        self._last: NDArray[np.bool_] | None = None
        self.kappas: deque[float] = deque(maxlen=window)

    def settled(self, head: Head) -> bool:
        """Take the head of the next refit, and return whether it is time to stop."""
        now = self._features @ head.weights.ravel() + head.bias > 0
        if self._last is not None:
            self.kappas.append(kappa(self._last, now))
        self._last = now
        full = len(self.kappas) == self.kappas.maxlen
        return full and float(np.mean(self.kappas)) >= self._agreement


def kappa(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    """Compute the agreement of two classifications beyond chance (Cohen 1960); 1 for equal ones."""
    a, b = first.mean(), second.mean()
    by_chance = a * b + (1 - a) * (1 - b)
    if by_chance == 1:
        return 1.0
    return float(((first == second).mean() - by_chance) / (1 - by_chance))

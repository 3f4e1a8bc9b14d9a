"""When further answers would change nothing: stabilising predictions.

Bloodgood and Vijay-Shanker, CoNLL 2009: a fixed set of unlabelled places is judged after each
refit. When the judgements of successive heads agree, by Cohen's kappa, over a few refits, the head
has learnt what it can from this kind of question.
"""

from collections import deque

import numpy as np
from numpy.typing import NDArray

from activepick.learning.head import Head

__all__ = ["StoppingRule", "kappa"]

# Decisions are compared over so many refits, and have to agree so well on average. (The authors
# take 0.99 for texts; neighbouring peaks of noise never agree that well.)
_WINDOW = 3
_AGREEMENT = 0.95


class StoppingRule:
    """Tells when successive heads agree.

    Parameters
    ----------
    rows
        Features of the places that are judged, shape (n, D): peaks, since particles among random
        places are too few to tell.
    agreement
        Mean kappa to be reached.
    window
        Over so many refits.
    """

    def __init__(
        self, rows: NDArray[np.floating], agreement: float = _AGREEMENT, window: int = _WINDOW
    ) -> None:
        self._rows = rows
        self._agreement = agreement
        self._last: NDArray[np.bool_] | None = None
        self.kappas: deque[float] = deque(maxlen=window)

    def settled(self, head: Head) -> bool:
        """Take the head of the next refit, and tell whether it is time to stop."""
        now = self._rows @ head.weights.ravel() + head.bias > 0
        if self._last is not None:
            self.kappas.append(kappa(self._last, now))
        self._last = now
        full = len(self.kappas) == self.kappas.maxlen
        return full and float(np.mean(self.kappas)) >= self._agreement


def kappa(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    """Agreement of two judgements beyond chance (Cohen 1960), 1 for the same ones."""
    a, b = first.mean(), second.mean()
    by_chance = a * b + (1 - a) * (1 - b)
    if by_chance == 1:
        return 1.0
    return float(((first == second).mean() - by_chance) / (1 - by_chance))

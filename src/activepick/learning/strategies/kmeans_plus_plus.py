"""Choose a batch whose members differ from each other: k-means++ seeding."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["CANDIDATES_PER_QUERY", "kmeans_plus_plus"]

# A batch is chosen among this many times as many candidates.
CANDIDATES_PER_QUERY = 4


def kmeans_plus_plus(
    features: NDArray[np.floating],
    utility: NDArray[np.floating],
    count: int,
    rng: np.random.Generator,
) -> NDArray[np.intp]:
    """Choose rows that are far from each other (k-means++; Arthur and Vassilvitskii, 2007).

    The first row is that of highest utility; each next one is drawn with a probability proportional
    to its utility times its squared distance to the nearest row chosen before.

    Parameters
    ----------
    features
        Shape (n, D).
    utility
        Not negative, shape (n,).
    count
        Number of rows to choose; fewer where there are not that many.
    rng
        Random generator.

    Returns
    -------
    array of indices
    """
    if not len(features):
        return np.empty(0, np.intp)
    chosen = [int(np.argmax(utility))]
    distance = ((features - features[chosen[0]]) ** 2).sum(axis=1, dtype=np.float64)
    while len(chosen) < min(count, len(features)):
        chance = distance * (utility + 1e-12)
        chance[chosen] = 0
        if chance.sum() == 0:  # the remaining rows are equal to chosen ones
            chance = np.isin(np.arange(len(features)), chosen, invert=True).astype(float)
        chosen.append(int(rng.choice(len(features), p=chance / chance.sum())))
        distance = np.minimum(distance, ((features - features[chosen[-1]]) ** 2).sum(axis=1))
    return np.array(chosen, np.intp)

"""Choose a batch of different rows with k-means++ seeding."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["CANDIDATES_PER_QUERY", "kmeans_plus_plus"]

# Number of candidates per query from which a batch is chosen.
CANDIDATES_PER_QUERY = 4


def kmeans_plus_plus(
    features: NDArray[np.floating],
    utility: NDArray[np.floating],
    count: int,
    rng: np.random.Generator,
) -> NDArray[np.intp]:
    """Choose rows that are far from each other (k-means++; Arthur and Vassilvitskii, 2007).

    The first row is the one with the highest utility. Each further row is drawn with a probability
    proportional to its utility times its squared distance to the nearest chosen row.

    Parameters
    ----------
    features
        Features of the rows, shape (n, D).
    utility
        Utilities of the rows, not negative, shape (n,).
    count
        Largest number of rows to choose.
    rng
        Random generator.

    Returns
    -------
    array of int, shape (min(count, n),)
        Indices of the chosen rows.
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

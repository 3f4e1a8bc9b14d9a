"""TypiClust: typical peaks, for training with few labels."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from activepick.learning.strategies.candidates import Candidates, find_candidates
from activepick.learning.strategies.context import QueryContext
from activepick.learning.strategies.kmeans_plus_plus import kmeans_plus_plus

__all__ = ["select"]

# Number of the highest peaks per micrograph that are clustered: about twice its particles.
_CANDIDATES = 200
# Number of nearest neighbours from which the typicality is computed.
_NEIGHBOURS = 20
# Number of principal components of the candidates; the other components are mostly noise.
_COMPONENTS = 16


def select(context: QueryContext, count: int) -> Candidates:
    """Select the most typical peak of each cluster without a label.

    The method is TypiClust (Hacohen, Dekel and Weinshall, ICML 2022). The number of clusters is the
    number of labels plus the number of queries. In each of the largest clusters without a label,
    the position with the smallest mean distance to its neighbours is selected.
    """
    candidates = find_candidates(context)
    candidates = replace(candidates, utility=candidates.score).highest_of_each(_CANDIDATES)
    if len(candidates) <= count:
        return candidates
    pairs = zip(context.micrographs, context.labelled, strict=True)
    labelled = np.concatenate([micrograph.at(xy) for micrograph, xy in pairs])
    known = len(labelled)
    features = _principal_components(np.concatenate([labelled, candidates.features(context)]))
    cluster = _clusters(features, min(known + count, len(features)), context.rng)
    neighbours = min(_NEIGHBOURS, len(features))
    typicality = -cKDTree(features).query(features, neighbours)[0].mean(axis=1)[known:]
    covered, own = cluster[:known], cluster[known:]
    sizes = np.bincount(own, minlength=cluster.max() + 1)
    sizes[covered] = 0
    # If there are fewer clusters without labels than queries, the other peaks follow.
    order = np.lexsort((-typicality, -sizes[own]))
    first = np.unique(own[order], return_index=True)[1]
    later = np.ones(len(candidates), bool)
    later[first] = False
    return candidates.take(order[np.argsort(later, kind="stable")][:count])


def _principal_components(features: NDArray[np.float32]) -> NDArray[np.float64]:
    centred = features.astype(np.float64) - features.mean(axis=0)
    _, directions = np.linalg.eigh(centred.T @ centred)
    return np.asarray(centred @ directions[:, -_COMPONENTS:])


def _clusters(
    features: NDArray[np.float64], count: int, rng: np.random.Generator
) -> NDArray[np.intp]:
    from scipy.cluster.vq import kmeans2  # the window is shown without it

    start = features[kmeans_plus_plus(features, np.ones(len(features)), count, rng)]
    return np.asarray(kmeans2(features, start, iter=10, minit="matrix", missing="warn")[1])

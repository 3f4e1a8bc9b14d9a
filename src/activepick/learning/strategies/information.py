"""BALD: peaks whose answers are most informative about the head."""

import numpy as np

from activepick.learning.strategies.candidates import Candidates, find_candidates
from activepick.learning.strategies.context import QueryContext
from activepick.learning.strategies.kmeans_plus_plus import CANDIDATES_PER_QUERY, kmeans_plus_plus
from activepick.learning.uncertainty import mutual_information

__all__ = ["select"]


def select(context: QueryContext, count: int) -> Candidates:
    """Select peaks with high mutual information and different features.

    The method is Bayesian active learning by disagreement (BALD; Houlsby et al., 2011).
    """
    candidates = find_candidates(context)
    features = candidates.features(context)
    utility = mutual_information(candidates.score, context.posterior().variance(features))
    best = np.argsort(-utility, kind="stable")[: CANDIDATES_PER_QUERY * count]
    chosen = kmeans_plus_plus(features[best], utility[best], count, context.rng)
    return candidates.take(best[chosen])

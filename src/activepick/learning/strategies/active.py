"""Uncertain peaks that differ in their features; the default strategy."""

from activepick.learning.strategies.candidates import Candidates, find_candidates
from activepick.learning.strategies.context import QueryContext
from activepick.learning.strategies.kmeans_plus_plus import CANDIDATES_PER_QUERY, kmeans_plus_plus

__all__ = ["select"]


def select(context: QueryContext, count: int) -> Candidates:
    """Select peaks with high entropy and different features from all micrographs."""
    candidates = find_candidates(context)
    share = -(-CANDIDATES_PER_QUERY * count // max(1, len(context.micrographs)))
    candidates = candidates.highest_of_each(share)
    features = candidates.features(context)
    return candidates.take(kmeans_plus_plus(features, candidates.utility, count, context.rng))

"""From a micrograph and a head to picks."""

from collections.abc import Callable

import pandas as pd

from activepick.features.engine import FeatureEngine
from activepick.learning.head import Head
from activepick.micrograph import Micrograph
from activepick.picking.rules import make_picks
from activepick.scoremap.peaks import MIN_DISTANCE, score_peaks
from activepick.scoremap.score_map import ScoreMap

__all__ = ["pick_micrograph", "pick_score_map"]


def pick_micrograph(
    engine: FeatureEngine,
    head: Head,
    micrograph: Micrograph,
    *,
    threshold: float = 0.5,
    min_distance: float = MIN_DISTANCE,
    edge_margin: float = 0.0,
    progress: Callable[[float], None] | None = None,
) -> pd.DataFrame:
    """Pick the particles of a micrograph without keeping its features.

    Parameters
    ----------
    engine
        Knows the network and the particle's diameter.
    head
        What decides.
    micrograph
        The file.
    threshold
        Lowest probability of a pick.
    min_distance
        Smallest distance between two picks, in particle radii.
    edge_margin
        Picks closer than this to the border are left out, in particle radii.
    progress
        Called with the fraction done; may raise to cancel.

    Returns
    -------
    DataFrame
        Columns ``micrograph, x, y, score``: original pixels and logits, the best pick first.

    Raises
    ------
    ActivepickError
        When the micrograph cannot be read, or the head does not fit.
    """
    head.require(engine.spec(head.spec.working_radii))
    scores = engine.score_map(
        micrograph, head.spec.working_radii, head.weights, head.bias, progress
    )
    return pick_score_map(
        scores,
        micrograph.name,
        micrograph.shape,
        threshold=threshold,
        min_distance=min_distance,
        edge_margin=edge_margin,
    )


def pick_score_map(
    scores: ScoreMap,
    name: str,
    shape: tuple[int, int],
    *,
    threshold: float = 0.5,
    min_distance: float = MIN_DISTANCE,
    edge_margin: float = 0.0,
) -> pd.DataFrame:
    """Turn a score map into picks; arguments and result as in `pick_micrograph`.

    Parameters
    ----------
    scores
        The score map.
    name
        Of the micrograph, for the table.
    shape
        Height and width of the micrograph.
    threshold, min_distance, edge_margin
        As in `pick_micrograph`.
    """
    positions, values = score_peaks(scores, min_distance)
    return make_picks(
        name,
        positions,
        values,
        shape,
        edge_margin_px=edge_margin * scores.radius_px,
        threshold=threshold,
    )

"""The head before the first label."""

from collections.abc import Callable, Collection, Iterable

from activepick.features.engine import FeatureEngine
from activepick.features.scales import FINE_RATIO, side_by_side
from activepick.learning.combine import on_scales_of
from activepick.learning.head import Head, pretrained_head
from activepick.learning.simulated_prior import with_simulated_prior
from activepick.micrograph import Micrograph

__all__ = ["starting_head"]


def starting_head(
    engine: FeatureEngine,
    micrographs: Iterable[Micrograph],
    generic: Head | None = None,
    progress: Callable[[float], None] | None = None,
    leave_out: Collection[str] = (),
    fine_ratio: float | None = FINE_RATIO,
) -> Head:
    """Return the head before the first label, on the scales that fit the micrographs best.

    Parameters
    ----------
    engine
        Feature engine with the particle diameter.
    micrographs
        Micrographs of the dataset. The scales are chosen on the first few that can be read,
        without labels.
    generic
        Head from other datasets to use instead of the pretrained head; see
        `activepick.learning.combine`.
    progress
        Called with the fraction done; may raise an exception to cancel.
    leave_out
        As in `activepick.learning.simulated_prior.with_simulated_prior`.
    fine_ratio
        As in `activepick.features.scales.side_by_side`.

    Returns
    -------
    Head
        The pretrained head, or the generic head if given.

    Raises
    ------
    ActivepickError
        If none of the micrographs can be read.
    """
    best = engine.best_radius(micrographs, progress)
    spec = engine.spec(side_by_side(best, fine_ratio))
    if generic is not None:
        return on_scales_of(generic, spec)
    backbone = engine.extractor.backbone
    head = pretrained_head(spec, backbone.weights, backbone.bias, best)
    return with_simulated_prior(head, leave_out)

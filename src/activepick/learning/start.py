"""The head before the first label."""

from collections.abc import Sequence

from activepick.features.engine import FeatureEngine
from activepick.features.scales import side_by_side
from activepick.learning.head import Head, pretrained_head
from activepick.learning.library import on_scales_of
from activepick.micrograph import Micrograph

__all__ = ["starting_head"]


def starting_head(
    engine: FeatureEngine, micrographs: Sequence[Micrograph], generic: Head | None = None
) -> Head:
    """Give the pretrained or a generic head on the scales that suit some micrographs.

    Parameters
    ----------
    engine
        With the particle diameter.
    micrographs
        A few of the dataset; no labels are needed.
    generic
        A head of other datasets to use instead of the pretrained one; see
        `activepick.learning.library`.
    """
    best = engine.best_radius(micrographs)
    if generic is not None:
        return on_scales_of(generic, engine.spec(side_by_side(best)))
    backbone = engine.extractor.backbone
    return pretrained_head(engine.spec(side_by_side(best)), backbone.weights, backbone.bias, best)

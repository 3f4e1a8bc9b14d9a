"""The head before the first label."""

from collections.abc import Sequence

from activepick.features.engine import FeatureEngine
from activepick.features.scales import side_by_side
from activepick.learning.head import Head, pretrained_head
from activepick.micrograph import Micrograph

__all__ = ["starting_head"]


def starting_head(engine: FeatureEngine, micrographs: Sequence[Micrograph]) -> Head:
    """Give the pretrained head on the scales that suit some micrographs.

    Parameters
    ----------
    engine
        With the particle diameter.
    micrographs
        A few of the dataset; no labels are needed.
    """
    best = engine.best_radius(micrographs)
    backbone = engine.extractor.backbone
    return pretrained_head(engine.spec(side_by_side(best)), backbone.weights, backbone.bias, best)

"""From the settings of a session to what computes its features."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from activepick.session.model.settings import Settings

if TYPE_CHECKING:
    from activepick.features.engine import FeatureEngine
    from activepick.learning.head import Head
    from activepick.micrograph import Micrograph

__all__ = [
    "EngineMaker",
    "engine_of",
    "start",
]

EngineMaker = Callable[[Settings], "FeatureEngine"]


def engine_of(settings: Settings) -> "FeatureEngine":
    """Load the network that comes with the program, on the best device, with the user's cache."""
    from activepick.features.backbone import load_backbone
    from activepick.features.cache import FeatureCache
    from activepick.features.engine import FeatureEngine
    from activepick.features.extractor import Extractor

    return FeatureEngine(
        Extractor(load_backbone(settings.model)),
        settings.diameter_angstrom,
        settings.normalisation,
        FeatureCache(),
    )


def start(
    engine: "FeatureEngine",
    settings: Settings,
    micrographs: Iterable["Micrograph"],
    progress: Callable[[float], None] | None = None,
) -> "Head":
    """Give the head before the first label, at the working radii of the settings.

    Parameters
    ----------
    engine
        With the particle diameter.
    settings
        Where they have no working radii yet, those that suit the micrographs are found.
    micrographs
        Those of the session, of which the first few that can be read are looked at.
    progress
        Called with the fraction of the search done; may raise to cancel.
    """
    from activepick.learning.head import pretrained_head
    from activepick.learning.initial_head import starting_head
    from activepick.learning.simulated_prior import with_simulated_prior

    best, radii = settings.working_radius_px, settings.working_radii_px
    if best is None:
        return starting_head(engine, micrographs, progress=progress)
    backbone = engine.extractor.backbone
    radii = radii if best in radii else (best,)
    head = pretrained_head(engine.spec(radii), backbone.weights, backbone.bias, best)
    return with_simulated_prior(head)

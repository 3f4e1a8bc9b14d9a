"""Peaks of micrographs that nobody looks at: their features are not kept."""

from typing import TYPE_CHECKING

from activepick.learning.head import Head
from activepick.micrograph.contrast import CONTRAST_RADIUS_PX, working_contrast
from activepick.session.model.state import MicrographEntry, SessionState
from activepick.workspace.contrasts import micrograph_contrast
from activepick.workspace.feature_store import Step
from activepick.workspace.peaks import Peaks, make_peaks

if TYPE_CHECKING:
    from activepick.workspace.tools import Tools

__all__ = ["predicted_peaks"]


def predicted_peaks(
    tools: "Tools", state: SessionState, entry: MicrographEntry, head: Head, progress: Step
) -> Peaks:
    """Find the peaks of a micrograph by the cheapest way there is.

    Parameters
    ----------
    tools
        What is at hand.
    state
        Labels and settings.
    entry
        The micrograph.
    head
        What decides.
    progress
        Called with the fraction done; may raise to cancel.

    Raises
    ------
    ActivepickError
        When the micrograph is missing, changed, or cannot be read.
    """

    def step(fraction: float) -> None:
        tools.store.give_way()
        progress(fraction)

    if tools.store.held([entry]):
        features = tools.store.get(entry)
        scores = tools.maps.get(entry.fingerprint, features, head)
        return make_peaks(state, entry.id, features.shape, scores, tools.contrasts.get(entry), head)
    step(0.0)
    micrograph, engine, radii = tools.open_file(entry), tools.engine, head.spec.working_radii
    if engine.is_cached(micrograph, radii):
        features = engine.features(micrograph, radii, step)
        scores = features.score_map(head.weights, head.bias)
        contrast = micrograph_contrast(engine, micrograph)
    else:
        wanted = [radius for radius, w in zip(radii, head.weights, strict=True) if w.any()]
        *images, last = micrograph.working_images(
            engine.diameter_angstrom, [*wanted, CONTRAST_RADIUS_PX], engine.normalisation
        )
        scores = engine.score_images(micrograph, images, radii, head.weights, head.bias, step)
        contrast = working_contrast(last)
    return make_peaks(state, entry.id, micrograph.shape, scores, contrast, head)

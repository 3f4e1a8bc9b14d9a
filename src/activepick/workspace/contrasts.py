"""Local contrast of micrographs, computed once each."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from activepick.micrograph.contrast import CONTRAST_RADIUS_PX, ContrastMap, working_contrast
from activepick.session.model.state import MicrographEntry

if TYPE_CHECKING:
    from activepick.features.engine import FeatureEngine
    from activepick.micrograph import Micrograph

__all__ = ["Contrasts", "micrograph_contrast"]


class Contrasts:
    """The contrast maps of the last micrographs, by their content.

    Parameters
    ----------
    compute
        Gives the map of a micrograph.
    keep
        How many; the one that was not used for longest goes. A map takes about a megabyte.
    """

    def __init__(self, compute: Callable[[MicrographEntry], ContrastMap], keep: int = 32) -> None:
        self._compute = compute
        self._keep = keep
        self._known: OrderedDict[str, ContrastMap] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, entry: MicrographEntry) -> ContrastMap:
        """Give the contrast of a micrograph; errors as reading it."""
        with self._lock:
            found = self._known.get(entry.fingerprint)
        found = found or self._compute(entry)
        with self._lock:
            self._known[entry.fingerprint] = found
            self._known.move_to_end(entry.fingerprint)
            while len(self._known) > self._keep:
                self._known.popitem(last=False)
        return found


def micrograph_contrast(engine: "FeatureEngine", micrograph: "Micrograph") -> ContrastMap:
    """Compute the local contrast of a micrograph, or take it from the engine's cache.

    Raises
    ------
    ActivepickError
        When the micrograph cannot be read or the diameter does not fit it.
    """
    diameter = engine.diameter_angstrom

    def compute() -> NDArray[np.float16]:
        [image] = micrograph.working_images(diameter, [CONTRAST_RADIUS_PX])
        return np.asarray(working_contrast(image).values, np.float16)

    if engine.cache is None:
        values = compute()
    else:
        radius_px = micrograph.radius_px(diameter)
        key = f"contrast {micrograph.content_key()} {radius_px} {CONTRAST_RADIUS_PX}"
        values = engine.cache.get(key, compute)
    height, width = micrograph.shape
    return ContrastMap(values, (width / values.shape[1], height / values.shape[0]))

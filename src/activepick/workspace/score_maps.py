"""Score maps of the micrographs at hand, each computed once for a head."""

import threading
from collections import OrderedDict
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from activepick.features.feature_map import MicrographFeatures
from activepick.learning.head import Head
from activepick.scoremap.maxima import find_peaks
from activepick.scoremap.score_map import ScoreMap

__all__ = ["HopefulMap", "ScoreMaps"]

# Maxima below this logit (one in 400) never become picks or questions, unless there are fewer
# than so many others.
_NEGLIGIBLE = -6.0
_ENOUGH = 2000


class HopefulMap(ScoreMap):
    """A score map whose hopeless maxima are left out, as nobody would ever look at them."""

    @classmethod
    def of(cls, scores: ScoreMap) -> Self:
        """Leave the hopeless maxima of a score map out."""
        return cls(scores.values, scores.spacing_px, scores.radius_px)

    @cached_property
    def maxima(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Local maxima that are not negligible, or else the best few, the highest first."""
        positions, values = find_peaks(self.values, 0.0, _NEGLIGIBLE)
        if len(values) < _ENOUGH:
            positions, values = find_peaks(self.values, 0.0)
        hopeful = max(_ENOUGH, int((values >= _NEGLIGIBLE).sum()))
        return positions[:hopeful], values[:hopeful]


class ScoreMaps:
    """The last score maps, by the content of the micrograph.

    Parameters
    ----------
    keep
        How many; the one that was not used for longest goes.
    """

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self._known: OrderedDict[str, tuple[Head, ScoreMap]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: str, features: MicrographFeatures, head: Head) -> ScoreMap:
        """Give the score map of a head.

        Parameters
        ----------
        key
            The micrograph's fingerprint.
        features
            Its features.
        head
            The head; the same object means the same map.
        """
        with self._lock:
            known = self._known.get(key)
        if known is not None and known[0] is head:
            return known[1]
        scores = features.score_map(head.weights, head.bias, quick=True)
        made = HopefulMap.of(scores)
        with self._lock:
            self._known[key] = head, made
            self._known.move_to_end(key)
            while len(self._known) > self._keep:
                self._known.popitem(last=False)
        return made

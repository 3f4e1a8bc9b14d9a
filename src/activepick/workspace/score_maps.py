"""Score maps of the micrographs at hand, each computed once for a head."""

import threading
from collections import OrderedDict

from activepick.features.feature_map import MicrographFeatures
from activepick.learning.head import Head
from activepick.scoremap.score_map import ScoreMap

__all__ = ["ScoreMaps"]


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
        made = features.score_map(head.weights, head.bias)
        with self._lock:
            self._known[key] = head, made
            self._known.move_to_end(key)
            while len(self._known) > self._keep:
                self._known.popitem(last=False)
        return made

"""The peaks of a score map, in pixels of the micrograph."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from activepick.scoremap.kinds import best_kind
from activepick.scoremap.maxima import local_maxima, suppress
from activepick.scoremap.score_map import ScoreMap

__all__ = ["DEFAULT_SEPARATION", "Peaks", "find_peaks", "separated_peaks"]

# Smallest distance between two picks, in particle radii: neighbours in crowded ice may overlap.
DEFAULT_SEPARATION = 0.8


@dataclass(frozen=True, eq=False)
class Peaks:
    """All local maxima of a score map, at any distance from each other, the highest score first.

    Positions and scores are computed and stored in single precision, so that picks from stored
    peaks are the same as picks from computed ones.

    Attributes
    ----------
    xy
        Positions in pixels of the micrograph, float32, shape (n, 2), columns x and y.
    score
        Scores (logits), float32, shape (n,), descending.
    contrast
        Local contrast (`activepick.micrograph.contrast`), float32, shape (n,); None if it was not
        computed.
    radius_px
        Particle radius, in pixels of the micrograph.
    shape
        Height and width of the micrograph in pixels.
    border
        Columns and rows of the micrograph without an image: left, top, right, bottom.
    kind
        Number of the most likely kind of particle of each peak, int16, shape (n,); None if the head
        has no kinds. The score is then the logit of the probability of this kind.
    """

    xy: NDArray[np.float32]
    score: NDArray[np.float32]
    contrast: NDArray[np.float32] | None
    radius_px: float
    shape: tuple[int, int]
    border: tuple[int, int, int, int] = (0, 0, 0, 0)
    kind: NDArray[np.int16] | None = None
    # For one separation, the number of first peaks for which the remaining ones are known, and the
    # indices of these.
    _separated: dict[float, tuple[int, NDArray[np.intp]]] = field(
        default_factory=dict, init=False, repr=False
    )

    def __len__(self) -> int:
        return len(self.score)

    def separated(self, separation: float, lowest_score: float = -np.inf) -> NDArray[np.bool_]:
        """Return a mask (n,) of the peaks that remain after non-maximum suppression.

        Most peaks of a micrograph are noise. Since they remove no higher ones, they are compared
        only if `lowest_score` includes them.

        Parameters
        ----------
        separation
            Smallest distance between two remaining peaks, in particle radii.
        lowest_score
            The mask is False for all peaks with a lower score.
        """
        wanted = int(np.searchsorted(-self.score, -np.float32(lowest_score), side="right"))
        done, kept = self._separated.get(separation, (0, np.empty(0, np.intp)))
        if done < wanted:
            xy = self.xy[:wanted].astype(np.float64)
            kept = suppress(xy, separation * self.radius_px, kept, done)
            self._separated.clear()  # earlier separations are not needed again
            self._separated[separation] = wanted, kept
        mask = np.zeros(len(self), bool)
        mask[kept[: np.searchsorted(kept, wanted)]] = True
        return mask

    def take(self, chosen: NDArray[np.bool_] | NDArray[np.intp]) -> "Peaks":
        """Return some of the peaks, given by a mask or by ascending indices."""
        contrast = None if self.contrast is None else self.contrast[chosen]
        return Peaks(
            self.xy[chosen],
            self.score[chosen],
            contrast,
            self.radius_px,
            self.shape,
            self.border,
            None if self.kind is None else self.kind[chosen],
        )


def find_peaks(
    scores: ScoreMap,
    contrast: Callable[[NDArray[np.float32]], NDArray[np.float32]] | None = None,
) -> Peaks:
    """Find all local maxima of a score map; see `activepick.scoremap.maxima.local_maxima`.

    If the head has kinds of particles, they are the maxima of the score of a particle of any kind.
    Each peak has its most likely kind and the score of this kind.

    Parameters
    ----------
    scores
        The score map.
    contrast
        Returns the local contrast (n,) at positions (n, 2), such as
        `activepick.micrograph.contrast.ContrastMap.at`.

    Returns
    -------
    Peaks
    """
    samples, values = local_maxima(scores.values)
    kind = None
    if scores.kinds is not None:
        best, values = best_kind(scores.kinds_at(scores.to_original(samples)))
        order = np.argsort(-values, kind="stable")
        samples, values = samples[order], values[order]
        kind = np.array(scores.kinds.numbers, np.int16)[best[order]]
    xy = scores.to_original(samples).astype(np.float32)
    return Peaks(
        xy,
        values.astype(np.float32),
        None if contrast is None else contrast(xy),
        scores.radius_px,
        scores.shape,
        scores.border,
        kind,
    )


def separated_peaks(scores: ScoreMap, separation: float = DEFAULT_SEPARATION) -> Peaks:
    """Find the peaks of a score map that remain after non-maximum suppression.

    Parameters
    ----------
    scores
        The score map.
    separation
        Smallest distance between two peaks, in particle radii.
    """
    found = find_peaks(scores)
    return found.take(found.separated(separation))

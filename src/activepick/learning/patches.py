"""Review by patch: choose a patch of a micrograph, and label everything in it.

The user corrects the picks in a small square of a micrograph and confirms the rest at once. Each
correction is a label, and so is each position that was not changed: the picks that were not removed
are particles, and the peaks that are not picks are non-particles. There are many such peaks. Only
those with the highest scores become labels, as many as there are particles and removed picks, so
that the background does not outweigh the particles. Since peaks keep a minimum distance, these
labels are spread over the patch.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from activepick.learning.uncertainty import entropy
from activepick.scoremap import SAME_POSITION, far_from

__all__ = [
    "PATCH_DIAMETERS",
    "PATCH_LABEL_WEIGHT",
    "Patch",
    "PatchLabels",
    "PatchPeaks",
    "choose_patch",
    "label_patch",
]

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

# Side of a patch in particle diameters.
PATCH_DIAMETERS = 4.0
# Weight of each label of a patch in the training, in labels that are given one by one. The labels
# of a patch are less different from each other than answers to questions, which are spread over all
# micrographs, so that each of them says less.
PATCH_LABEL_WEIGHT = 0.5
# Smallest distance of a non-particle from all particles, in particle radii: closer peaks may be on
# the slope of a particle.
_APART = 1.0


@dataclass(frozen=True)
class Patch:
    """A square part of a micrograph.

    Attributes
    ----------
    micrograph
        Index of the micrograph.
    left, top, right, bottom
        Its sides in original pixels.
    """

    micrograph: int
    left: float
    top: float
    right: float
    bottom: float

    def contains(self, xy: ArrayLike) -> Mask:
        """Return a mask, shape (n,), of the positions x, y, shape (n, 2), that are in the patch."""
        xy = np.asarray(xy, np.float64).reshape(-1, 2)
        inside = (xy >= [self.left, self.top]) & (xy <= [self.right, self.bottom])
        return np.asarray(inside.all(axis=1))


@dataclass(frozen=True, eq=False)
class PatchPeaks:
    """The peaks of a micrograph that can become picks, and the labels of the micrograph.

    Attributes
    ----------
    xy
        Positions x, y in original pixels, shape (n, 2).
    score
        Scores (logits of the probability), shape (n,).
    answered
        Labelled and skipped positions x, y in original pixels, shape (m, 2).
    radius_px
        Particle radius in original pixels.
    shape
        Height and width of the micrograph in pixels.
    """

    xy: Floats
    score: Floats
    answered: Floats
    radius_px: float
    shape: tuple[int, int]

    def is_open(self, xy: Floats) -> Mask:
        """Return a mask (n,) of the positions (n, 2) that were neither labelled nor skipped."""
        return far_from(xy, self.answered, SAME_POSITION * self.radius_px)


@dataclass(frozen=True, eq=False)
class PatchLabels:
    """The labels that follow from a confirmed patch.

    Attributes
    ----------
    xy
        Positions x, y in original pixels, shape (n, 2).
    kinds
        Number of the kind of each particle, 0 for non-particles, shape (n,).
    weight
        Weight of each label in the training.
    """

    xy: Floats
    kinds: NDArray[np.int_]
    weight: float = PATCH_LABEL_WEIGHT

    @property
    def targets(self) -> Floats:
        """1 for particles, 0 for non-particles, shape (n,)."""
        return (self.kinds > 0).astype(np.float64)


def choose_patch(micrographs: Sequence[PatchPeaks]) -> Patch | None:
    """Choose the patch with the largest sum of the entropies of its peaks.

    The entropy is high where the head is uncertain, which is also where corrections are expected.
    Labelled and skipped positions do not count.

    Parameters
    ----------
    micrographs
        Peaks of each micrograph.

    Returns
    -------
    Patch or None
        None if all peaks were labelled or skipped. The patch lies within the image if the image is
        not smaller.
    """
    best: Patch | None = None
    highest = 0.0
    for index, peaks in enumerate(micrographs):
        is_open = peaks.is_open(peaks.xy)
        xy, gain = peaks.xy[is_open], np.asarray(entropy(peaks.score[is_open]), np.float64)
        if not len(xy):
            continue
        half = PATCH_DIAMETERS * peaks.radius_px
        last = np.array(peaks.shape[::-1]) - 1.0
        centres = np.clip(xy, np.minimum(half, last / 2), np.maximum(last - half, last / 2))
        sums = _sums_around(centres, xy, gain, half)
        if sums.max() > highest:
            highest, (x, y) = float(sums.max()), centres[sums.argmax()].tolist()
            best = Patch(index, x - half, y - half, x + half, y + half)
    return best


def label_patch(
    patch: Patch,
    peaks: PatchPeaks,
    particles: Floats,
    removed: Floats,
    kinds: NDArray[np.int_] | None = None,
) -> PatchLabels:
    """Return the labels of a patch whose picks were corrected and confirmed.

    Parameters
    ----------
    patch
        The patch.
    peaks
        Peaks of its micrograph.
    particles
        Corrected picks x, y of the whole micrograph in original pixels, shape (n, 2).
    removed
        Picks x, y that were removed, shape (m, 2).
    kinds
        Number of the kind of each of the particles, shape (n,); by default 1.

    Returns
    -------
    PatchLabels
        Labels in the patch that are not at labelled or skipped positions.
    """
    is_new = patch.contains(particles) & peaks.is_open(particles)
    new = particles[is_new]
    new_kinds = np.ones(len(new), int) if kinds is None else kinds[is_new]
    same, apart = SAME_POSITION * peaks.radius_px, _APART * peaks.radius_px
    empty = patch.contains(peaks.xy) & peaks.is_open(peaks.xy)
    empty &= far_from(peaks.xy, particles, apart) & far_from(peaks.xy, removed, same)
    count = max(1, len(new) + len(removed))
    order = np.argsort(-peaks.score[empty], kind="stable")[:count]
    others = np.concatenate([removed[peaks.is_open(removed)], peaks.xy[empty][order]])
    none = np.zeros(len(others), int)
    return PatchLabels(np.concatenate([new, others]), np.concatenate([new_kinds, none]))


def _sums_around(centres: Floats, xy: Floats, values: Floats, half: float) -> Floats:
    """Return the sums (n,) of the values in squares around centres (n, 2)."""
    pairs = cKDTree(centres).sparse_distance_matrix(
        cKDTree(xy), half, p=np.inf, output_type="ndarray"
    )
    sums = np.bincount(pairs["i"], weights=values[pairs["j"]], minlength=len(centres))
    return np.asarray(sums, np.float64)

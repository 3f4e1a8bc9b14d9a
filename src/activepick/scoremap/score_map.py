"""The score of a head at every position of a micrograph."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from activepick.scoremap.interpolation import resample
from activepick.scoremap.kinds import any_kind, kind_log_odds

__all__ = ["KindScores", "ScoreMap", "merge_kinds", "merge_scales"]

# Samples per particle radius: enough to locate a peak, with a parabola, within a small part of it.
SAMPLES_PER_RADIUS = 7.0


@dataclass(frozen=True, eq=False)
class KindScores:
    """Scores of each kind of particle on the grid of a score map.

    Attributes
    ----------
    numbers
        Number of each kind, shape (K,).
    values
        Scores z of the kinds (`activepick.scoremap.kinds`), float32, shape (K, rows, columns).
    """

    numbers: tuple[int, ...]
    values: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class ScoreMap:
    """Scores (logits) on a regular grid; sample (0, 0) is on pixel (0, 0) of the micrograph.

    Attributes
    ----------
    values
        Scores, float32, shape (rows, columns). With kinds of particles, those of any kind.
    spacing_px
        Distance between two samples, in pixels of the micrograph.
    radius_px
        Particle radius, in pixels of the micrograph.
    shape
        Height and width of the micrograph in pixels.
    border
        Columns and rows of the micrograph without an image: left, top, right, bottom.
    kinds
        Scores of each kind of particle; None if the head has no kinds.
    """

    values: NDArray[np.float32]
    spacing_px: float
    radius_px: float
    shape: tuple[int, int]
    border: tuple[int, int, int, int] = (0, 0, 0, 0)
    kinds: KindScores | None = None

    def to_original(self, xy: ArrayLike) -> NDArray[np.float64]:
        """Convert positions (n, 2) from samples of the map to pixels of the micrograph."""
        return np.asarray(xy, np.float64).reshape(-1, 2) * self.spacing_px

    def at(self, xy: ArrayLike) -> NDArray[np.float64]:
        """Interpolate the score (n,) at positions (n, 2) in pixels of the micrograph."""
        from scipy.ndimage import map_coordinates  # takes 0.03 s, and picking does without

        columns, rows = np.asarray(xy, np.float64).reshape(-1, 2).T / self.spacing_px
        scores: NDArray[np.float64] = map_coordinates(
            self.values, [rows, columns], np.float64, order=1, mode="nearest"
        )
        return scores

    def kinds_at(self, xy: ArrayLike) -> NDArray[np.float32]:
        """Return the scores of all kinds, shape (K, n), at the samples nearest to positions (n, 2).

        Raises
        ------
        ValueError
            If the map has no kinds.
        """
        if self.kinds is None:
            raise ValueError("this score map has no kinds of particles")
        nearest = np.rint(np.asarray(xy, np.float64).reshape(-1, 2) / self.spacing_px)
        last = np.array(self.values.shape[::-1]) - 1
        columns, rows = np.clip(nearest, 0, last).astype(np.intp).T
        return self.kinds.values[:, rows, columns]

    def of_kind(self, number: int) -> "ScoreMap":
        """Return the map of the log-odds of one kind against everything else.

        Raises
        ------
        ValueError
            If the map does not have the kind.
        """
        if self.kinds is None or number not in self.kinds.numbers:
            raise ValueError(f"this score map has no kind with the number {number}")
        values = kind_log_odds(self.kinds.values, self.kinds.numbers.index(number))
        return replace(self, values=values, kinds=None)


def merge_kinds(maps: Sequence[ScoreMap], numbers: Sequence[int]) -> ScoreMap:
    """Combine the score maps of the kinds of a head.

    Parameters
    ----------
    maps
        The score map of each kind, on the same grid.
    numbers
        Number of each kind.

    Returns
    -------
    ScoreMap
        The scores are the log-odds of a particle of any kind.
    """
    values = np.stack([one.values for one in maps])
    return replace(maps[0], values=any_kind(values), kinds=KindScores(tuple(numbers), values))


def merge_scales(
    parts: Sequence[tuple[NDArray[np.float32], tuple[float, float]]],
    bias: float,
    shape: tuple[int, int],
    radius_px: float,
    border: tuple[int, int, int, int] = (0, 0, 0, 0),
) -> ScoreMap:
    """Add the scores of several scales on a common grid.

    Parameters
    ----------
    parts
        For each scale its scores without the bias, shape (h, w), and the distance between two
        samples in pixels of the micrograph, as (x, y).
    bias
        Bias of the head, added once.
    shape
        Height and width of the micrograph in pixels.
    radius_px
        Particle radius, in pixels of the micrograph.
    border
        Columns and rows without an image, as in `ScoreMap`.

    Returns
    -------
    ScoreMap
    """
    spacing = radius_px / SAMPLES_PER_RADIUS
    y, x = (np.arange(0, side - 1 + 1e-9, spacing) for side in shape)
    total = np.full((len(y), len(x)), bias, np.float32)
    for scores, (dx, dy) in parts:
        total += resample(scores, y / dy, x / dx)
    return ScoreMap(total, spacing, radius_px, shape, border)

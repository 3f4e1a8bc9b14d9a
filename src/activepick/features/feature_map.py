"""Features of a micrograph at several working scales."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from activepick.features.projection import Projector
from activepick.features.sampling import sample
from activepick.scoremap import ScoreMap, merge_scales

__all__ = ["FeatureMap", "MicrographFeatures"]


_ON_PROCESSOR = Projector(torch.device("cpu"))


@dataclass(frozen=True, eq=False)
class FeatureMap:
    """Features at one working scale.

    Attributes
    ----------
    values
        Features, float16, shape (h, w, C).
    spacing_px
        Original pixels between two samples, (x, y). Sample (0, 0) lies on pixel (0, 0).
    working_radius_px
        Nominal particle radius in working pixels.
    projector
        Multiplies features with weights; by default on the CPU.
    """

    values: NDArray[np.float16]
    spacing_px: tuple[float, float]
    working_radius_px: float
    projector: Projector = field(default=_ON_PROCESSOR, repr=False)

    def project(self, weights: NDArray[np.float64]) -> NDArray[np.float32]:
        """Multiply each feature vector with the weights of a head.

        The result is rounded as in `activepick.features.projection.project`.

        Parameters
        ----------
        weights
            Shape (C,).

        Returns
        -------
        array of float32, shape (h, w)
        """
        return self.projector(self.values, weights)


@dataclass(frozen=True, eq=False)
class MicrographFeatures:
    """The features of one micrograph at all scales of a head.

    The scales have different grids. Since a head is linear, its score between the samples is the
    sum of the interpolated scores of the scales: features are only interpolated at single
    positions, never on the whole grid.

    Attributes
    ----------
    name
        The micrograph's name.
    maps
        One feature map for each working scale.
    shape
        Height and width of the micrograph in original pixels.
    radius_px
        Particle radius in original pixels.
    border
        Columns and rows of the micrograph without an image: left, top, right, bottom.
    """

    name: str
    maps: tuple[FeatureMap, ...]
    shape: tuple[int, int]
    radius_px: float
    border: tuple[int, int, int, int] = (0, 0, 0, 0)

    @cached_property
    def channels(self) -> int:
        """Total number of features of all scales."""
        return sum(part.values.shape[2] for part in self.maps)

    def at(self, xy: ArrayLike) -> NDArray[np.float32]:
        """Interpolate the features at positions.

        Parameters
        ----------
        xy
            Positions (n, 2) as x, y in original pixels.

        Returns
        -------
        array of float32, shape (n, channels)
            Features of all scales, concatenated.
        """
        xy = np.asarray(xy, np.float64).reshape(-1, 2)
        return np.concatenate([sample(m.values, xy / m.spacing_px) for m in self.maps], axis=1)

    def score_map(self, weights: NDArray[np.float64], bias: float) -> ScoreMap:
        """Compute the score of a linear head at every position.

        Parameters
        ----------
        weights
            Shape (number of scales, C). Scales whose weights are all zero are skipped.
        bias
            Bias of the head.
        """
        parts = [
            (m.project(w), m.spacing_px) for m, w in zip(self.maps, weights, strict=True) if w.any()
        ]
        return merge_scales(parts, bias, self.shape, self.radius_px, self.border)

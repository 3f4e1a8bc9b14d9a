"""Features of a micrograph at several working scales, side by side."""

from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from threadpoolctl import ThreadpoolController

from activepick.scoremap import ScoreMap, merge_scales
from activepick.scoremap.interpolation import sample

__all__ = ["FeatureMap", "MicrographFeatures"]

# Feature vectors that are turned into float32 at a time: so few stay in the processor's cache, and
# are too few for a second thread, whose start would cost more than it saves.
_BLOCK = 128
# From 2.6 on PyTorch multiplies 16-bit matrices with vectors as fast as it can read them, and sums
# in 32 bits; before, it did so number by number.
_HALF_IS_FAST = tuple(map(int, torch.__version__.split(".")[:2])) >= (2, 6)


@cache
def _threads() -> ThreadpoolController:
    """Return the libraries whose threads can be limited; finding them takes milliseconds."""
    return ThreadpoolController()


@dataclass(frozen=True, eq=False)
class FeatureMap:
    """Features at one working scale.

    Attributes
    ----------
    values
        float16, shape (h, w, C).
    spacing_px
        Original pixels between two samples, (x, y). Sample (0, 0) lies on pixel (0, 0).
    working_radius_px
        Nominal particle radius in working pixels.
    """

    values: NDArray[np.float16]
    spacing_px: tuple[float, float]
    working_radius_px: float

    def project(self, weights: NDArray[np.float64]) -> NDArray[np.float32]:
        """Multiply each feature vector with the weights of a head.

        Weights and products are rounded to the 11 bits that the features have.

        Parameters
        ----------
        weights
            Shape (C,).

        Returns
        -------
        array of float32, shape (h, w)
        """
        rows = torch.from_numpy(self.values).view(-1, self.values.shape[2])
        if _HALF_IS_FAST:
            # One thread reads as fast as the memory is. Two would wait for each other whenever the
            # machine does something else as well.
            with _threads().limit(limits=1, user_api="openmp"):
                out = torch.mv(rows, torch.as_tensor(weights, dtype=torch.float16)).float()
        else:
            vector = torch.as_tensor(weights, dtype=torch.float32)
            out = torch.empty(len(rows))
            for start in range(0, len(rows), _BLOCK):
                block = slice(start, start + _BLOCK)
                torch.mv(rows[block].float(), vector, out=out[block])
        return out.numpy().reshape(self.values.shape[:2])


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
        One feature map a working scale.
    shape
        Height and width of the micrograph.
    radius_px
        Particle radius in original pixels.
    """

    name: str
    maps: tuple[FeatureMap, ...]
    shape: tuple[int, int]
    radius_px: float

    @cached_property
    def channels(self) -> int:
        """Number of features of all scales together."""
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
            The scales one after the other.
        """
        xy = np.asarray(xy, np.float64).reshape(-1, 2)
        return np.concatenate([sample(m.values, xy / m.spacing_px) for m in self.maps], axis=1)

    def score_map(self, weights: NDArray[np.float64], bias: float) -> ScoreMap:
        """Compute the score of a linear head at every position.

        Parameters
        ----------
        weights
            Shape (number of scales, C); a scale whose weights are all zero costs nothing.
        bias
            Bias of the head.
        """
        parts = [
            (m.project(w), m.spacing_px) for m, w in zip(self.maps, weights, strict=True) if w.any()
        ]
        return merge_scales(parts, bias, self.shape, self.radius_px)

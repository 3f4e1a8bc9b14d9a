"""Features of a micrograph at several working scales, side by side."""

import threading
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from activepick.features.interpolation import sample
from activepick.features.score_map import ScoreMap, merge

__all__ = ["FeatureMap", "MicrographFeatures"]

# Feature vectors that are turned into float32 at a time: so few stay in the processor's cache, and
# are too few for PyTorch to share them among threads, which would cost more than it saves.
_BLOCK = 128
# Threads that share a whole map. More would only wait for the memory.
_THREADS = 4


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
        """Multiply each feature vector with the weights (C,): a map of shape (h, w)."""
        rows = torch.from_numpy(self.values).view(-1, self.values.shape[2])
        vector = torch.as_tensor(weights, dtype=torch.float32)
        out = torch.empty(len(rows))

        def part(begin: int, end: int) -> None:
            for start in range(begin, end, _BLOCK):
                block = slice(start, min(start + _BLOCK, end))
                torch.mv(rows[block].float(), vector, out=out[block])

        bounds = np.linspace(0, len(rows), min(_THREADS, torch.get_num_threads()) + 1).astype(int)
        others = [
            threading.Thread(target=part, args=pair) for pair in pairwise(bounds[1:].tolist())
        ]
        for thread in others:
            thread.start()
        part(0, int(bounds[1]))
        for thread in others:
            thread.join()
        return out.numpy().reshape(self.values.shape[:2])


@dataclass(frozen=True, eq=False)
class MicrographFeatures:
    """Everything that a head needs to know about one micrograph.

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
        """Features at positions.

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
        """Score of a linear head everywhere.

        Parameters
        ----------
        weights
            Shape (number of scales, C); a scale whose weights are all zero costs nothing.
        bias
            Added once.
        """
        parts = [
            (m.project(w), m.spacing_px) for m, w in zip(self.maps, weights, strict=True) if w.any()
        ]
        return merge(parts, bias, self.shape, self.radius_px)

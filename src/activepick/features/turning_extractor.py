"""Features averaged over turns of the image: steadier, and as many times as slow."""

from collections.abc import Callable
from functools import partial
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from activepick.errors import SettingsError
from activepick.features.extractor import Extractor
from activepick.features.orientations import ORIENTATIONS, oriented
from activepick.progress import Progress, part_of

__all__ = ["TurningExtractor"]

Image = NDArray[np.float32]


class TurningExtractor(Extractor):
    """An extractor that looks at each image in several orientations.

    Parameters
    ----------
    extractor
        Runs on each orientation.
    orientations
        4 for the quarter turns, 8 for their mirror images too; also 1 and 2.
    looked_at
        Look at so few of them, which gives nearly the same mean: 1, 2 (a quarter turn apart, where
        there are such) or 4. None looks at all.

    Raises
    ------
    SettingsError
        For another number.
    """

    def __init__(
        self, extractor: Extractor, orientations: int, looked_at: int | None = None
    ) -> None:
        for number in (orientations, looked_at or orientations):
            if number not in (1, 2, 4, 8):
                raise SettingsError(f"{number} orientations: use 1, 2, 4 or 8.")
        self.__dict__.update(extractor.__dict__)
        self._inner = extractor
        self.orientations = orientations
        self._looked_at = looked_at
        self._turns = ORIENTATIONS[: min(orientations, looked_at or orientations)]
        if len(self._turns) == 2 < orientations:
            self._turns = (ORIENTATIONS[0], ORIENTATIONS[2])

    def with_stride(self, stride: int) -> Self:
        """Give the same extractor with another output stride."""
        return type(self)(self._inner.with_stride(stride), self.orientations, self._looked_at)

    def extract(self, image: Image, progress: Progress | None = None) -> NDArray[np.float16]:
        """Compute the mean features of a working image, as `Extractor.extract`."""
        return self._mean(image, self._inner.extract, progress).astype(np.float16)

    def score(
        self,
        image: Image,
        weights: NDArray[np.float64],
        bias: float,
        progress: Progress | None = None,
    ) -> Image:
        """Compute the mean score map of a linear head, as `Extractor.score`."""

        def run(turned: Image, step: Progress | None) -> Image:
            return self._inner.score(turned, weights, bias, step)

        return self._mean(image, run, progress)

    def _mean(
        self,
        image: Image,
        run: Callable[[Image, Progress | None], NDArray[Any]],
        progress: Progress | None,
    ) -> Image:
        total: Image | None = None
        for index, orientation in enumerate(self._turns):
            step = None if progress is None else part_of(progress, index, len(self._turns))
            part = oriented(partial(_swapped, run, step), image, self.stride, orientation)
            total = part.astype(np.float32) if total is None else total + part
        assert total is not None
        return total / np.float32(len(self._turns))


def _swapped(
    run: Callable[[Image, Progress | None], NDArray[Any]], step: Progress | None, image: Image
) -> NDArray[Any]:
    return run(image, step)

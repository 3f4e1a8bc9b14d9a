"""Picking as two steps, so that the next file can be read while a network looks at this one."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from activepick.batch.source import Source
from activepick.micrograph import Micrograph, WorkingImage

if TYPE_CHECKING:
    from activepick.features.engine import FeatureEngine
    from activepick.learning.head import Head

__all__ = ["Outcome", "Picker", "ReadMicrograph"]


@dataclass(frozen=True, eq=False)
class ReadMicrograph:
    """A micrograph at the scales that are looked at, and the hash by which a change shows."""

    micrograph: Micrograph
    key: str
    images: list[WorkingImage]


@dataclass(frozen=True, eq=False)
class Outcome:
    """What became of a micrograph.

    Attributes
    ----------
    index
        Its place among those that were to be picked.
    picks
        x and y in original pixels and score, shape (n, 3), the best pick first; None after a
        failure.
    key
        `Micrograph.content_key` of what was read.
    pixel_size_angstrom
        Å per pixel.
    failure
        What was wrong.
    """

    index: int
    picks: NDArray[np.float64] | None = None
    key: str = ""
    pixel_size_angstrom: float = 0.0
    failure: str | None = None


@dataclass(frozen=True, eq=False)
class Picker:
    """All that decides about the picks of a micrograph; see `pick_micrograph` for the settings."""

    engine: "FeatureEngine"
    head: "Head"
    threshold: float
    min_distance: float
    edge_margin: float

    def read(self, source: Source) -> ReadMicrograph:
        """Read a file and bring it to the head's scales.

        Raises
        ------
        ActivepickError
            When it cannot be used.
        """
        micrograph = source.micrograph()
        _ = micrograph.shape  # which refuses what is no micrograph before anything is opened
        # Taken first: a file that changes while it is read is a changed one the next time.
        key = micrograph.content_key()
        scales = zip(self.head.spec.working_radii, self.head.weights, strict=True)
        images = micrograph.working_images(
            self.engine.diameter_angstrom,
            [radius for radius, weights in scales if weights.any()],
            self.engine.normalisation,
        )
        return ReadMicrograph(micrograph, key, images)

    def pick(
        self, read: ReadMicrograph, progress: Callable[[float], None] | None = None
    ) -> NDArray[np.float64]:
        """Pick the particles of a micrograph that was read.

        Parameters
        ----------
        read
            The micrograph.
        progress
            Called with the fraction done; may raise to cancel.

        Returns
        -------
        ndarray, (n, 3)
            x, y and score, the best first.

        Raises
        ------
        ActivepickError
            When the device has too little memory.
        """
        from activepick.picking.picker import pick_score_map

        head = self.head
        scores = self.engine.score_images(
            read.micrograph, read.images, head.spec.working_radii, head.weights, head.bias, progress
        )
        table = pick_score_map(
            scores,
            read.micrograph.name,
            read.micrograph.shape,
            threshold=self.threshold,
            min_distance=self.min_distance,
            edge_margin=self.edge_margin,
        )
        return np.ascontiguousarray(table[["x", "y", "score"]].to_numpy(np.float64))

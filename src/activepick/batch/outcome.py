"""The outcome of picking one micrograph of a run."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Outcome"]


@dataclass(frozen=True, eq=False)
class Outcome:
    """The outcome of picking one micrograph.

    Attributes
    ----------
    index
        Its index among the micrographs to be picked.
    picks
        x and y in pixels of the micrograph and score, shape (n, 3), the highest score first; None
        after a failure.
    key
        `Micrograph.content_key` of the file that was read.
    pixel_size_angstrom
        Pixel size of the micrograph in Å.
    failure
        Message that explains why the micrograph could not be picked; None if it was picked.
    """

    index: int
    picks: NDArray[np.float64] | None = None
    key: str = ""
    pixel_size_angstrom: float = 0.0
    failure: str | None = None

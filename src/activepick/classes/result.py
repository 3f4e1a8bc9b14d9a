"""The classes of crops, their averages, and the alignment of each crop with its class."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

__all__ = ["ClassAverages"]


@dataclass(frozen=True, eq=False)
class ClassAverages:
    """Classes of crops.

    Attributes
    ----------
    averages
        Average of each class, (k, side, side), float32, damped at frequencies with more noise than
        signal.
    references
        The same for whitened crops, (k, side, side), with which crops are compared.
    noise
        Power of the crops at each whole spatial frequency, by which they are whitened, (shells,).
    descriptors
        Mean descriptors of each class, (k, d); see `activepick.classes.descriptors`.
    classes
        Class of each crop, (n,), from 0.
    probability
        Probability of that class, (n,), in the posterior at its last temperature, which is below 1.
    angle_rad, shift_px
        Rotation (n,) in radians and centre (n, 2), x and y from the pick in pixels of the crop,
        that align each crop with its class.
    """

    averages: NDArray[np.float32]
    references: NDArray[np.float32]
    noise: NDArray[np.float32]
    descriptors: NDArray[np.float32]
    classes: NDArray[np.intp]
    probability: NDArray[np.float32]
    angle_rad: NDArray[np.float32]
    shift_px: NDArray[np.float32]

    @classmethod
    def without_members(
        cls,
        averages: NDArray[np.float32],
        references: NDArray[np.float32],
        noise: NDArray[np.float32],
        descriptors: NDArray[np.float32],
    ) -> "ClassAverages":
        """Return classes to which no crops belong yet; parameters as the attributes."""
        return cls(
            averages=averages,
            references=references,
            noise=noise,
            descriptors=descriptors,
            classes=np.empty(0, np.intp),
            probability=np.empty(0, np.float32),
            angle_rad=np.empty(0, np.float32),
            shift_px=np.empty((0, 2), np.float32),
        )

    @property
    def sizes(self) -> NDArray[np.intp]:
        """Number of members of each class, (k,)."""
        return np.bincount(self.classes, minlength=len(self.averages))

    def without_empty(self) -> "ClassAverages":
        """Return the classes that have members, with new numbers in the same order."""
        used, classes = np.unique(self.classes, return_inverse=True)
        return replace(
            self,
            averages=self.averages[used],
            references=self.references[used],
            descriptors=self.descriptors[used],
            classes=classes,
        )

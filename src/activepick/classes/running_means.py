"""Update the means of classes after each batch of crops.

In online expectation maximisation each batch replaces a share of the sums of the earlier crops
(Cappé and Moulines 2009, J. R. Stat. Soc. B 71, 593-613).
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import normalize

__all__ = ["RunningMeans"]

# Batch number t replaces a share of (1 + t / 2)^-0.6, or its share of all crops if that is larger.
# The means converge for any exponent between 0.5 and 1.
_FORGETTING = 0.6
# A class is empty if it has less than this share of the mean number of members, and double if its
# reference has a higher correlation than this with that of a larger class.
_EMPTY, _DOUBLE = 0.4, 0.97
# An empty or double class is started again with a crop. The probability of the largest class for
# this crop is at least this share of the highest one.
_LIKELY = 0.3


class RunningMeans:
    """Sums of aligned crops by class, estimated for all crops from the last batches.

    Parameters
    ----------
    classes, side
        Number of classes, and side of the images.
    crops
        Number of all crops.

    Attributes
    ----------
    sums
        Sums of images (classes, side, side).
    weight
        Number of crops of each class, (classes,).
    share
        Share of the crops that contribute to the means.
    """

    def __init__(self, classes: int, side: int, crops: int, device: torch.device) -> None:
        self.sums = torch.zeros((classes, side, side), device=device)
        self.weight = torch.zeros(classes, device=device)
        self.share = 0.0
        self._crops, self._batches = crops, 0

    def add(self, images: Tensor, of_class: Tensor) -> float:
        """Add a batch: sums (classes, side, side), and probabilities of classes (n, classes).

        Returns the share of the sums of the earlier batches that it has replaced.
        """
        own = len(of_class) / self._crops
        replaced: float = max((1 + self._batches / 2) ** -_FORGETTING, own)
        self.sums += replaced * (images / own - self.sums)
        self.weight += replaced * (of_class.sum(0) / own - self.weight)
        self.share = min(1.0, own / replaced)
        self._batches += 1
        return replaced

    def replacements(
        self, references: Tensor, of_class: Tensor, rng: np.random.Generator
    ) -> list[tuple[int, int]]:
        """Halve the largest class for each empty or double class.

        Returns
        -------
        list
            The number of each such class, and the index of the crop of the batch (n, classes) with
            which it is to be started again.
        """
        sizes = self.weight.cpu().numpy().astype(np.float64)
        found = []
        for number in np.flatnonzero(_empty_or_double(references, sizes)).tolist():
            largest = int(sizes.argmax())
            probability = of_class[:, largest].cpu().numpy()
            likely = np.flatnonzero(probability >= _LIKELY * probability.max())
            found.append((number, int(rng.choice(likely))))
            sizes[[largest, number]] = sizes[largest] / 2
            self.weight[[largest, number]] = self.weight[largest] / 2
            self.sums[largest] /= 2
        return found

    def set_mean(self, number: int, image: Tensor) -> None:
        """Set the mean of a class to an image (side, side)."""
        self.sums[number] = image * self.weight[number]


def _empty_or_double(references: Tensor, sizes: NDArray[np.float64]) -> NDArray[np.bool_]:
    flat = normalize(references.flatten(1), dim=1)
    alike = np.triu((flat @ flat.T).cpu().numpy(), 1) > _DOUBLE
    poor = np.asarray(sizes < _EMPTY * sizes.mean())
    for one, other in np.argwhere(alike).tolist():
        if not (poor[one] or poor[other]):
            poor[one if sizes[one] < sizes[other] else other] = True
    return poor

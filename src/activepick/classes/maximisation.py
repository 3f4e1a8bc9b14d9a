"""Find classes of crops by expectation maximisation, and average each class after alignment.

The method is maximum likelihood: each crop is modelled as one of the references, rotated, shifted,
multiplied by a contrast and with white noise, and expectation maximisation sums over all classes,
rotations and shifts (Scheres et al. 2005, J. Mol. Biol. 348, 139-149). The descriptors of a crop,
which distinguish particles from other objects, are independent of its pixels in this model and
have a normal distribution around the mean of the class. References are damped at frequencies with
more noise than signal (Scheres 2012, J. Struct. Biol. 180, 519-530), and the temperature of the
posterior decreases (Ueda and Nakano 1998, Neural Netw. 11, 271-282).
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import one_hot

from activepick.classes import frequencies
from activepick.classes.comparison import DISC_RADII, Comparison
from activepick.classes.descriptor_means import log_density, mean_descriptors
from activepick.classes.descriptors import describe
from activepick.classes.first_classes import first_classes
from activepick.classes.polar import transform, turned
from activepick.classes.result import ClassAverages
from activepick.progress import Progress, part_of

__all__ = ["FEWEST_MEMBERS", "Maximisation"]

# Fewest crops for each class. A known class with fewer members keeps its average, so that it is
# recognised when there are more.
FEWEST_MEMBERS = 5
# Most crops that are compared with each other for the first classes; time and memory are
# proportional to the square of the number.
_FIRST_CROPS = 2000
# Numbers of a posterior in memory at a time, and images.
_AT_ONCE, _IMAGES = 2**20, 128


class Maximisation:
    """Expectation maximisation over one set of crops.

    Parameters
    ----------
    crops, radius_px, start
        As in `activepick.classes.averages.average_classes`.
    device
        Device of the computation.
    report
        Called with the fraction of the descriptors that are computed; may raise to cancel.

    Attributes
    ----------
    noise, references, classes, probability
        As in `ClassAverages`.
    angle, centre
        `angle_rad` and `shift_px` of `ClassAverages`.
    descriptors
        Mean descriptors of the classes.

    Raises
    ------
    ValueError
        As `activepick.classes.averages.average_classes`.
    """

    def __init__(
        self,
        crops: NDArray[np.float32],
        radius_px: float,
        device: torch.device,
        start: ClassAverages | None,
        report: Progress,
    ) -> None:
        n, side = len(crops), crops.shape[-1]
        if not n or side % 4 or crops.shape[1:] != (side, side):
            raise ValueError(f"crops of shape {crops.shape} cannot be sorted into classes")
        self.device = device
        self._crops = torch.from_numpy(np.ascontiguousarray(crops, np.float32)).to(device)
        self._radius_px, self._side = radius_px, side
        self._shells = frequencies.shells(side, device)
        self._mask = frequencies.disc(side, DISC_RADII * radius_px, device)
        self._start = start
        if start is None:
            self.noise = frequencies.mean_power(self._crops, self._shells)
            self.references = torch.empty((0, side, side), device=device)
            self.descriptors = torch.empty((0, 0), device=device)
        else:
            self.noise = torch.from_numpy(start.noise).to(device)
            self.references = torch.from_numpy(start.references).to(device)
            self.descriptors = torch.from_numpy(start.descriptors).to(device)
        self._values = describe(self._crops, radius_px, report)
        self.centre = torch.zeros((n, 2), device=device)
        self.angle = torch.zeros(n, device=device)
        self.classes = torch.zeros(n, dtype=torch.long, device=device)
        self.probability = torch.ones(n, device=device)

    def begin(self, count: int, rng: np.random.Generator, report: Progress) -> None:
        """Begin new classes with means of similar crops."""
        n = len(self._crops)
        rows = torch.from_numpy(np.sort(rng.permutation(n)[:_FIRST_CROPS])).to(self.device)
        small = torch.cat([self._reduced(part, 2) for part in torch.split(rows, _IMAGES)])
        radius_px = DISC_RADII * self._radius_px / 2
        found, self.angle[rows] = first_classes(small, radius_px, count, report)
        members = found.new_zeros((n, count))
        members[rows] = found
        self._set_references(self._sums(members, self._whitened), members.sum(0))
        self.descriptors = mean_descriptors(self._values, members)

    def maximise(
        self, shrink: int, temperatures: Sequence[float], report: Progress, *, learn: bool = True
    ) -> None:
        """Maximise the likelihood at half the resolution (`shrink` 2) or full resolution (1).

        Each temperature of the posterior is that of one pass over the crops.
        """
        for step, temperature in enumerate(temperatures):
            compared = self._comparison(shrink)
            part = part_of(report, step, len(temperatures))
            sums, of_class, places = self._expect(compared, shrink, temperature, part)
            if learn:
                weight = of_class.sum(0)
                self._set_references(sums, weight)
                means = mean_descriptors(self._values, of_class)
                self.descriptors = self._unless_few(means, weight, self.descriptors)
        self.probability, self.classes = of_class.max(1)
        turns = compared.grid.angles
        self.angle = (places % turns) * (2 * torch.pi / turns)
        # From here on, the centre of a crop is the one that was found, not that of the pick.
        self.centre -= shrink * turned(compared.shifts[places // turns], self.angle)

    def _comparison(self, shrink: int) -> Comparison:
        small = frequencies.resized(self.references, self._side // shrink)
        return Comparison(small, shrink, self._radius_px)

    def _expect(
        self, compared: Comparison, shrink: int, temperature: float, report: Progress
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Sum crops over all classes, rotations and shifts.

        Returns the sums of the aligned crops (k, side, side), the probability (n, k) of each class,
        and the index (n,) of the best shift and rotation in the best class.
        """
        n = len(self._crops)
        # These are allocated first, since small arrays between large ones that are released keep
        # the memory from being used again.
        of_class = torch.empty((n, len(self.references)), device=self.device)
        places = torch.empty(n, dtype=torch.long, device=self.device)
        sums: Tensor | float = 0.0
        size = max(1, _AT_ONCE // compared.size)
        for start in range(0, n, size):
            report(start / n)
            part = slice(start, start + size)
            spectra = compared.grid.spectra(self._reduced(part, shrink), self.centre[part] / shrink)
            density = log_density(self._values[part], self.descriptors)
            posterior = compared.posterior(spectra, density, temperature)
            sums = sums + compared.sums(spectra, posterior)
            of_class[part] = posterior.sum(2)
            own = torch.arange(len(posterior), device=self.device)
            places[part] = posterior[own, of_class[part].argmax(1)].argmax(1)
        return compared.images(torch.as_tensor(sums)), of_class, places

    def _set_references(self, sums: Tensor, weight: Tensor) -> None:
        means = frequencies.resized(sums / weight.clamp(min=1e-3)[:, None, None], self._side)
        white = torch.ones_like(self.noise)
        made = frequencies.wiener_filtered(means, weight, white, self._mask)
        self.references = self._unless_few(made, weight, self.references)

    def _unless_few(self, found: Tensor, weight: Tensor, known: Tensor) -> Tensor:
        """Return values (k, ...), or the known ones of known classes with few members."""
        if self._start is None:
            return found
        few = (weight < FEWEST_MEMBERS).view(-1, *(1 for _ in known.shape[1:]))
        return torch.where(few, known, found)

    def result(self) -> ClassAverages:
        """Return the classes, with averages of the crops that are not whitened."""
        members = one_hot(self.classes, len(self.references)).to(torch.float32)
        weight = members.sum(0)
        means = self._sums(members) / weight.clamp(min=1)[:, None, None]
        averages = frequencies.wiener_filtered(means, weight, self.noise, self._mask)
        if self._start is not None:
            known = torch.from_numpy(self._start.averages).to(self.device)
            averages = self._unless_few(averages, weight, known)
        model = (averages, self.references, self.noise, self.descriptors)
        arrays = (*model, self.classes, self.probability, self.angle, self.centre)
        return ClassAverages(*(each.cpu().numpy() for each in arrays))

    def _sums(
        self, members: Tensor, filtered: Callable[[Tensor], Tensor] = lambda crops: crops
    ) -> Tensor:
        """Sum the aligned crops of classes with members (n, k), after a filter."""
        sums = self._crops.new_zeros((members.shape[1], self._side, self._side))
        for start in range(0, len(members), _IMAGES):
            part = slice(start, start + _IMAGES)
            crops = filtered(self._crops[part])
            aligned = transform(crops, self.angle[part], self.centre[part])
            sums += (members[part].T @ aligned.flatten(1)).view_as(sums)
        return sums

    def _reduced(self, rows: Tensor | slice, shrink: int) -> Tensor:
        """Return some whitened crops, reduced by `shrink`."""
        return frequencies.resized(self._whitened(self._crops[rows]), self._side // shrink)

    def _whitened(self, crops: Tensor) -> Tensor:
        return frequencies.whitened(crops, self.noise, self._shells)

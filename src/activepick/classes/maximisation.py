"""Find classes of crops by expectation maximisation, and average each class after alignment.

The method is maximum likelihood: each crop is modelled as one of the references, rotated, shifted,
multiplied by a contrast and with white noise, and expectation maximisation sums over all classes,
rotations and shifts (Scheres et al. 2005, J. Mol. Biol. 348, 139-149). The descriptors of a crop,
which distinguish particles from other objects, are independent of its pixels in this model and
have a normal distribution around the mean of the class. References are updated after
each small batch of crops, which avoids local optima in which updates after whole passes remain, and
are damped at frequencies with more noise than signal (Scheres 2012, J. Struct. Biol. 180, 519-530).
The temperature of the posterior decreases to 0.5, and classes that are empty or double are started
again with a crop of the largest class (Sorzano et al. 2010, J. Struct. Biol. 171, 197-206).
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import one_hot

from activepick.classes import frequencies
from activepick.classes.comparison import DISC_RADII, Comparison
from activepick.classes.descriptor_means import DescriptorMeans, clustered
from activepick.classes.descriptors import describe
from activepick.classes.polar import transform, turned
from activepick.classes.result import ClassAverages
from activepick.classes.running_means import RunningMeans
from activepick.progress import Progress, part_of

__all__ = ["FEWEST_MEMBERS", "Maximisation"]

# Passes over the crops at half the resolution.
_COARSE = 12
# Batches in a pass, and the fewest crops in one.
_BATCHES, _LEAST_BATCH = 10, 100
# The first and the last temperature of the posterior, the share of the coarse batches after which
# the last one is reached, and the share after which classes are no longer started again. At the
# temperature 1, noisy crops belong to many classes, so that averages mix views.
_HOT, _COLD, _COOLED, _SETTLED = 2.0, 0.5, 0.6, 0.7
# Fewest crops for each class. A known class with fewer members keeps its average, so that it is
# recognised when there are more.
FEWEST_MEMBERS = 5
# The first reference is a crop, up to this many cycles in a particle radius, times a factor.
_FIRST_CYCLES, _FIRST_FACTOR = 2.0, 0.5
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
            self.references = torch.zeros((1, side, side), device=device)
            known = torch.empty((0, 0), device=device)
        else:
            self.noise = torch.from_numpy(start.noise).to(device)
            self.references = torch.from_numpy(start.references).to(device)
            known = torch.from_numpy(start.descriptors).to(device)
        self._values = describe(self._crops, radius_px, report)
        self.descriptors = DescriptorMeans(self._values, known)
        self.centre = torch.zeros((n, 2), device=device)
        self.angle = torch.zeros(n, device=device)
        self.classes = torch.zeros(n, dtype=torch.long, device=device)
        self.probability = torch.ones(n, device=device)

    def learn(self, count: int, rng: np.random.Generator, report: Progress) -> None:
        """Learn the references from batches of crops, at half the resolution."""
        n, side = len(self._crops), self._side // 2
        batch = max(_LEAST_BATCH, -(-n // _BATCHES))
        batches = -(-n // batch)
        centres = clustered(self._values, count, rng)
        self.descriptors = DescriptorMeans(self._values, centres)
        self.references = self._begun(torch.cdist(centres, self._values).argmin(1))
        means = RunningMeans(count, side, n, self.device)
        total = _COARSE * batches
        order = np.empty(0, np.intp)
        for step in range(total):
            report(step / total)
            order = order if len(order) else rng.permutation(n)
            rows, order = torch.from_numpy(order[:batch]).to(self.device), order[batch:]
            temperature = _COLD * (_HOT / _COLD) ** max(0.0, 1 - step / (_COOLED * total))
            images, of_class, _ = self._expect(self._comparison(2), 2, rows, temperature)
            self.descriptors.add(rows, of_class, means.add(images, of_class))
            self._set_references(means.sums, means.weight, means.share)
            if step < _SETTLED * total:
                for number, row in means.replacements(self.references, of_class, rng):
                    self.references[number] = self._begun(rows[[row]])[0]
                    self.descriptors.begin(number, rows[row], means.weight)
                    means.set_mean(number, frequencies.resized(self.references[[number]], side)[0])

    def maximise(self, shrink: int, steps: int, report: Progress, *, learn: bool = True) -> None:
        """Maximise the likelihood at half the resolution (`shrink` 2) or full resolution (1)."""
        rows = torch.arange(len(self._crops), device=self.device)
        for step in range(steps):
            compared = self._comparison(shrink)
            sums, of_class, places = self._expect(
                compared, shrink, rows, report=part_of(report, step, steps)
            )
            if learn:
                known, weight = self.descriptors.means, of_class.sum(0)
                self._set_references(sums, weight)
                self.descriptors.add(rows, of_class)
                self.descriptors.set_means(self._unless_few(self.descriptors.means, weight, known))
        self.probability, self.classes = of_class.max(1)
        turns = compared.grid.angles
        self.angle = (places % turns) * (2 * torch.pi / turns)
        # From here on, the centre of a crop is the one that was found, not that of the pick.
        self.centre -= shrink * turned(compared.shifts[places // turns], self.angle)

    def _comparison(self, shrink: int) -> Comparison:
        small = frequencies.resized(self.references, self._side // shrink)
        return Comparison(small, shrink, self._radius_px)

    def _expect(
        self,
        compared: Comparison,
        shrink: int,
        rows: Tensor,
        temperature: float = _COLD,
        report: Progress = lambda fraction: None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Sum crops over all classes, rotations and shifts.

        Returns the sums of the aligned crops (k, side, side), the probability (n, k) of each class,
        and the index (n,) of the best shift and rotation in the best class.
        """
        sums: Tensor | float = 0.0
        found: list[tuple[Tensor, Tensor]] = []
        batches = torch.split(rows, max(1, _AT_ONCE // compared.size))
        for number, part in enumerate(batches):
            report(number / len(batches))
            small = frequencies.resized(self._whitened(self._crops[part]), self._side // shrink)
            spectra = compared.grid.spectra(small, self.centre[part] / shrink)
            density = self.descriptors.log_density(part)
            posterior = compared.posterior(spectra, density, temperature)
            sums = sums + compared.sums(spectra, posterior)
            of_class = posterior.sum(2)
            best = posterior[torch.arange(len(part), device=self.device), of_class.argmax(1)]
            found.append((of_class, best.argmax(1)))
        of_class, places = map(torch.cat, zip(*found, strict=True))
        return compared.images(torch.as_tensor(sums)), of_class, places

    def _set_references(self, sums: Tensor, weight: Tensor, share: float = 1.0) -> None:
        """Set the references to means of crops, a share of which is independent."""
        means = frequencies.resized(sums / weight.clamp(min=1e-3)[:, None, None], self._side)
        white = torch.ones_like(self.noise)
        made = frequencies.wiener_filtered(means, share * weight, white, self._mask)
        self.references = self._unless_few(made, weight, self.references)

    def _unless_few(self, found: Tensor, weight: Tensor, known: Tensor) -> Tensor:
        """Return values (k, ...), or the known ones of known classes with few members."""
        if self._start is None:
            return found
        few = (weight < FEWEST_MEMBERS).view(-1, *(1 for _ in known.shape[1:]))
        return torch.where(few, known, found)

    def _begun(self, rows: Tensor) -> Tensor:
        """Return crops as the first references."""
        cut = _FIRST_CYCLES * self._side / self._radius_px
        factors = _FIRST_FACTOR * torch.exp(-((self._shells / cut) ** 2) / 2)
        return frequencies.filtered(self._whitened(self._crops[rows]), factors)

    def result(self) -> ClassAverages:
        """Return the classes, with averages of the crops that are not whitened."""
        k, side = len(self.references), self._side
        member = one_hot(self.classes, k).to(torch.float32)
        sums = torch.zeros((k, side, side), device=self.device)
        for start in range(0, len(member), _IMAGES):
            part = slice(start, start + _IMAGES)
            aligned = transform(self._crops[part], self.angle[part], self.centre[part])
            sums += (member[part].T @ aligned.flatten(1)).view_as(sums)
        weight = member.sum(0)
        means = sums / weight.clamp(min=1)[:, None, None]
        averages = frequencies.wiener_filtered(means, weight, self.noise, self._mask)
        if self._start is not None:
            known = torch.from_numpy(self._start.averages).to(self.device)
            averages = self._unless_few(averages, weight, known)
        model = (averages, self.references, self.noise)
        members = (self.classes, self.probability, self.angle, self.centre)
        arrays = (*model, self.descriptors.means, *members)
        return ClassAverages(*(each.cpu().numpy() for each in arrays))

    def _whitened(self, crops: Tensor) -> Tensor:
        return frequencies.whitened(crops, self.noise, self._shells)

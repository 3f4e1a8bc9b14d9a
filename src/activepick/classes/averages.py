"""Sort crops of picks into classes, and average each class after alignment.

By maximum likelihood: each crop is one of the references, turned and shifted, with white noise, and
expectation maximisation sums over all classes, turns and shifts (Scheres et al. 2005, J. Mol. Biol.
348, 139-149). References are damped where noise is stronger than signal (Scheres 2012, J. Struct.
Biol. 180, 519-530). The temperature of the posterior falls to 1, and classes that are empty or
double begin again with crops of the largest one (Sorzano et al. 2010, J. Struct. Biol. 171,
197-206).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2
from torch import Tensor
from torch.nn.functional import normalize, one_hot

from activepick.classes.polar import PolarGrid, transform
from activepick.features.device import choose_device
from activepick.progress import Progress, part_between, part_of

__all__ = ["ClassAverages", "assign_classes", "average_classes"]

# Iterations at half the resolution, at all of it, and where classes are only refined.
_COARSE, _FINE = 20, 3
# The temperature at first; it reaches 1 after a share of the coarse iterations, and until after
# another one classes begin again.
_HOT, _COOLED, _SETTLED = 4.0, 0.6, 0.8
# A class with less than this share of the mean number of members is empty, and of two references
# that correlate more than this, one is double.
_EMPTY, _DOUBLE = 0.2, 0.97
_FEWEST_MEMBERS = 5
# Standard deviation of the centres of picks, and radius of the disc that is compared, in particle
# radii.
_CENTRE_RADII, _DISC_RADII = 0.1, 1.1
# Farthest shift that is tried, in pixels of either resolution.
_COARSE_SHIFT, _FINE_SHIFT = 2, 1
# Principal components that the first clusters are found in.
_COMPONENTS = 10
# Numbers of a posterior, and images, in memory at a time.
_AT_ONCE, _IMAGES = 2**21, 256


@dataclass(frozen=True, eq=False)
class ClassAverages:
    """Classes of crops.

    Attributes
    ----------
    averages
        Average of each class, (k, side, side), float32, damped where noise is stronger than signal.
    references
        The same of whitened crops, with which crops are compared.
    noise
        Power of the crops at each whole spatial frequency, by which they are whitened.
    classes
        Class of each crop, (n,), from 0.
    probability
        Probability of that class, (n,).
    angle_rad, shift_px
        Turn (n,) and centre (n, 2), x and y from the pick, that align each crop with its class.
    """

    averages: NDArray[np.float32]
    references: NDArray[np.float32]
    noise: NDArray[np.float32]
    classes: NDArray[np.intp]
    probability: NDArray[np.float32]
    angle_rad: NDArray[np.float32]
    shift_px: NDArray[np.float32]

    @property
    def sizes(self) -> NDArray[np.intp]:
        """Number of members of each class, (k,)."""
        return np.bincount(self.classes, minlength=len(self.averages))


def average_classes(
    crops: NDArray[np.float32],
    radius_px: float,
    count: int = 20,
    *,
    seed: int = 0,
    start: ClassAverages | None = None,
    device: str = "auto",
    progress: Progress | None = None,
) -> ClassAverages:
    """Sort crops into classes and average them; the same seed gives the same classes.

    Parameters
    ----------
    crops
        (n, side, side) with a side that 4 divides, from `activepick.classes.crops.cut_particles`.
    radius_px
        Particle radius in their pixels.
    count
        Number of classes; fewer are made of fewer than five times as many crops.
    seed
        For the first classes.
    start
        Classes of other crops of the same side, which are refined instead of begun again.
    device
        As in `activepick.features.device.choose_device`.
    progress
        Called with the fraction done; may raise to cancel.

    Returns
    -------
    ClassAverages
        Their order has no meaning.

    Raises
    ------
    ValueError
        If there is no crop, or their side is not right.
    SettingsError
        If there is no such device.
    """
    run = _Run(crops, radius_px, choose_device(device), start)
    report = progress or (lambda fraction: None)
    with torch.inference_mode():
        if start is None:
            run.begin(max(1, min(count, len(crops) // _FEWEST_MEMBERS)), seed)
            run.maximise(2, _COARSE, part_between(report, 0.0, 0.75))
        done = 0.75 if start is None else 0.0
        run.maximise(1, _FINE, part_between(report, done, 1.0))
        return run.result()


def assign_classes(
    crops: NDArray[np.float32],
    radius_px: float,
    known: ClassAverages,
    *,
    device: str = "auto",
    progress: Progress | None = None,
) -> ClassAverages:
    """Find the class of each of further crops, and leave the averages as they are.

    Parameters
    ----------
    crops, radius_px, device, progress
        As in `average_classes`.
    known
        The classes.

    Returns
    -------
    ClassAverages
        The known averages, and the classes of these crops.
    """
    if not len(crops):
        none = np.empty(0, np.float32)
        return replace(known, classes=np.empty(0, np.intp), probability=none, angle_rad=none,
                       shift_px=np.empty((0, 2), np.float32))  # fmt: skip
    run = _Run(crops, radius_px, choose_device(device), known)
    with torch.inference_mode():
        run.maximise(2, 1, progress or (lambda fraction: None), learn=False)
        found = run.result()
    return replace(found, averages=known.averages, references=known.references)


class _Run:
    """Expectation maximisation over one set of crops; attributes as in `ClassAverages`."""

    def __init__(
        self,
        crops: NDArray[np.float32],
        radius_px: float,
        device: torch.device,
        start: ClassAverages | None,
    ) -> None:
        n, side = len(crops), crops.shape[-1]
        if not n or side % 4 or crops.shape[1:] != (side, side):
            raise ValueError(f"crops of shape {crops.shape} cannot be sorted into classes")
        self.device = device
        self._crops = torch.from_numpy(np.ascontiguousarray(crops, np.float32)).to(device)
        self._radius_px, self._side = radius_px, side
        self._shells = _shells(side, device)
        self._mask = _disc(side, _DISC_RADII * radius_px, device)
        if start is None:
            self.noise = self._mean_power()
            self.references = torch.zeros((1, side, side), device=device)
        else:
            self.noise = torch.from_numpy(start.noise).to(device)
            self.references = torch.from_numpy(start.references).to(device)
        self.centre = torch.zeros((n, 2), device=device)
        self.angle = torch.zeros(n, device=device)
        self.classes = torch.zeros(n, dtype=torch.long, device=device)
        self.probability = torch.ones(n, device=device)

    def begin(self, count: int, seed: int) -> None:
        """Begin with the means of clusters by what turns leave as it is: power on the rings."""
        grid = self._grid(2)
        power = [
            (spectra.abs()[: grid.angles // 4]).permute(1, 0, 2).flatten(1).cpu().numpy()
            for spectra, _ in self._spectra(grid, 2, _IMAGES)
        ]
        rows = np.concatenate(power).astype(np.float64)
        rows -= rows.mean(axis=0)
        vectors = np.linalg.eigh(rows.T @ rows)[1][:, ::-1]
        rows = rows @ vectors[:, :_COMPONENTS]
        _, clusters = kmeans2(rows, count, minit="++", seed=np.random.default_rng(seed))
        self.classes = torch.from_numpy(clusters.astype(np.int64)).to(self.device)
        self.references = self._means(count, whiten=True)

    def maximise(self, shrink: int, steps: int, report: Progress, *, learn: bool = True) -> None:
        """Maximise the likelihood at half the resolution (`shrink` 2) or at all of it (1)."""
        shifts = _shifts(_COARSE_SHIFT if shrink == 2 else _FINE_SHIFT, self.device)
        cooled, settled = (round(share * steps) for share in (_COOLED, _SETTLED))
        for step in range(steps):
            hot = _HOT ** (1 - step / cooled) if shrink == 2 and learn and step < cooled else 1.0
            weight, shift = self._step(shrink, shifts, hot, learn, part_of(report, step, steps))
            if shrink == 2 and 1 <= step < settled:
                self._begin_again(weight)
        # From here on a crop has the centre that was found, not that of the pick.
        self.centre -= shrink * _turned(shift, self.angle)

    def _step(
        self, shrink: int, shifts: Tensor, temperature: float, learn: bool, report: Progress
    ) -> tuple[Tensor, Tensor]:
        """Sum over all classes, turns and shifts once; return the class weights and best shifts."""
        k, v, grid = len(self.references), len(shifts), self._grid(shrink)
        copies = shifts.repeat(k, 1)
        references = _resized(self.references, self._side // shrink)
        theirs = grid.spectra(references.repeat_interleave(v, 0), copies)
        # A turn leaves the norm as it is. Centres are spread about the picks like a Gaussian.
        spread_px = _CENTRE_RADII * self._radius_px / shrink
        prior = -(copies**2).sum(1) / (2 * spread_px**2) - grid.norms(theirs) / 2
        sums, weight = torch.zeros_like(theirs), torch.zeros(k, device=self.device)
        best: list[tuple[Tensor, ...]] = []
        batch = max(1, _AT_ONCE // (k * v * grid.angles))
        for own, fraction in self._spectra(grid, shrink, batch):
            report(fraction)
            logits = (grid.correlations(own, theirs) + prior[:, None]).flatten(1)
            posterior = torch.softmax(logits / temperature, 1)
            if learn:
                sums += grid.turned_sums(own, posterior.view(len(posterior), k * v, -1))
            within = posterior.view(len(posterior), k, -1)
            probability, classes = within.sum(-1).max(1)
            weight += within.sum((0, 2))
            best.append((classes, probability, _rows(within, classes).argmax(1)))
        self.classes, self.probability, inside = map(torch.cat, zip(*best, strict=True))
        self.angle = (inside % grid.angles) * (2 * torch.pi / grid.angles)
        if learn:
            images = grid.images(sums, copies, self._side // shrink)
            means = (
                images.view(k, v, *images.shape[1:]).sum(1) / weight.clamp(min=1e-3)[:, None, None]
            )
            means = _resized(means, self._side)
            self.references = self._damped(means, weight, torch.ones_like(self.noise))
        return weight, shifts[inside // grid.angles]

    def _begin_again(self, weight: Tensor) -> None:
        """Give empty and double classes the crops of the largest one that are least its own."""
        flat, sizes = normalize(self.references.flatten(1), dim=1), weight.cpu().numpy().copy()
        poor = sizes < _EMPTY * sizes.mean()
        for one, other in np.argwhere(np.triu((flat @ flat.T).cpu().numpy(), 1) > _DOUBLE).tolist():
            if not (poor[one] or poor[other]):
                poor[one if sizes[one] < sizes[other] else other] = True
        classes, probability = self.classes.cpu().numpy(), self.probability.cpu().numpy()
        for number in np.flatnonzero(poor).tolist():
            largest = int(sizes.argmax())
            own = np.flatnonzero(classes == largest)
            if len(own) < 2 * _FEWEST_MEMBERS:
                return
            own = own[np.argsort(probability[own], kind="stable")]
            classes[own[: len(own) // 2]] = number
            sizes[[largest, number]] = sizes[largest] / 2
        self.classes = torch.from_numpy(classes).to(self.device)
        again = torch.from_numpy(np.flatnonzero(poor)).to(self.device)
        self.references[again] = self._means(len(sizes), whiten=True)[again]

    def result(self) -> ClassAverages:
        """Return the classes, with averages of the crops as they are."""
        arrays = (self.references, self.noise, self.classes, self.probability)
        references, noise, classes, probability = (each.cpu().numpy() for each in arrays)
        averages = self._means(len(references), whiten=False).cpu().numpy()
        return ClassAverages(averages, references, noise, classes, probability,
                             self.angle.cpu().numpy(), self.centre.cpu().numpy())  # fmt: skip

    def _means(self, count: int, whiten: bool) -> Tensor:
        """Return the damped mean of the members of each class."""
        member = one_hot(self.classes, count).to(torch.float32)
        sums = torch.zeros((count, self._side, self._side), device=self.device)
        for start in range(0, len(member), _IMAGES):
            part = slice(start, start + _IMAGES)
            own = self._whitened(self._crops[part]) if whiten else self._crops[part]
            aligned = transform(own, self.angle[part], self.centre[part])
            sums += (member[part].T @ aligned.flatten(1)).view_as(sums)
        weight = member.sum(0)
        means = sums / weight.clamp(min=1)[:, None, None]
        noise = torch.ones_like(self.noise) if whiten else self.noise
        return self._damped(means, weight, noise)

    def _damped(self, means: Tensor, weight: Tensor, noise: Tensor) -> Tensor:
        """Filter means by signal / (signal + noise) at each frequency, with Wiener."""
        power = _radial(torch.fft.rfft2(means * self._mask, norm="ortho"), self._shells)
        level = (self._mask**2).mean() * noise / weight.clamp(min=1e-3)[:, None]
        ratio = (power / level - 1).clamp(min=0)
        damped = torch.fft.rfft2(means, norm="ortho") * (ratio / (ratio + 1))[:, self._shells]
        filtered: Tensor = torch.fft.irfft2(damped, s=means.shape[1:], norm="ortho")
        return filtered

    def _spectra(self, grid: PolarGrid, shrink: int, batch: int) -> Iterator[tuple[Tensor, float]]:
        """Yield the spectra of some whitened crops after the other, and the fraction before."""
        n = len(self._crops)
        for start in range(0, n, batch):
            part = slice(start, start + batch)
            images = _resized(self._whitened(self._crops[part]), self._side // shrink)
            yield grid.spectra(images, self.centre[part] / shrink), start / n

    def _whitened(self, crops: Tensor) -> Tensor:
        spectra = torch.fft.rfft2(crops, norm="ortho") * torch.rsqrt(self.noise)[self._shells]
        whitened: Tensor = torch.fft.irfft2(spectra, s=crops.shape[1:], norm="ortho")
        return whitened

    def _mean_power(self) -> Tensor:
        parts = torch.split(self._crops, _IMAGES)
        power = [_radial(torch.fft.rfft2(part, norm="ortho"), self._shells) for part in parts]
        return torch.cat(power).mean(0).clamp(min=1e-12)

    def _grid(self, shrink: int) -> PolarGrid:
        return PolarGrid.of(_DISC_RADII * self._radius_px / shrink)


def _turned(shifts: Tensor, angle: Tensor) -> Tensor:
    """Turn shifts (n, 2) by angles (n,)."""
    cosine, sine, (x, y) = torch.cos(angle), torch.sin(angle), shifts.T
    return torch.stack([cosine * x - sine * y, sine * x + cosine * y], 1)


def _rows(values: Tensor, which: Tensor) -> Tensor:
    """Return ``values[i, which[i]]`` for each i."""
    return values[torch.arange(len(which), device=which.device), which]


def _resized(images: Tensor, side: int) -> Tensor:
    """Crop or pad the Fourier transform of images; white noise keeps its standard deviation."""
    before = images.shape[-1]
    if before == side:
        return images
    half = min(before, side) // 2
    spectra = torch.fft.rfft2(images, norm="ortho")
    resized = spectra.new_zeros((len(images), side, side // 2 + 1))
    resized[:, :half, :half] = spectra[:, :half, :half]
    resized[:, 1 - half :, :half] = spectra[:, 1 - half :, :half]
    made: Tensor = torch.fft.irfft2(resized, s=(side, side), norm="ortho")
    return made


def _shifts(reach: int, device: torch.device) -> Tensor:
    axis = torch.arange(-reach, reach + 1, dtype=torch.float32, device=device)
    shifts = torch.cartesian_prod(axis, axis)
    return shifts[shifts.norm(dim=1) <= reach]


def _disc(side: int, radius_px: float, device: torch.device) -> Tensor:
    """Return a disc (side, side) that is 1 inside, with an edge two pixels wide."""
    axis = torch.arange(side, device=device, dtype=torch.float32) - side // 2
    return ((radius_px - torch.hypot(axis[:, None], axis)) / 2 + 1).clamp(0, 1)


def _shells(side: int, device: torch.device) -> Tensor:
    """Return the whole spatial frequency of each pixel of a transform (side, side // 2 + 1)."""
    rows = torch.fft.fftfreq(side, 1 / side, device=device)
    columns = torch.fft.rfftfreq(side, 1 / side, device=device)
    return torch.hypot(rows[:, None], columns).round().long()


def _radial(spectra: Tensor, shells: Tensor) -> Tensor:
    """Return the mean power (n, shells) of spectra at each whole spatial frequency."""
    members = one_hot(shells.flatten()).to(torch.float32)
    return (spectra.abs() ** 2).flatten(1) @ members / members.sum(0)

"""Compare crops with references in all rotations and shifts."""

import torch
from torch import Tensor

from activepick.classes.polar import PolarGrid

__all__ = ["DISC_RADII", "Comparison"]

# Radius of the disc that is compared, and standard deviation of the errors of the centres of picks,
# in particle radii.
DISC_RADII, _CENTRE_RADII = 1.1, 0.1
# Standard deviation of the contrast of crops, whose mean is 1: defocus and ice thickness differ.
_CONTRAST = 0.4
# Largest shift that is tried, in pixels at half the resolution and at full resolution.
_SHIFT = {2: 2, 1: 1}


class Comparison:
    """Comparison of crops with rotated and shifted references at one resolution.

    Parameters
    ----------
    references
        Whitened references (k, side, side), reduced by `shrink`.
    shrink
        2 for half the resolution, 1 for full resolution.
    radius_px
        Particle radius in pixels at full resolution.

    Attributes
    ----------
    shifts
        Shifts that are tried, (v, 2), x and y in pixels of the references.
    grid
        Rings around the centre, with the angles that are tried.
    """

    def __init__(self, references: Tensor, shrink: int, radius_px: float) -> None:
        reach = _SHIFT[shrink]
        axis = torch.arange(-reach, reach + 1, dtype=torch.float32, device=references.device)
        square = torch.cartesian_prod(axis, axis)
        self.shifts = square[square.norm(dim=1) <= reach]
        self.grid = PolarGrid.of(DISC_RADII * radius_px / shrink)
        self._count, self._side = len(references), references.shape[-1]
        self._copies = self.shifts.repeat(self._count, 1)
        copied = references.repeat_interleave(len(self.shifts), 0)
        self._spectra = self.grid.spectra(copied, self._copies)
        # A rotation does not change the norm. The centres have a normal distribution around the
        # picks.
        self._sharp = _CONTRAST**-2
        self._norms = (self.grid.norms(self._spectra) + self._sharp)[:, None]
        spread_px = _CENTRE_RADII * radius_px / shrink
        self._prior = (
            -(self._copies**2).sum(1, keepdim=True) / (2 * spread_px**2)
            - torch.log(self._norms / self._sharp) / 2
        )

    @property
    def size(self) -> int:
        """Number of combinations of class, shift and rotation that each crop is compared with."""
        return self._count * len(self.shifts) * self.grid.angles

    def posterior(self, spectra: Tensor, density: Tensor, temperature: float) -> Tensor:
        """Compute the probability (n, k, v angles) of each class, shift and rotation of crops.

        The contrast of a crop is integrated out with a normal prior.

        Parameters
        ----------
        spectra
            Spectra of whitened crops, (m, n, rings), as `PolarGrid.spectra` returns.
        density
            Logarithm of the density of the descriptors of each crop in each class, (n, k).
        temperature
            Number by which the logarithm of the likelihood is divided.
        """
        logits = self.grid.correlations(spectra, self._spectra)
        logits.add_(self._sharp).square_().div_(2 * self._norms).add_(self._prior)
        by_class = logits.view(len(logits), self._count, -1).add_(density[:, :, None])
        posterior = torch.softmax(by_class.flatten(1).div_(temperature), 1)
        return posterior.view(by_class.shape)

    def sums(self, spectra: Tensor, posterior: Tensor) -> Tensor:
        """Sum crops that are rotated and shifted back, as spectra for `images`."""
        weights = posterior.view(len(posterior), self._count * len(self.shifts), -1)
        return self.grid.turned_sums(spectra, weights)

    def images(self, sums: Tensor) -> Tensor:
        """Return the images (k, side, side) of sums from `sums`."""
        made = self.grid.images(sums, self._copies, self._side)
        return made.view(self._count, len(self.shifts), *made.shape[1:]).sum(1)

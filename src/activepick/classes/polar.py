"""Compare and average images in all rotations in the plane, by Fourier transforms along rings.

A rotation is a shift along the angles of a polar image, so that Fourier transforms along the angles
give the correlations in all rotations (Joyeux and Penczek 2002, Ultramicroscopy 92, 33-46) and the
weighted mean of the rotated images.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["PolarGrid", "transform", "turned"]


def transform(images: Tensor, angles: Tensor, shifts: Tensor) -> Tensor:
    """Rotate and shift images with bilinear interpolation.

    Parameters
    ----------
    images
        Images, (n, side, side); the centre is the pixel ``side // 2``.
    angles
        Angles in radians, (n,).
    shifts
        Shifts x and y in pixels, (n, 2).

    Returns
    -------
    Tensor
        Images, (n, side, side). The value at ``p`` is that of the image at ``R(angle) p + shift``,
        with ``p`` relative to the centre, and 0 outside the image.
    """
    x, y = _pixels(images.shape[-1], images.device)
    cosine, sine = torch.cos(angles)[:, None, None], torch.sin(angles)[:, None, None]
    return _sample(
        images,
        cosine * x - sine * y + shifts[:, 0, None, None],
        sine * x + cosine * y + shifts[:, 1, None, None],
    )


def turned(shifts: Tensor, angle: Tensor) -> Tensor:
    """Rotate shifts (n, 2) by angles (n,) in radians."""
    cosine, sine, (x, y) = torch.cos(angle), torch.sin(angle), shifts.T
    return torch.stack([cosine * x - sine * y, sine * x + cosine * y], 1)


@dataclass(frozen=True)
class PolarGrid:
    """Rings around the centre of an image, with radii of 0.5, 1.5, 2.5 ... pixels.

    Attributes
    ----------
    rings, angles
        Number of rings, and number of angles on each ring.
    """

    rings: int
    angles: int

    @classmethod
    def of(cls, radius_px: float) -> "PolarGrid":
        """Return the grid that samples a disc of this radius about once per pixel."""
        rings = round(radius_px)
        return cls(rings, 8 * -(-3 * rings // 4))

    def spectra(self, images: Tensor, shifts: Tensor) -> Tensor:
        """Compute the Fourier transform along the rings of images around shifted centres.

        Parameters
        ----------
        images
            Images, (n, side, side).
        shifts
            Shifts x and y in pixels, (n, 2).

        Returns
        -------
        Tensor
            Spectra, complex, (angles // 2 + 1, n, rings), from transforms that are not normalised.
            Rings are weighted by their circumference, so that sums of products are integrals over
            the disc.
        """
        angle = torch.arange(self.angles, device=images.device) * (2 * torch.pi / self.angles)
        radius = torch.arange(self.rings, device=images.device)[:, None] + 0.5
        x = radius * torch.cos(angle) + shifts[:, 0, None, None]
        y = radius * torch.sin(angle) + shifts[:, 1, None, None]
        polar = _sample(images, x, y) * torch.sqrt(2 * torch.pi * radius / self.angles)
        spectra: Tensor = torch.fft.rfft(polar).permute(2, 0, 1).contiguous()
        return spectra

    def images(self, spectra: Tensor, shifts: Tensor, side: int) -> Tensor:
        """Compute images (n, side, side) from spectra around shifted centres, inverse to `spectra`.

        Pixels outside the disc are 0.
        """
        polar = torch.fft.irfft(spectra.permute(1, 2, 0), n=self.angles)
        radius = torch.arange(self.rings, device=spectra.device)[:, None] + 0.5
        polar = polar / torch.sqrt(2 * torch.pi * radius / self.angles)
        # Add the angle 2 pi, and the first ring in place of the centre.
        polar = torch.cat([polar, polar[:, :, :1]], 2)
        polar = torch.cat([polar[:, :1], polar], 1)
        x, y = _pixels(side, spectra.device)
        x, y = x - shifts[:, 0, None, None], y - shifts[:, 1, None, None]
        column = torch.remainder(torch.atan2(y, x) / (2 * torch.pi), 1.0) * 2 - 1
        row = (torch.hypot(x, y) + 0.5) * (2 / self.rings) - 1
        grid = torch.stack([column, row], -1)
        sampled = torch.nn.functional.grid_sample(polar[:, None], grid, align_corners=True)
        return sampled[:, 0]

    def correlations(self, images: Tensor, references: Tensor) -> Tensor:
        """Compute the integral over the disc of image times rotated reference, at all angles.

        Parameters
        ----------
        images, references
            Spectra, (m, n, rings) and (m, k, rings).

        Returns
        -------
        Tensor
            Correlations, (n, k, angles).
        """
        products = torch.bmm(images, references.conj().transpose(1, 2))
        correlations: Tensor = torch.fft.irfft(products.permute(1, 2, 0), n=self.angles)
        return correlations

    def turned_sums(self, images: Tensor, weights: Tensor) -> Tensor:
        """Compute the weighted sum of images that are rotated back by all angles.

        Parameters
        ----------
        images
            Spectra, (m, n, rings).
        weights
            Weights, (n, k, angles), with the angles in the order of `correlations`.

        Returns
        -------
        Tensor
            Spectra, (m, k, rings).
        """
        spectra = torch.fft.rfft(weights).permute(2, 1, 0)
        return torch.bmm(spectra.conj(), images)

    def norms(self, spectra: Tensor) -> Tensor:
        """Compute the integral (n,) of the squares over the disc from spectra (m, n, rings)."""
        power = (spectra.real**2 + spectra.imag**2).sum(-1)
        power[1 : (self.angles + 1) // 2] *= 2
        return power.sum(0) / self.angles


def _pixels(side: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return x and y (side, side) of the pixels of an image relative to its centre."""
    axis = torch.arange(side, device=device, dtype=torch.float32) - side // 2
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    return x, y


def _sample(images: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Return the values (n, a, b) at positions x, y (n, a, b) relative to the centre."""
    side = images.shape[-1]
    # In grid_sample, -1 and 1 are the outer borders of the outermost pixels.
    grid = torch.stack([x, y], -1).add_(side // 2 + 0.5).mul_(2 / side).sub_(1)
    sampled = torch.nn.functional.grid_sample(images[:, None], grid, align_corners=False)
    return sampled[:, 0]

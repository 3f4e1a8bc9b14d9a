"""Resize, filter and measure square images in Fourier space, with PyTorch."""

import torch
from torch import Tensor

__all__ = [
    "disc",
    "filtered",
    "mean_power",
    "radial_power",
    "resized",
    "shells",
    "whitened",
    "wiener_filtered",
]

# Images that are transformed at a time.
_IMAGES = 128


def filtered(images: Tensor, factors: Tensor) -> Tensor:
    """Multiply the Fourier transforms of images (n, side, side) by factors."""
    made: Tensor = torch.fft.irfft2(
        torch.fft.rfft2(images, norm="ortho") * factors, s=images.shape[-2:], norm="ortho"
    )
    return made


def wiener_filtered(means: Tensor, weight: Tensor, noise: Tensor, mask: Tensor) -> Tensor:
    """Apply a Wiener filter to means: signal / (signal + noise) at each frequency.

    Parameters
    ----------
    means
        Means of images, (k, side, side).
    weight
        Number of images in each mean, (k,).
    noise
        Power of the noise of one image at each whole spatial frequency, (shells,).
    mask
        Mask of the signal, (side, side), from 0 to 1.
    """
    own = shells(means.shape[-1], means.device)
    power = radial_power(means * mask, own)
    level = (mask**2).mean() * noise / weight.clamp(min=1e-3)[:, None]
    ratio = (power / level - 1).clamp(min=0)
    return filtered(means, (ratio / (ratio + 1))[:, own])


def resized(images: Tensor, side: int) -> Tensor:
    """Crop or pad the Fourier transform of images; white noise keeps its standard deviation."""
    before = images.shape[-1]
    if before == side:
        return images
    half = min(before, side) // 2
    spectra = torch.fft.rfft2(images, norm="ortho")
    cropped = spectra.new_zeros((len(images), side, side // 2 + 1))
    cropped[:, :half, :half] = spectra[:, :half, :half]
    cropped[:, 1 - half :, :half] = spectra[:, 1 - half :, :half]
    made: Tensor = torch.fft.irfft2(cropped, s=(side, side), norm="ortho")
    return made


def disc(side: int, radius_px: float, device: torch.device) -> Tensor:
    """Return a disc (side, side) that is 1 inside, with an edge two pixels wide."""
    axis = torch.arange(side, device=device, dtype=torch.float32) - side // 2
    return ((radius_px - torch.hypot(axis[:, None], axis)) / 2 + 1).clamp(0, 1)


def shells(side: int, device: torch.device) -> Tensor:
    """Return the whole spatial frequency of each pixel of a transform (side, side // 2 + 1)."""
    rows = torch.fft.fftfreq(side, 1 / side, device=device)
    columns = torch.fft.rfftfreq(side, 1 / side, device=device)
    return torch.hypot(rows[:, None], columns).round().long()


def radial_power(images: Tensor, of_pixel: Tensor) -> Tensor:
    """Return the mean power (n, shells) of images at each whole spatial frequency.

    Parameters
    ----------
    images
        (n, side, side).
    of_pixel
        The whole spatial frequency of each pixel of their transforms, as `shells` returns.
    """
    power = torch.fft.rfft2(images, norm="ortho").abs() ** 2
    count = torch.bincount(of_pixel.flatten())
    sums = power.new_zeros((len(images), len(count)))
    mean: Tensor = sums.index_add_(1, of_pixel.flatten(), power.flatten(1)) / count
    return mean


def mean_power(images: Tensor, of_pixel: Tensor) -> Tensor:
    """Return the mean power (shells,) over images, above 0; parameters as in `radial_power`."""
    parts = [radial_power(part, of_pixel) for part in torch.split(images, _IMAGES)]
    return torch.cat(parts).mean(0).clamp(min=1e-12)


def whitened(images: Tensor, power: Tensor, of_pixel: Tensor) -> Tensor:
    """Divide the Fourier transforms of images by the root of a power (shells,)."""
    return filtered(images, torch.rsqrt(power)[of_pixel])

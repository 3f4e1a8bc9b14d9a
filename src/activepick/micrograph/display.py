"""Prepare micrographs for display: reduce them to the size of a screen, and filter them."""

from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from activepick.errors import SettingsError
from activepick.micrograph.fourier_crop import fourier_crop
from activepick.micrograph.micrograph import Micrograph

__all__ = ["DisplayImage", "display_image"]

# Percentage of grey values that are clipped at both ends.
_CUT_PERCENT = 0.5
# Every third pixel is enough to estimate the distribution of grey values.
_STEP = 3
_WORKERS = 2


@dataclass(frozen=True, eq=False)
class DisplayImage:
    """A reduced and filtered micrograph for display.

    Attributes
    ----------
    pixels
        Shape (h, w), float32.
    spacing_px
        Original pixels per pixel of this image, (x, y). Pixel (0, 0) lies on pixel (0, 0).
    limits
        Grey values that are displayed as black and white.
    """

    pixels: NDArray[np.float32]
    spacing_px: tuple[float, float]
    limits: tuple[float, float]


def display_image(
    micrograph: Micrograph,
    low_pass_angstrom: float | None = None,
    high_pass_angstrom: float | None = None,
    max_side: int = 2048,
) -> DisplayImage:
    """Read a micrograph, reduce it to a size for display, and filter it.

    Parameters
    ----------
    micrograph
        The micrograph. Its pixel size is needed only for filters.
    low_pass_angstrom
        Resolution at which a Gaussian low-pass filter halves the amplitude; None for no filter. It
        has no effect below two pixels.
    high_pass_angstrom
        Resolution at which a Gaussian high-pass filter halves the amplitude; None for no filter.
    max_side
        Longest side of the image in pixels.

    Raises
    ------
    MicrographError
        If the file cannot be read, or a filter needs a pixel size and there is none.
    SettingsError
        If a filter is not a number above 0.
    """
    for value in (low_pass_angstrom, high_pass_angstrom):
        if value is not None and not value > 0:
            raise SettingsError(f"A filter at {value:g} Å is not possible: give a number above 0.")
    height, width = micrograph.shape
    scale = min(1.0, max_side / max(height, width))
    size = (max(2, 2 * int(height * scale / 2)), max(2, 2 * int(width * scale / 2)))
    [pixels] = fourier_crop(micrograph.blocks(), (height, width), [size])
    spacing = (width / size[1], height / size[0])
    if low_pass_angstrom is not None or high_pass_angstrom is not None:
        pixel_size = micrograph.pixel_size_angstrom
        pixels = _band_pass(
            pixels,
            (spacing[0] * pixel_size, spacing[1] * pixel_size),
            None if (low_pass_angstrom or 0) < 2 * pixel_size else low_pass_angstrom,
            high_pass_angstrom,
        )
    low, high = np.percentile(pixels[::_STEP, ::_STEP], [_CUT_PERCENT, 100 - _CUT_PERCENT])
    return DisplayImage(pixels, spacing, (float(low), float(max(high, low + 1e-6))))


def _band_pass(
    pixels: NDArray[np.float32],
    pixel_angstrom: tuple[float, float],
    low_pass: float | None,
    high_pass: float | None,
) -> NDArray[np.float32]:
    height, width = pixels.shape
    fx = scipy.fft.rfftfreq(width, pixel_angstrom[0])
    fy = scipy.fft.fftfreq(height, pixel_angstrom[1])
    # The mean is subtracted first: otherwise single precision is not enough for the contrast.
    spectrum = scipy.fft.rfft2(pixels - pixels.mean(), workers=_WORKERS)
    if low_pass is not None:
        spectrum *= _gaussian(fy, low_pass)[:, None]
        spectrum *= _gaussian(fx, low_pass)
    if high_pass is not None:
        coarse = _gaussian(fy, high_pass)[:, None] * _gaussian(fx, high_pass)
        spectrum *= np.float32(1) - coarse
    image = scipy.fft.irfft2(spectrum, s=pixels.shape, workers=_WORKERS)
    return np.asarray(image, np.float32)


def _gaussian(frequency: NDArray[np.float64], angstrom: float) -> NDArray[np.float32]:
    """Return a Gaussian that is 0.5 at the frequency 1 / angstrom."""
    return np.asarray(np.exp2(-((frequency * angstrom) ** 2)), np.float32)

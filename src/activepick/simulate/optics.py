"""Compute the electron wavelength, contrast transfer function and envelope of a microscope."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

__all__ = ["Defocus", "Microscope", "contrast_transfer", "frequency_grid"]

REST_ENERGY_EV = 510998.95


@dataclass(frozen=True)
class Microscope:
    """Optical settings that are the same for all micrographs of a set.

    Attributes
    ----------
    voltage_kv
        Acceleration voltage in kV.
    spherical_aberration_mm
        Spherical aberration Cs of the objective lens in mm.
    amplitude_contrast
        Share of the amplitude contrast, between 0 and 1.
    b_factor_angstrom2
        B-factor in Å^2 of the envelope ``exp(-B k^2 / 4)`` for motion, charging and partial
        coherence.
    """

    voltage_kv: float = 300.0
    spherical_aberration_mm: float = 2.7
    amplitude_contrast: float = 0.1
    b_factor_angstrom2: float = 120.0

    @property
    def wavelength_angstrom(self) -> float:
        """Relativistic wavelength ``h c / sqrt(E^2 + 2 E m c^2)`` in Å: 0.0197 Å at 300 kV."""
        energy = self.voltage_kv * 1e3
        return float(12398.42 / np.sqrt(energy * (energy + 2 * REST_ENERGY_EV)))

    @property
    def interaction_rad_per_volt_angstrom(self) -> float:
        """Phase shift of the electron per projected potential: 6.5e-4 rad/(V Å) at 300 kV.

        ``2 pi / (wavelength E) (m c^2 + E) / (2 m c^2 + E)``, Kirkland, Advanced Computing in
        Electron Microscopy (2010), equation 5.6.
        """
        energy = self.voltage_kv * 1e3
        ratio = (REST_ENERGY_EV + energy) / (2 * REST_ENERGY_EV + energy)
        return float(2 * np.pi / (self.wavelength_angstrom * energy) * ratio)


@dataclass(frozen=True)
class Defocus:
    """Underfocus (positive) and astigmatism.

    Attributes
    ----------
    mean_um
        Mean of the largest and the smallest underfocus, in µm.
    astigmatism_um
        Largest minus smallest underfocus, in µm.
    angle_rad
        Direction of the largest underfocus, from x towards y, in radians.
    """

    mean_um: float
    astigmatism_um: float = 0.0
    angle_rad: float = 0.0


def frequency_grid(
    shape: tuple[int, int], pixel_size_angstrom: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the spatial frequencies of `scipy.fft.rfft2` of an image.

    Parameters
    ----------
    shape
        Height and width (H, W) in pixels.
    pixel_size_angstrom
        Pixel size in Å.

    Returns
    -------
    kx, ky
        Frequencies in 1/Å, (1, W // 2 + 1) and (H, 1).
    """
    ky = fft.fftfreq(shape[0], pixel_size_angstrom)[:, None]
    kx = fft.rfftfreq(shape[1], pixel_size_angstrom)[None, :]
    return kx, ky


def contrast_transfer(
    kx: NDArray[np.float64],
    ky: NDArray[np.float64],
    microscope: Microscope,
    defocus: Defocus,
    *,
    envelope: bool = True,
) -> NDArray[np.float64]:
    """Compute the contrast transfer function.

    It is negative at low frequencies, so that protein is dark:
    ``-sqrt(1 - A^2) sin(chi) - A cos(chi)`` with
    ``chi = pi wavelength k^2 (defocus - Cs wavelength^2 k^2 / 2)``, as in Rohou and Grigorieff
    (2015), J. Struct. Biol. 192, 216-221, equations 1 to 3, with positive underfocus. The contrast
    of a weak phase object in the image intensity is twice this function times the phase.

    Parameters
    ----------
    kx, ky
        Spatial frequencies in 1/Å, with shapes that can be broadcast.
    microscope, defocus
        Microscope and defocus.
    envelope
        Whether to multiply by the envelope of the B-factor.

    Returns
    -------
    ndarray
        Values of the function at the frequencies, dimensionless, in the broadcast shape.
    """
    wavelength = microscope.wavelength_angstrom
    k2 = kx**2 + ky**2
    underfocus = 1e4 * (
        defocus.mean_um
        + defocus.astigmatism_um / 2 * np.cos(2 * (np.arctan2(ky, kx) - defocus.angle_rad))
    )
    cs = microscope.spherical_aberration_mm * 1e7
    chi = np.pi * wavelength * k2 * (underfocus - cs * wavelength**2 * k2 / 2)
    amplitude = microscope.amplitude_contrast
    transfer = -np.sqrt(1 - amplitude**2) * np.sin(chi) - amplitude * np.cos(chi)
    if envelope:
        transfer = transfer * np.exp(-microscope.b_factor_angstrom2 * k2 / 4)
    values: NDArray[np.float64] = transfer
    return values

"""Simulate vitreous ice, its denatured protein, and the carbon film around it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from activepick.simulate.optics import frequency_grid

__all__ = [
    "CarbonFilm",
    "carbon_film",
    "coloured_noise",
    "denatured_protein",
    "ice_thickness",
    "solvent_noise",
]

# Radius of the round hole in the carbon film (1.2 µm holes).
HOLE_RADIUS_ANGSTROM = 6000.0


def coloured_noise(
    shape: tuple[int, int],
    pixel_size_angstrom: float,
    correlation_angstrom: float,
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """Draw Gaussian noise with the amplitude spectrum ``1 / (1 + (2 pi k correlation)^2)``.

    Parameters
    ----------
    shape
        Height and width (H, W) in pixels.
    pixel_size_angstrom
        Pixel size in Å.
    correlation_angstrom
        Length in Å below which the noise is smooth; 0 gives white noise.
    rng
        Random number generator.

    Returns
    -------
    ndarray
        Noise with mean 0 and standard deviation 1, float32, (H, W).
    """
    kx, ky = frequency_grid(shape, pixel_size_angstrom)
    spectrum = fft.rfft2(rng.standard_normal(shape, np.float32))
    spectrum /= (1 + (2 * np.pi * correlation_angstrom) ** 2 * (kx**2 + ky**2)).astype(np.float32)
    spectrum[0, 0] = 0
    noise = fft.irfft2(spectrum, shape)
    values: NDArray[np.float32] = (noise / noise.std()).astype(np.float32)
    return values


def solvent_noise(
    shape: tuple[int, int], pixel_size_angstrom: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Draw relative fluctuations of the potential of vitreous ice, with standard deviation 1.

    They are the sum of two equal parts: a fine part (density fluctuations of water, up to the
    resolution of the image) and a coarse part with the length of small solutes.
    """
    fine = coloured_noise(shape, pixel_size_angstrom, 1.0, rng)
    coarse = coloured_noise(shape, pixel_size_angstrom, 6.0, rng)
    return (fine + coarse) / np.float32(np.sqrt(2))


def ice_thickness(
    shape: tuple[int, int], mean_angstrom: float, variation: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Draw a smoothly varying ice thickness.

    Parameters
    ----------
    shape
        Height and width (H, W) in pixels.
    mean_angstrom
        Mean thickness in Å.
    variation
        Standard deviation of the thickness, relative to the mean.
    rng
        Random number generator.

    Returns
    -------
    ndarray
        Thickness in Å, float32, (H, W), at least a fifth of the mean.
    """
    from scipy.interpolate import RectBivariateSpline  # takes 0.05 s

    coarse = rng.standard_normal((4, 4))
    knots = np.linspace(0, 1, 4)
    spline = RectBivariateSpline(knots, knots, coarse)
    field = spline(np.linspace(0, 1, shape[0]), np.linspace(0, 1, shape[1]))
    field = (field - field.mean()) / field.std()
    thickness = mean_angstrom * np.clip(1 + variation * field, 0.2, None)
    values: NDArray[np.float32] = thickness.astype(np.float32)
    return values


def denatured_protein(
    shape: tuple[int, int],
    pixel_size_angstrom: float,
    count: int,
    mass_dalton: float,
    volt_angstrom3_per_dalton: float,
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """Draw the projected potential of unfolded chains at random positions.

    The chains are those at the air-water interface.

    Parameters
    ----------
    shape
        Height and width (H, W) in pixels.
    pixel_size_angstrom
        Pixel size of the field in Å.
    count
        Number of chains in the field.
    mass_dalton
        Mean mass of a chain in dalton. The masses differ from it by up to 60 %.
    volt_angstrom3_per_dalton
        Integrated potential of one dalton in V Å^3.
    rng
        Random number generator.

    Returns
    -------
    ndarray
        Projected potential in V Å, float32, (H, W).
    """
    kx, ky = frequency_grid(shape, pixel_size_angstrom)
    k2 = (kx**2 + ky**2).astype(np.float32)
    spectrum = np.zeros(k2.shape, np.complex64)
    sigmas_angstrom = (10.0, 15.0, 22.0)
    for sigma in sigmas_angstrom:
        points = np.zeros(shape, np.float32)
        number = count // len(sigmas_angstrom)
        rows = rng.integers(0, shape[0], number)
        columns = rng.integers(0, shape[1], number)
        mass = mass_dalton * rng.uniform(0.4, 1.6, number)
        np.add.at(points, (rows, columns), mass * volt_angstrom3_per_dalton)
        spectrum += fft.rfft2(points) * np.exp(k2 * np.float32(-2 * (np.pi * sigma) ** 2))
    field: NDArray[np.float32] = fft.irfft2(spectrum, shape) / np.float32(pixel_size_angstrom**2)
    return field


@dataclass(frozen=True, eq=False)
class CarbonFilm:
    """Carbon film at the rim of a hole.

    Attributes
    ----------
    cover
        Cover between 0 (hole) and 1 (film), float32, (H, W).
    clearance_angstrom
        Signed distance to the rim in Å, float32, (H, W): positive in the hole, negative on the
        film.
    """

    cover: NDArray[np.float32]
    clearance_angstrom: NDArray[np.float32]


def carbon_film(
    shape: tuple[int, int], pixel_size_angstrom: float, rng: np.random.Generator
) -> CarbonFilm:
    """Draw a film with the rough rim of a hole, on a random side of a field.

    Parameters
    ----------
    shape
        Height and width (H, W) in pixels.
    pixel_size_angstrom
        Pixel size of the field in Å.
    rng
        Random number generator.

    Returns
    -------
    CarbonFilm
        Film that covers about 5 to 30 % of a square field.
    """
    height, width = shape
    angle = rng.uniform(0, 2 * np.pi)
    # Distance in Å of the rim from the centre of the field: 0.4 to 0.8 of that of the border.
    depth = rng.uniform(0.4, 0.8) * min(shape) / 2 * pixel_size_angstrom
    to_hole = HOLE_RADIUS_ANGSTROM - depth
    y = (np.arange(height)[:, None] - height / 2) * pixel_size_angstrom + to_hole * np.sin(angle)
    x = (np.arange(width)[None, :] - width / 2) * pixel_size_angstrom + to_hole * np.cos(angle)
    rough = 12.0 * coloured_noise(shape, pixel_size_angstrom, 60.0, rng)
    clearance = (HOLE_RADIUS_ANGSTROM - np.hypot(x, y) + rough).astype(np.float32)
    cover = 1 / (1 + np.exp(np.clip(clearance / 8.0, -30, 30)))
    return CarbonFilm(cover.astype(np.float32), clearance)

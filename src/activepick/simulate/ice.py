"""Vitreous ice and the carbon film that it spans: thickness, structure and denatured protein."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.interpolate import RectBivariateSpline

from activepick.simulate.optics import frequency_grid

__all__ = [
    "CarbonFilm",
    "carbon_film",
    "coloured_noise",
    "denatured_protein",
    "ice_thickness",
    "solvent_noise",
]

# Radius of the round hole whose rim is the carbon edge (1.2 µm holes).
HOLE_RADIUS_ANGSTROM = 6000.0


def coloured_noise(
    shape: tuple[int, int],
    pixel_size_angstrom: float,
    correlation_angstrom: float,
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """Gaussian noise with the amplitude spectrum ``1 / (1 + (2 pi k correlation)^2)``.

    Parameters
    ----------
    shape
        (H, W).
    pixel_size_angstrom
        Pixel size of the noise.
    correlation_angstrom
        Length below which the noise is smooth; 0 gives white noise.
    rng
        The source of randomness.

    Returns
    -------
    ndarray
        (H, W) float32, mean 0, standard deviation 1.
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
    """Relative fluctuations of the potential of vitreous ice, standard deviation 1.

    A broad part (density fluctuations of water, seen up to the resolution of the image) and a
    coarse part at the length of small solutes, in equal measure.
    """
    fine = coloured_noise(shape, pixel_size_angstrom, 1.0, rng)
    coarse = coloured_noise(shape, pixel_size_angstrom, 6.0, rng)
    return (fine + coarse) / np.float32(np.sqrt(2))


def ice_thickness(
    shape: tuple[int, int], mean_angstrom: float, variation: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Smoothly varying ice thickness.

    Parameters
    ----------
    shape
        (H, W).
    mean_angstrom
        Mean thickness over the field.
    variation
        Relative standard deviation of the slow gradient.
    rng
        The source of randomness.

    Returns
    -------
    ndarray
        (H, W) float32, in Å, never below a fifth of the mean.
    """
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
    """Projected potential of unfolded chains that lie at random at the air-water interface.

    Parameters
    ----------
    shape
        (H, W).
    pixel_size_angstrom
        Pixel size of the field.
    count
        How many chains lie in the field.
    mass_dalton
        Mean mass of a chain; the masses spread by 60 % to either side.
    volt_angstrom3_per_dalton
        Integrated potential of a dalton.
    rng
        The source of randomness.

    Returns
    -------
    ndarray
        (H, W) float32, in V Å.
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
    """The film at the rim of a hole.

    Attributes
    ----------
    cover
        (H, W) float32 between 0 (hole) and 1 (film).
    clearance_angstrom
        (H, W) float32 signed distance to the rim: positive in the hole, negative on the film.
    """

    cover: NDArray[np.float32]
    clearance_angstrom: NDArray[np.float32]


def carbon_film(
    shape: tuple[int, int], pixel_size_angstrom: float, rng: np.random.Generator
) -> CarbonFilm:
    """Lay the rim of a hole through a field, at a random side, rough as a real one.

    Parameters
    ----------
    shape
        (H, W).
    pixel_size_angstrom
        Pixel size of the field.
    rng
        The source of randomness.

    Returns
    -------
    CarbonFilm
        A film over some 5 to 30 % of a square field.
    """
    height, width = shape
    angle = rng.uniform(0, 2 * np.pi)
    # How far the rim lies from the middle of the field, as a share of the way to its border.
    depth = rng.uniform(0.4, 0.8) * min(shape) / 2 * pixel_size_angstrom
    to_hole = HOLE_RADIUS_ANGSTROM - depth
    y = (np.arange(height)[:, None] - height / 2) * pixel_size_angstrom + to_hole * np.sin(angle)
    x = (np.arange(width)[None, :] - width / 2) * pixel_size_angstrom + to_hole * np.cos(angle)
    rough = 12.0 * coloured_noise(shape, pixel_size_angstrom, 60.0, rng)
    clearance = (HOLE_RADIUS_ANGSTROM - np.hypot(x, y) + rough).astype(np.float32)
    cover = 1 / (1 + np.exp(np.clip(clearance / 8.0, -30, 30)))
    return CarbonFilm(cover.astype(np.float32), clearance)

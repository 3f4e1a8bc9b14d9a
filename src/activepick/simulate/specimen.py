"""Simulate a specimen of particles, ice, carbon film and contaminants."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from activepick.simulate.contaminants import add_aggregate, add_fragment, add_ice_crystal
from activepick.simulate.densities import POTENTIAL_PER_DALTON
from activepick.simulate.ice import (
    CarbonFilm,
    coloured_noise,
    denatured_protein,
    ice_thickness,
    solvent_noise,
)
from activepick.simulate.placement import place
from activepick.simulate.projection import add_projection
from activepick.simulate.settings import SimulationSettings

__all__ = ["Specimen", "build_specimen"]

# Standard deviation of the phase of amorphous carbon of 120 Å, and thickness of the carbon film.
CARBON_PHASE_RAD = 0.07
CARBON_THICKNESS_ANGSTROM = 120.0
# Carbon scatters more than ice of the same thickness.
CARBON_LOSS = 2.5
# Mean inner potential of ice crystals relative to vacuum, reduced so that the specimen remains a
# weak phase object.
CRYSTAL_VOLT = 0.8
# Ice thickness to which `solvent_phase_rad` refers.
REFERENCE_THICKNESS_ANGSTROM = 300.0


@dataclass(frozen=True, eq=False)
class Specimen:
    """The simulated specimen.

    Attributes
    ----------
    phase_rad
        Phase shift in radians, float32, (H, W).
    thickness_angstrom
        Thickness in Å of ice with the same loss of electrons, float32, (H, W).
    particles
        Positions x, y of the intact particles in the ice, (n, 2), in pixels of the field.
    orientations
        Rotation of the density of each particle, (n,), before the projection along z.
    proteins
        Index of the protein of each particle among `SimulationSettings.proteins`, (n,).
    contaminants
        Columns ``x, y, kind`` of fragments, aggregates and crystals, in pixels of the field.
    """

    phase_rad: NDArray[np.float32]
    thickness_angstrom: NDArray[np.float32]
    particles: NDArray[np.float64]
    orientations: Rotation
    proteins: NDArray[np.intp]
    contaminants: pd.DataFrame


def build_specimen(
    settings: SimulationSettings,
    shape: tuple[int, int],
    border: int,
    film: CarbonFilm | None,
    rng: np.random.Generator,
) -> Specimen:
    """Draw a specimen.

    Parameters
    ----------
    settings
        Settings of the set.
    shape
        Height and width of the field in pixels, with its border.
    border
        Width in pixels of the border above and to the left of the frame.
    film
        The carbon film, or None.
    rng
        Random number generator.

    Returns
    -------
    Specimen
    """
    # One generator for each part, so that a setting of one part does not affect the others.
    streams = rng.spawn(7)
    for_places, for_views, for_contaminants, for_ice, for_crystals, for_film = streams[:6]
    for_mixture = streams[6]
    pixel_size = settings.pixel_size_angstrom
    radius = settings.radius_px
    clearance = None if film is None else film.clearance_angstrom
    in_ice = _frame_margin(settings, shape, border)
    on_film = np.zeros(shape, bool)
    if clearance is not None:
        on_film = in_ice & (clearance < -settings.diameter_angstrom / 2)
        in_ice &= clearance > settings.diameter_angstrom / 2
    area = np.pi * radius**2
    crowding = for_places.uniform(*settings.crowding)
    distance = 0.95 * 2 * radius
    overlap = (0.4 * 2 * radius, 0.85 * 2 * radius)
    number = round(crowding * int(in_ice.sum()) / area)
    particles = place(in_ice, number, distance, settings.overlap_share, overlap, for_places)
    # There are fewer particles on the film than in the ice.
    stray_number = round(0.4 * crowding * int(on_film.sum()) / area)
    strays = place(on_film, stray_number, distance, 0.0, overlap, for_places)

    potential = np.zeros(shape, np.float32)
    views = []
    places = np.concatenate([particles, strays])
    proteins = for_mixture.integers(len(settings.densities), size=len(places))
    for (x, y), protein in zip(places, proteins, strict=True):
        views.append(Rotation.random(None, for_views))
        turned = settings.densities[protein].rotated(views[-1])
        add_projection(potential, turned, float(x), float(y), pixel_size)
    contaminants = _add_contaminants(potential, settings, len(views), for_contaminants)
    mass = settings.denatured_mass_per_angstrom2 * shape[0] * shape[1] * pixel_size**2
    chain_dalton = 15e3
    potential += denatured_protein(
        shape, pixel_size, round(mass / chain_dalton), chain_dalton, POTENTIAL_PER_DALTON, for_ice
    )

    thickness = ice_thickness(
        shape, for_ice.uniform(*settings.ice_thickness_angstrom), settings.ice_gradient, for_ice
    )
    crystals, crystal_positions = _crystals(settings, shape, for_crystals)
    microscope = settings.microscope
    phase = (potential + CRYSTAL_VOLT * crystals) * np.float32(
        microscope.interaction_rad_per_volt_angstrom
    )
    phase += (
        np.float32(settings.solvent_phase_rad)
        * np.sqrt(thickness / REFERENCE_THICKNESS_ANGSTROM)
        * solvent_noise(shape, pixel_size, for_ice)
    )
    thickness = thickness + crystals
    if film is not None:
        amorphous = coloured_noise(shape, pixel_size, 1.2, for_film)
        phase += film.cover * np.float32(CARBON_PHASE_RAD) * (1.5 + amorphous)
        thickness = thickness + film.cover * np.float32(CARBON_LOSS * CARBON_THICKNESS_ANGSTROM)
    own = views[: len(particles)]
    return Specimen(
        phase,
        thickness,
        particles,
        Rotation.concatenate(own) if own else Rotation.from_quat(np.empty((0, 4))),
        proteins[: len(particles)],
        pd.DataFrame([*contaminants, *crystal_positions], columns=["x", "y", "kind"]),
    )


def _frame_margin(
    settings: SimulationSettings, shape: tuple[int, int], border: int
) -> NDArray[np.bool_]:
    """Return a mask of the pixels a fifth of the diameter away from the border of the frame."""
    margin = 0.4 * settings.radius_px
    y = np.arange(shape[0])[:, None] - border
    x = np.arange(shape[1])[None, :] - border
    inwards = np.minimum(
        np.minimum(x, settings.shape[1] - 1 - x), np.minimum(y, settings.shape[0] - 1 - y)
    )
    return np.abs(inwards) > margin


def _add_contaminants(
    potential: NDArray[np.float32],
    settings: SimulationSettings,
    particles: int,
    rng: np.random.Generator,
) -> list[tuple[float, float, str]]:
    """Add fragments and aggregates in place, and return their positions and kinds."""
    placed = []
    height, width = potential.shape
    pixel_size = settings.pixel_size_angstrom
    densities = settings.densities
    mass = float(np.mean([one.weights.sum() for one in densities])) / POTENTIAL_PER_DALTON
    for k in range(rng.poisson(settings.fragments * particles)):
        x, y = rng.uniform(0, width), rng.uniform(0, height)
        density = densities[k % len(densities)]
        add_fragment(potential, density, x, y, pixel_size, rng)
        placed.append((x, y, "fragment"))
    for _ in range(rng.poisson(settings.aggregates * particles)):
        x, y = rng.uniform(0, width), rng.uniform(0, height)
        size = rng.uniform(0.4, 1.6)
        extent = size * settings.diameter_angstrom / 2
        dalton = mass * size * rng.uniform(0.5, 1.3)
        add_aggregate(potential, x, y, extent, dalton, pixel_size, rng)
        placed.append((x, y, "aggregate"))
    return placed


def _crystals(
    settings: SimulationSettings, shape: tuple[int, int], rng: np.random.Generator
) -> tuple[NDArray[np.float32], list[tuple[float, float, str]]]:
    """Return the thickness (H, W) in Å of ice crystals and ethane drops, and their positions."""
    placed = []
    thickness = np.zeros(shape, np.float32)
    field_um2 = shape[0] * shape[1] * (settings.pixel_size_angstrom * 1e-4) ** 2
    for _ in range(rng.poisson(settings.crystals * field_um2)):
        x, y = rng.uniform(0, shape[1]), rng.uniform(0, shape[0])
        radius = rng.uniform(60.0, 260.0) / settings.pixel_size_angstrom
        add_ice_crystal(thickness, x, y, radius, rng.uniform(150.0, 600.0), rng)
        placed.append((x, y, "crystal"))
    return thickness, placed

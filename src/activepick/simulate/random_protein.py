"""Build proteins of random shape from random domains that a point group repeats."""

import numpy as np

from activepick.simulate.densities import Density, Unit, symmetric_density

__all__ = ["FAMILIES", "random_density"]

# Point groups that are drawn, by family. D2, D7, C4, O and I are left out: they are the symmetries
# of proteins on which learning is evaluated, one of which is a hollow shell, and of hollow shells.
FAMILIES = {
    "asymmetric": ("C1",),
    "cyclic": ("C2", "C3", "C5", "C6"),
    "dihedral": ("D3", "D4", "D5", "D6"),
    "tetrahedral": ("T",),
}
# Range of diameters in Å, and smallest mass in dalton: smaller particles are hardly visible.
_DIAMETER, _SMALLEST = (90.0, 260.0), 100e3
# Density of protein in dalton per Å^3.
_DALTON_PER_ANGSTROM3 = 1 / 1.21
# A blob fills a ball of this many standard deviations.
_FILLED_SIGMAS = 1.5
# Points at which the filled volume is measured.
_POINTS = 4000


def random_density(name: str, seed: int) -> Density:
    """Build a protein of random shape.

    Parameters
    ----------
    name
        Name of the protein.
    seed
        Random seed, 0 or more. The same seed gives the same protein. The index of the family in
        `FAMILIES` is the seed modulo the number of families.

    Returns
    -------
    Density
    """
    groups = list(FAMILIES.values())[seed % len(FAMILIES)]
    # Other random numbers than those of the micrographs of a set with the same seed.
    rng = np.random.default_rng([seed, 1])
    symmetry = str(rng.choice(groups))
    diameter = float(np.exp(rng.uniform(*np.log(_DIAMETER))))
    unit = _random_unit(symmetry, rng)
    shape = symmetric_density(name, symmetry, diameter, 1.0, unit)
    mass = _DALTON_PER_ANGSTROM3 * _filled_volume(shape, rng)
    if mass < _SMALLEST:
        diameter *= (_SMALLEST / mass) ** (1 / 3)
        mass = _SMALLEST
    return symmetric_density(name, symmetry, diameter, mass, unit)


def _random_unit(symmetry: str, rng: np.random.Generator) -> Unit:
    """Draw domains of blobs at a distance from the axis, each next to the previous one."""
    domains = int(rng.integers(1, 5)) if symmetry != "C1" else int(rng.integers(2, 8))
    elongation = rng.uniform(0.6, 1.8) if symmetry[0] in "CD" else 1.0
    centre = np.zeros(3)
    if symmetry != "C1":
        # Far from the axis, the copies leave a hole; close to it, they form a compact particle.
        away = rng.normal(size=3) * [1, 1, elongation]
        centre = away / np.linalg.norm(away) * rng.uniform(15.0, 60.0)
    unit: Unit = []
    for _ in range(domains):
        axes = rng.uniform(10.0, 26.0, 3) * [1, 1, elongation]
        count = int(rng.integers(6, 14))
        directions = rng.normal(size=(count, 3))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        points = centre + directions * rng.uniform(size=(count, 1)) ** (1 / 3) * axes
        sigmas = rng.uniform(5.0, 10.0, count)
        unit += [
            (x, y, z, sigma, sigma**3)
            for (x, y, z), sigma in zip(points.tolist(), sigmas.tolist(), strict=True)
        ]
        step = rng.normal(size=3)
        centre = centre + step / np.linalg.norm(step) * axes * rng.uniform(1.0, 1.8)
    return unit


def _filled_volume(density: Density, rng: np.random.Generator) -> float:
    """Measure the volume in Å^3 of the balls that the blobs fill."""
    radius = density.diameter_angstrom / 2
    points = rng.uniform(-radius, radius, (_POINTS, 3))
    reach = _FILLED_SIGMAS * density.sigmas_angstrom
    filled = np.zeros(_POINTS, bool)
    for centre, size in zip(density.centres_angstrom, reach, strict=True):
        filled |= ((points - centre) ** 2).sum(axis=1) < size**2
    return float(filled.mean() * (2 * radius) ** 3)

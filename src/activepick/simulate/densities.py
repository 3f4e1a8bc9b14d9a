"""Densities that are sums of Gaussian blobs, with point group symmetry.

The projection of a Gaussian blob is a Gaussian blob, so that projections of these densities are
exact and need no interpolation.
"""

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

__all__ = ["POTENTIAL_PER_DALTON", "Density", "Unit", "symmetric_density", "symmetry_rotations"]

# Potential of one dalton of protein in V Å^3: its volume (1.21 Å^3 for a partial specific volume of
# 0.73 cm^3/g) times the mean inner potential of protein relative to vitreous ice (about 2.5 V).
POTENTIAL_PER_DALTON = 1.21 * 2.5

# A density ends at this many standard deviations of its outermost blobs.
EXTENT_SIGMAS = 1.5


@dataclass(frozen=True, eq=False)
class Density:
    """A sum of isotropic Gaussian blobs around the origin.

    Attributes
    ----------
    name
        Name of the protein.
    symmetry
        Point group in Schoenflies notation; its main axis is z.
    diameter_angstrom
        Diameter in Å of the smallest sphere around the origin that contains all blobs up to 1.5
        standard deviations.
    centres_angstrom
        Centres of the blobs as x, y, z in Å, (n, 3).
    sigmas_angstrom
        Standard deviations of the blobs in Å, (n,).
    weights
        Integrals of the blobs in V Å^3, (n,), as potential relative to ice.
    """

    name: str
    symmetry: str
    diameter_angstrom: float
    centres_angstrom: NDArray[np.float64]
    sigmas_angstrom: NDArray[np.float64]
    weights: NDArray[np.float64]

    def rotated(self, rotation: Rotation) -> "Density":
        """Return the density rotated about the origin."""
        return self._with(rotation.apply(self.centres_angstrom), slice(None))

    def part(self, keep: NDArray[np.bool_]) -> "Density":
        """Return the blobs for which `keep` (n,) is true, with their mass centre at the origin."""
        mass = self.weights[keep][:, None]
        centres = self.centres_angstrom[keep]
        return self._with(centres - (mass * centres).sum(0) / mass.sum(), keep)

    def _with(self, centres: NDArray[np.float64], keep: NDArray[np.bool_] | slice) -> "Density":
        return Density(
            self.name,
            self.symmetry,
            self.diameter_angstrom,
            centres,
            self.sigmas_angstrom[keep],
            self.weights[keep],
        )

    def potential(self, points_angstrom: NDArray[np.float64]) -> NDArray[np.float64]:
        """Compute the potential at positions.

        Parameters
        ----------
        points_angstrom
            Positions as x, y, z in Å, (m, 3).

        Returns
        -------
        ndarray
            Potential relative to ice in V, (m,).
        """
        offsets = points_angstrom[:, None, :] - self.centres_angstrom[None]
        variance = self.sigmas_angstrom**2
        exponent = -(offsets**2).sum(-1) / (2 * variance)
        values: NDArray[np.float64] = np.exp(exponent) @ (
            self.weights / (2 * np.pi * variance) ** 1.5
        )
        return values


def symmetry_rotations(symmetry: str) -> Rotation:
    """Return the rotations of a point group (C1, D7, T, O, I, ...) with its main axis along z."""
    group: Rotation = Rotation.create_group(cast(Any, symmetry), axis="Z")
    return group


# One row for each blob of the asymmetric unit: x, y, z, standard deviation, share of the mass.
Unit = list[tuple[float, float, float, float, float]]


def symmetric_density(
    name: str, symmetry: str, diameter_angstrom: float, mass_dalton: float, unit: Unit
) -> Density:
    """Repeat an asymmetric unit, and scale the result to a diameter and a mass.

    Parameters
    ----------
    name, symmetry
        Name of the protein, and its point group.
    diameter_angstrom
        Diameter of the scaled density in Å.
    mass_dalton
        Mass of the protein in dalton, which determines the potential.
    unit
        Blobs of the asymmetric unit, in any units of length and mass.

    Returns
    -------
    Density
    """
    rows = np.array(unit)
    rotations = symmetry_rotations(symmetry)
    centres = np.concatenate([rotation.apply(rows[:, :3]) for rotation in rotations])
    sigmas = np.tile(rows[:, 3], len(rotations))
    weights = np.tile(rows[:, 4], len(rotations))
    reach = (np.linalg.norm(centres, axis=1) + EXTENT_SIGMAS * sigmas).max()
    scale = diameter_angstrom / 2 / reach
    return Density(
        name,
        symmetry,
        diameter_angstrom,
        centres * scale,
        sigmas * scale,
        weights / weights.sum() * mass_dalton * POTENTIAL_PER_DALTON,
    )

"""Densities made of Gaussian blobs, and the point groups that repeat them.

A Gaussian blob projects to a Gaussian blob, so that projections of these densities are exact and
need no interpolation.
"""

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

__all__ = ["POTENTIAL_PER_DALTON", "Density", "Unit", "symmetric_density", "symmetry_rotations"]

# Volume of a dalton of protein (1.21 Å^3: partial specific volume 0.73 cm^3/g) times the mean
# inner potential of protein above vitreous ice (about 2.5 V), in V Å^3.
POTENTIAL_PER_DALTON = 1.21 * 2.5

# A density counts as ended at this many standard deviations of its outermost blobs.
EXTENT_SIGMAS = 1.5


@dataclass(frozen=True, eq=False)
class Density:
    """A sum of isotropic Gaussian blobs about the origin.

    Attributes
    ----------
    name
        The protein's name.
    symmetry
        Point group in Schoenflies notation; its main axis is z.
    diameter_angstrom
        Diameter of the smallest sphere about the origin that holds all blobs out to 1.5 of their
        standard deviations.
    centres_angstrom
        (n, 3) centres of the blobs as x, y, z.
    sigmas_angstrom
        (n,) standard deviations of the blobs.
    weights
        (n,) integrals of the blobs, in V Å^3 of potential above that of ice.
    """

    name: str
    symmetry: str
    diameter_angstrom: float
    centres_angstrom: NDArray[np.float64]
    sigmas_angstrom: NDArray[np.float64]
    weights: NDArray[np.float64]

    def rotated(self, rotation: Rotation) -> "Density":
        """Turn the density about the origin."""
        return self._with(rotation.apply(self.centres_angstrom), slice(None))

    def part(self, keep: NDArray[np.bool_]) -> "Density":
        """Keep the blobs where `keep` (n,) is true, with their mass centre moved to the origin."""
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
        """Evaluate the density.

        Parameters
        ----------
        points_angstrom
            (m, 3) positions as x, y, z.

        Returns
        -------
        ndarray
            (m,) potential above that of ice, in V.
        """
        offsets = points_angstrom[:, None, :] - self.centres_angstrom[None]
        variance = self.sigmas_angstrom**2
        exponent = -(offsets**2).sum(-1) / (2 * variance)
        values: NDArray[np.float64] = np.exp(exponent) @ (
            self.weights / (2 * np.pi * variance) ** 1.5
        )
        return values


def symmetry_rotations(symmetry: str) -> Rotation:
    """Rotations of a point group (C1, C3, D2, D7, T, O, I, ...) with its main axis along z."""
    group: Rotation = Rotation.create_group(cast(Any, symmetry), axis="Z")
    return group


# One row a blob of the asymmetric unit: x, y, z, standard deviation, share of the mass.
Unit = list[tuple[float, float, float, float, float]]


def symmetric_density(
    name: str, symmetry: str, diameter_angstrom: float, mass_dalton: float, unit: Unit
) -> Density:
    """Repeat an asymmetric unit, and scale it to a diameter and a mass.

    Parameters
    ----------
    name, symmetry
        The protein's name and its point group.
    diameter_angstrom
        Diameter that the density is scaled to.
    mass_dalton
        Mass that sets the potential.
    unit
        Blobs of the asymmetric unit, in any length and mass units.

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

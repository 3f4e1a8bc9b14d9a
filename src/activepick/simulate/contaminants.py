"""Simulate contaminants: ice crystals, aggregates and broken particles."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from activepick.simulate.densities import POTENTIAL_PER_DALTON, Density
from activepick.simulate.projection import add_blobs, add_projection

__all__ = ["add_aggregate", "add_fragment", "add_ice_crystal"]


def add_ice_crystal(
    thickness: NDArray[np.float32],
    x_px: float,
    y_px: float,
    radius_px: float,
    height_angstrom: float,
    rng: np.random.Generator,
) -> None:
    """Add a crystal of hexagonal ice, or a drop of ethane, on the specimen, in place.

    Parameters
    ----------
    thickness
        Thickness of crystals and drops in Å, (H, W).
    x_px, y_px
        Position of the centre in pixels.
    radius_px
        Radius of the rounded hexagon in pixels.
    height_angstrom
        Thickness at the centre in Å.
    rng
        Generator for orientation and regularity.
    """
    height, width = thickness.shape
    reach = int(np.ceil(1.4 * radius_px))
    left, right = max(0, int(x_px) - reach), min(width, int(x_px) + reach + 1)
    top, bottom = max(0, int(y_px) - reach), min(height, int(y_px) + reach + 1)
    if left >= right or top >= bottom:
        return
    x = np.arange(left, right)[None, :] - x_px
    y = np.arange(top, bottom)[:, None] - y_px
    angles = rng.uniform(0, np.pi) + np.arange(6) * np.pi / 3
    faces = radius_px * rng.uniform(0.75, 1.05, 6)
    outward = [
        np.cos(angle) * x + np.sin(angle) * y - face
        for angle, face in zip(angles, faces, strict=True)
    ]
    # A soft maximum over the faces rounds the corners: 0.08 gives a crystal, 0.3 a drop.
    softness = radius_px * rng.choice([0.08, 0.3])
    distance = softness * np.log(np.exp(np.stack(outward) / softness).sum(0))
    rim = 0.45 * radius_px
    profile = np.sqrt(np.clip(-distance / rim, 0, 1))
    thickness[top:bottom, left:right] += (height_angstrom * profile).astype(np.float32)


def add_aggregate(
    potential: NDArray[np.float32],
    x_px: float,
    y_px: float,
    extent_angstrom: float,
    mass_dalton: float,
    pixel_size_angstrom: float,
    rng: np.random.Generator,
) -> None:
    """Add a clump of denatured protein in place.

    Parameters
    ----------
    potential
        Projected potential in V Å, (H, W).
    x_px, y_px
        Position of the centre in pixels.
    extent_angstrom
        Root mean square distance of the mass from the centre, in Å.
    mass_dalton
        Mass of the clump in dalton.
    pixel_size_angstrom
        Pixel size of the field in Å.
    rng
        Generator for the shape.
    """
    count = 24
    # A random walk has the branches and folds of an aggregate; a cloud of points would be round.
    walk = np.cumsum(rng.standard_normal((count, 2)), axis=0)
    walk -= walk.mean(0)
    walk *= extent_angstrom / np.sqrt((walk**2).sum(1).mean())
    shares = rng.uniform(0.3, 1.0, count)
    weights = shares / shares.sum() * mass_dalton * POTENTIAL_PER_DALTON
    add_blobs(
        potential,
        walk[:, 0] / pixel_size_angstrom + x_px,
        walk[:, 1] / pixel_size_angstrom + y_px,
        rng.uniform(10.0, 18.0, count) / pixel_size_angstrom,
        weights / pixel_size_angstrom**2,
    )


def add_fragment(
    potential: NDArray[np.float32],
    density: Density,
    x_px: float,
    y_px: float,
    pixel_size_angstrom: float,
    rng: np.random.Generator,
) -> None:
    """Add a broken particle, a quarter to a half of a whole one, in place.

    Parameters
    ----------
    potential
        Projected potential in V Å, (H, W).
    density
        Density of the whole particle.
    x_px, y_px
        Position of the mass centre of the fragment in pixels.
    pixel_size_angstrom
        Pixel size of the field in Å.
    rng
        Generator for the plane of the break and the orientation.
    """
    turned = density.rotated(Rotation.random(None, rng))
    heights = turned.centres_angstrom[:, 0]
    keep = heights >= np.quantile(heights, rng.uniform(0.5, 0.75))
    fragment = turned.part(keep).rotated(Rotation.random(None, rng))
    add_projection(potential, fragment, x_px, y_px, pixel_size_angstrom)

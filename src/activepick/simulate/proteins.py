"""Build the densities of simulated proteins.

Size, mass and symmetry are those of well-known single-particle specimens; details are not.
"""

from collections.abc import Callable

import numpy as np

from activepick.errors import SettingsError
from activepick.simulate.densities import Density, Unit, symmetric_density
from activepick.simulate.random_protein import random_density

__all__ = ["PROTEINS", "RANDOM", "protein_density"]

# Prefix of the names of proteins with a random shape.
RANDOM = "random"


def protein_density(protein: str) -> Density:
    """Build the density of a simulated protein.

    Parameters
    ----------
    protein
        A key of `PROTEINS`, or ``random-`` and a number for a random shape
        (`activepick.simulate.random_protein`).

    Returns
    -------
    Density

    Raises
    ------
    SettingsError
        If the name is unknown.
    """
    prefix, _, number = protein.partition("-")
    if prefix == RANDOM and number.isascii() and number.isdigit():
        return random_density(protein, int(number))
    try:
        build = PROTEINS[protein]
    except KeyError:
        known = ", ".join(PROTEINS)
        raise SettingsError(
            f"There is no simulated protein {protein!r}; choose one of {known}, or {RANDOM}-N "
            "with any number N for a random shape."
        ) from None
    return build()


def _barrel() -> Density:
    """Build four stacked rings of seven, 150 Å long, similar to the 20S proteasome (D7)."""
    unit = [
        (38.0, 6.0, 16.0, 10.0, 1.0),
        (46.0, -6.0, 20.0, 9.0, 0.9),
        (33.0, -8.0, 9.0, 7.0, 0.4),
        (35.0, 4.0, 50.0, 10.0, 1.0),
        (44.0, -7.0, 47.0, 9.0, 0.8),
        (22.0, 2.0, 60.0, 7.0, 0.35),
    ]
    return symmetric_density("barrel", "D7", 150.0, 700e3, unit)


def _cage() -> Density:
    """Build a hollow shell of 24 rods, 120 Å across, similar to apoferritin (O)."""
    rod = np.linspace(-1, 1, 5)[:, None]
    centres = np.array([39.0, 25.0, 13.0]) + rod * np.array([-3.0, 15.0, -16.0])
    centres *= 48.5 / np.linalg.norm(centres, axis=1, keepdims=True)
    unit: Unit = [(x, y, z, 8.0, 1.0) for x, y, z in centres.tolist()]
    unit.append((40.0, 13.0, 3.0, 7.0, 0.6))
    return symmetric_density("cage", "O", 120.0, 480e3, unit)


def _globule() -> Density:
    """Build four long subunits, 180 Å across, similar to beta-galactosidase (D2)."""
    unit = [
        (68.0, 12.0, 9.0, 11.0, 1.0),
        (52.0, 28.0, 15.0, 12.0, 1.2),
        (34.0, 40.0, 8.0, 12.0, 1.1),
        (15.0, 52.0, 14.0, 11.0, 0.8),
        (32.0, 14.0, 22.0, 12.0, 1.3),
        (12.0, 26.0, 18.0, 11.0, 1.0),
        (12.0, 8.0, 12.0, 10.0, 0.7),
    ]
    return symmetric_density("globule", "D2", 180.0, 465e3, unit)


def _trefoil() -> Density:
    """Build a three-lobed head on a stalk, 170 Å long, similar to a viral spike (C3)."""
    unit = [
        (24.0, 6.0, 50.0, 11.0, 1.0),
        (40.0, -4.0, 38.0, 10.0, 1.0),
        (16.0, 10.0, 26.0, 10.0, 1.0),
        (30.0, 16.0, 22.0, 9.0, 0.7),
        (17.0, -5.0, 0.0, 9.0, 0.9),
        (15.0, 6.0, -22.0, 8.0, 0.8),
        (11.0, -3.0, -44.0, 7.0, 0.6),
        (7.0, 2.0, -64.0, 6.0, 0.4),
    ]
    return symmetric_density("trefoil", "C3", 170.0, 500e3, unit)


def _duplex() -> Density:
    """Build two unequal lumps without symmetry, 200 Å across, similar to a ribosome (C1)."""
    # A fixed seed, so that the shape is always the same.
    rng = np.random.default_rng(70)

    def lump(
        count: int, centre: tuple[float, float, float], axes: tuple[float, float, float]
    ) -> Unit:
        directions = rng.normal(size=(count, 3))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        points = directions * rng.uniform(size=(count, 1)) ** (1 / 3) * axes + centre
        sigmas = rng.uniform(6.0, 10.0, count)
        return [
            (x, y, z, sigma, sigma**3)
            for (x, y, z), sigma in zip(points.tolist(), sigmas.tolist(), strict=True)
        ]

    unit = [
        *lump(110, (0.0, 8.0, 28.0), (66.0, 58.0, 46.0)),
        *lump(55, (0.0, -4.0, -50.0), (68.0, 40.0, 24.0)),
        (75.0, 20.0, 30.0, 7.0, 300.0),
        (-74.0, 22.0, 18.0, 7.0, 300.0),
    ]
    return symmetric_density("duplex", "C1", 200.0, 1200e3, unit)


PROTEINS: dict[str, Callable[[], Density]] = {
    "barrel": _barrel,
    "cage": _cage,
    "globule": _globule,
    "trefoil": _trefoil,
    "duplex": _duplex,
}

"""Simulate sets of random proteins under varied conditions.

    python benchmarks/varied_sets.py VARIED [--first 0] [--count 64] [--micrographs 2]

Each set has another protein (`activepick.simulate.random_protein`), pixel size, dose, defocus,
crowding, ice, contamination and microscope; the number of a set determines all of them.
"""

import argparse
from pathlib import Path

import numpy as np

from activepick.simulate import Microscope, SimulationSettings, protein_density, simulate_dataset
from activepick.simulate.proteins import RANDOM

# Diameter of a particle in pixels, and side of a micrograph in diameters.
DIAMETER_PX, DIAMETERS = (36.0, 110.0), (8.0, 10.0)
PIXEL_SIZE = (0.6, 6.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("varied", type=Path, nargs="?", help="folder to write the sets to")
    parser.add_argument("--first", type=int, default=0, help="number of the first set")
    parser.add_argument("--count", type=int, default=64)
    parser.add_argument("--micrographs", type=int, default=2)
    options = parser.parse_args()
    if options.varied is None:
        parser.print_usage()
        return
    for number in range(options.first, options.first + options.count):
        settings = varied(number)
        folder = options.varied / settings.protein
        if (folder / "simulation.json").is_file():
            continue
        made = simulate_dataset(folder, options.micrographs, number, settings)
        shape = settings.density
        print(
            f"{settings.protein}: {shape.symmetry}, {shape.diameter_angstrom:.0f} Å, "
            f"{settings.pixel_size_angstrom:.2f} Å a pixel, {made.particles} particles",
            flush=True,
        )


def varied(number: int) -> SimulationSettings:
    """Return the settings of a set, which are determined by its number."""
    rng = np.random.default_rng([number, 2])
    protein = f"{RANDOM}-{number}"
    diameter = protein_density(protein).diameter_angstrom
    wanted = np.exp(rng.uniform(*np.log(DIAMETER_PX)))
    pixel_size = float(np.clip(diameter / wanted, *PIXEL_SIZE))
    side = round(diameter / pixel_size * rng.uniform(*DIAMETERS))
    defocus, ice, crowding = rng.uniform(0.6, 1.5), rng.uniform(150, 350), rng.uniform(0.15, 0.4)
    return SimulationSettings(
        protein=protein,
        shape=(side, side),
        pixel_size_angstrom=pixel_size,
        microscope=Microscope(
            voltage_kv=float(rng.choice([200.0, 300.0])),
            amplitude_contrast=rng.uniform(0.07, 0.1),
            b_factor_angstrom2=rng.uniform(60, 200),
        ),
        defocus_um=(defocus, defocus + rng.uniform(0.3, 1.5)),
        astigmatism_um=rng.uniform(0, 0.08),
        dose_per_angstrom2=rng.uniform(25, 60),
        crowding=(crowding, crowding + rng.uniform(0.05, 0.3)),
        overlap_share=rng.uniform(0, 0.4),
        ice_thickness_angstrom=(ice, ice * rng.uniform(1.2, 2.5)),
        ice_gradient=rng.uniform(0.05, 0.2),
        solvent_phase_rad=rng.uniform(0.02, 0.045),
        denatured_mass_per_angstrom2=rng.uniform(2, 14),
        fragments=rng.uniform(0.1, 0.8),
        aggregates=rng.uniform(0.3, 1.5),
        crystals=rng.uniform(10, 60),
        carbon_share=rng.uniform(0, 0.5),
    )


if __name__ == "__main__":
    main()

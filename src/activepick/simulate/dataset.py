"""Write a folder of simulated micrographs and their true particles."""

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import mrcfile
import numpy as np
import pandas as pd
import starfile

from activepick.atomic import replacing
from activepick.errors import SettingsError
from activepick.simulate.micrograph import SimulatedMicrograph, simulate_micrograph
from activepick.simulate.settings import SimulationSettings

__all__ = ["SimulatedDataset", "simulate_dataset", "simulated_micrographs", "write_mrc"]

# Multiples of these irrational numbers, modulo one, fill an interval evenly for any number of
# micrographs, so that even four of them span the defocus range and the first ones of a set do not
# depend on the size of the set.
DEFOCUS_STEP = (math.sqrt(5) - 1) / 2
CARBON_STEP = math.sqrt(2) - 1


@dataclass(frozen=True)
class SimulatedDataset:
    """Files and properties of a simulated set.

    Attributes
    ----------
    micrographs
        The MRC files, in order.
    truth
        `truth.star`: one block `particles` with `rlnMicrographName` (the file name),
        `rlnCoordinateX` and `rlnCoordinateY` in pixels; of a mixture also `rlnClassNumber`, the
        number of the protein from 1.
    summary
        `simulation.json`: the seed, the settings, the diameter, and the values of each micrograph.
    diameter_angstrom, pixel_size_angstrom
        Diameter of the particles, and pixel size, in Å.
    particles
        Number of particles in the truth.
    """

    micrographs: list[Path]
    truth: Path
    summary: Path
    diameter_angstrom: float
    pixel_size_angstrom: float
    particles: int


def simulated_micrographs(
    settings: SimulationSettings, count: int, seed: int
) -> Iterator[SimulatedMicrograph]:
    """Simulate the micrographs of a set one by one.

    The defocus is distributed evenly over its range, and the carbon edges over the micrographs. A
    longer set with the same seed begins with the same micrographs.

    Parameters
    ----------
    settings
        Settings of the set.
    count
        Number of micrographs.
    seed
        Random seed, 0 or more. The same seed gives the same pixels.

    Yields
    ------
    SimulatedMicrograph

    Raises
    ------
    SettingsError
        If `count` is below 1 or `seed` is negative.
    """
    if count < 1:
        raise SettingsError(f"{count} micrographs cannot be simulated; give 1 or more.")
    if seed < 0:
        raise SettingsError(f"The seed is {seed}; give 0 or a positive number.")
    low, high = settings.defocus_um
    defocus_start, carbon_start = np.random.default_rng([seed]).random(2).tolist()
    for index in range(count):
        yield simulate_micrograph(
            settings,
            [seed, index],
            defocus_um=low + (high - low) * ((defocus_start + index * DEFOCUS_STEP) % 1),
            carbon=(carbon_start + index * CARBON_STEP) % 1 < settings.carbon_share,
        )


def simulate_dataset(
    folder: str | Path,
    micrographs: int = 5,
    seed: int = 0,
    settings: SimulationSettings | None = None,
    *,
    protein: str | None = None,
    mixture: Sequence[str] = (),
    progress: Callable[[int, int], None] | None = None,
) -> SimulatedDataset:
    """Write a set: `micrograph_001.mrc`, ..., `truth.star` and `simulation.json`.

    Parameters
    ----------
    folder
        The folder; it is created if it does not exist. Micrographs with the same names are
        replaced.
    micrographs
        Number of micrographs.
    seed
        Random seed, 0 or more. The same seed gives the same pixels.
    settings
        Settings of the set. With the defaults it is as difficult to pick as real micrographs.
    protein
        Name of the protein; replaces that of the settings.
    mixture
        Names of further proteins among the particles; replace those of the settings.
    progress
        Called with the numbers of finished and of all micrographs, before the first micrograph and
        after each one.

    Returns
    -------
    SimulatedDataset

    Raises
    ------
    SettingsError
        If a value is not valid, or the folder contains micrographs of another set.
    OSError
        If the folder cannot be written to.
    """
    chosen = settings or SimulationSettings()
    if protein is not None:
        chosen = replace(chosen, protein=protein)
    if mixture:
        chosen = replace(chosen, mixture=tuple(mixture))
    target = Path(folder)
    paths = [target / f"micrograph_{number:03d}.mrc" for number in range(1, micrographs + 1)]
    others = sorted(set(target.glob("*.mrc")) - set(paths))
    if others:
        # They would be read as micrographs without particles.
        raise SettingsError(
            f"{target} already contains other micrographs ({others[0].name}); "
            "give an empty or a new folder."
        )
    for stale in ("truth.star", "simulation.json"):
        # After an interruption, new micrographs must not be with the true particles of old ones.
        (target / stale).unlink(missing_ok=True)
    tables = []
    rows = []
    if progress is not None:
        progress(0, micrographs)
    for path, micrograph in zip(
        paths, simulated_micrographs(chosen, micrographs, seed), strict=True
    ):
        write_mrc(micrograph, path)
        tables.append(micrograph.truth.assign(micrograph=path.name))
        rows.append(
            {
                "micrograph": path.name,
                "particles": len(micrograph.truth),
                "defocus": asdict(micrograph.defocus),
                "carbon": micrograph.carbon,
            }
        )
        if progress is not None:
            progress(len(tables), micrographs)
    truth = pd.concat(tables, ignore_index=True)
    _write_truth(truth, chosen.proteins, target / "truth.star")
    summary = {
        "seed": seed,
        "protein": chosen.protein,
        "mixture": list(chosen.mixture),
        "symmetry": chosen.density.symmetry,
        "diameter_angstrom": chosen.diameter_angstrom,
        "pixel_size_angstrom": chosen.pixel_size_angstrom,
        "particles": len(truth),
        "settings": asdict(chosen),
        "micrographs": rows,
    }
    with replacing(target / "simulation.json") as temporary:
        temporary.write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    return SimulatedDataset(
        paths,
        target / "truth.star",
        target / "simulation.json",
        chosen.diameter_angstrom,
        chosen.pixel_size_angstrom,
        len(truth),
    )


def write_mrc(micrograph: SimulatedMicrograph, path: str | Path) -> None:
    """Write a micrograph as MRC mode 2 (float32) with its pixel size in the header.

    Parameters
    ----------
    micrograph
        The micrograph.
    path
        Path of the MRC file.
    """
    with (
        replacing(path) as temporary,
        mrcfile.new(temporary, data=micrograph.pixels, overwrite=True) as file,
    ):
        file.voxel_size = micrograph.pixel_size_angstrom
        # Replaces a line with the time, so that the same seed gives the same files.
        file.header.label[0] = b"Simulated by activepick"


def _write_truth(truth: pd.DataFrame, proteins: Sequence[str], path: Path) -> None:
    table = pd.DataFrame(
        {
            "rlnMicrographName": truth["micrograph"],
            "rlnCoordinateX": truth["x"],
            "rlnCoordinateY": truth["y"],
        }
    )
    if len(proteins) > 1:
        table["rlnClassNumber"] = [1 + proteins.index(name) for name in truth["protein"]]
    with replacing(path) as temporary:
        starfile.write({"particles": table}, temporary, float_format="%.3f")

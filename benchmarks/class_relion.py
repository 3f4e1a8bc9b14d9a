"""Classify the picks of `class_averages.py` with RELION, and evaluate its classes in the same way.

    python benchmarks/class_relion.py --out DIR [--proteins trefoil,globule] [--first-peak]

RELION's program `relion_refine` is required (Debian and Ubuntu have a package ``relion``). The
crops are the same, with phases flipped; RELION's settings are those that its window has by default
for 2D classification: 25 iterations, regularisation 2, rotations in steps of 6 degrees, shifts of
up to 5 pixels, and the CTF of each pick. With --first-peak, the CTF is ignored up to its first
peak, which RELION's window recommends if most particles gather in few classes. RELION's own
averages are corrected for the CTF, so those that are compared with the true projections are made
from the crops with its classes, rotations and shifts. A run whose files are in DIR is not repeated.
"""

import argparse
import resource
import shlex
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import starfile
import torch
from class_averages import crops_of, likenesses, purity, separated, settings_of
from numpy.typing import NDArray
from processor_name import processor

from activepick.classes.crops import CropScale
from activepick.classes.output import write_averages
from activepick.classes.polar import transform
from activepick.simulate import SimulationSettings

ITERATIONS = 25
SETTINGS = shlex.split(
    "--ctf --ctf_phase_flipped --tau2_fudge 2 --flatten_solvent --zero_mask --oversampling 1 "
    "--psi_step 12 --offset_range 5 --offset_step 2 --norm --scale --pool 30 --pad 2 "
    "--dont_combine_weights_via_disc"
)
# Diameter of RELION's mask, in particle diameters.
MASK_DIAMETERS = 1.1


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, help="folder for RELION's files; required")
    parser.add_argument("--proteins", default="trefoil,globule")
    parser.add_argument("--crops", type=int, default=2000)
    parser.add_argument("--classes", type=int, default=20)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1, help="seed of the first classes")
    parser.add_argument("--first-peak", action="store_true", help="ignore CTFs up to a peak")
    parser.add_argument("--cache", type=Path, help="folder to keep the crops in")
    options = parser.parse_args()
    if options.out is None:
        parser.print_usage()
        return
    extra = ["--K", str(options.classes), "--random_seed", str(options.seed)]
    extra += ["--j", str(options.threads)]
    extra += ["--ctf_intact_first_peak"] if options.first_peak else []
    print(f"{processor()}, threads: {options.threads}")
    print(
        "set | purity | largest class | averages | of them 0.8 or more | correlation: mean | CPU s"
        " | separated"
    )
    for name in options.proteins.split(","):
        settings = settings_of(name)
        data = crops_of(settings, options.crops, options.cache)
        folder = options.out / f"{name}{'-first-peak' if options.first_peak else ''}"
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        found = classified(data, settings, folder, extra)
        seconds = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
        classes = found["rlnClassNumber"].to_numpy(int) - 1
        averages = averages_of(data["crops"], found, classes, options.classes, settings)
        alike = likenesses(averages, classes, data, settings)
        print(
            f"{name} | {purity(classes, data['kinds'] == 'particle'):.3f} | "
            f"{np.bincount(classes).max()} | {len(alike)} | {sum(one >= 0.8 for one in alike)} | "
            f"{np.mean(alike) if alike else np.nan:.2f} | {seconds:.0f} | "
            + ", ".join(f"{share:.2f}" for share in separated(classes, data["kinds"])),
            flush=True,
        )


def classified(
    data: dict[str, NDArray[Any]], settings: SimulationSettings, folder: Path, extra: list[str]
) -> pd.DataFrame:
    """Run RELION, and return its table of the particles, in the order of the crops."""
    result = folder / f"run_it{ITERATIONS:03}_data.star"
    if not result.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        write(data, settings, folder)
        width = MASK_DIAMETERS * settings.diameter_angstrom
        command = ["relion_refine", "--i", str(folder / "crops.star"), "--o", str(folder / "run")]
        command += ["--iter", str(ITERATIONS), "--particle_diameter", f"{width:.1f}"]
        with (folder / "log.txt").open("w") as log:
            subprocess.run([*command, *SETTINGS, *extra], check=True, stdout=log, stderr=log)
    found: pd.DataFrame = starfile.read(result)["particles"]
    number = found["rlnImageName"].str.split("@").str[0].astype(int)
    return found.iloc[np.argsort(number.to_numpy())]


def write(data: dict[str, NDArray[Any]], settings: SimulationSettings, folder: Path) -> None:
    """Write a stack of the crops and its STAR file, with the background normalised for RELION."""
    scale, crops = CropScale(settings.diameter_angstrom), data["crops"]
    y, x = np.mgrid[: scale.side, : scale.side] - scale.side // 2
    background = crops[:, np.hypot(x, y) > scale.radius_px]
    mean, deviation = background.mean(axis=1), background.std(axis=1)
    crops = (crops - mean[:, None, None]) / deviation[:, None, None]
    write_averages(crops, folder / "crops.mrcs", scale.pixel_size_angstrom)
    microscope, defocus = settings.microscope, 1e4 * data["defoc"]
    optics = {
        "rlnOpticsGroup": [1],
        "rlnOpticsGroupName": ["simulated"],
        "rlnVoltage": [microscope.voltage_kv],
        "rlnSphericalAberration": [microscope.spherical_aberration_mm],
        "rlnAmplitudeContrast": [microscope.amplitude_contrast],
        "rlnImagePixelSize": [scale.pixel_size_angstrom],
        "rlnImageSize": [scale.side],
        "rlnImageDimensionality": [2],
    }
    particles = {
        "rlnImageName": [f"{row + 1:06}@{folder}/crops.mrcs" for row in range(len(crops))],
        "rlnMicrographName": [f"{one:.0f}.mrc" for one in defocus],
        "rlnDefocusU": defocus,
        "rlnDefocusV": defocus,
        "rlnDefocusAngle": 0.0,
        "rlnOpticsGroup": 1,
    }
    tables = {"optics": pd.DataFrame(optics), "particles": pd.DataFrame(particles)}
    starfile.write(tables, folder / "crops.star")


def averages_of(
    crops: NDArray[np.float32],
    found: pd.DataFrame,
    classes: NDArray[np.intp],
    count: int,
    settings: SimulationSettings,
) -> NDArray[np.float32]:
    """Return the averages (count, side, side) of the crops, aligned as RELION has found."""
    scale = CropScale(settings.diameter_angstrom)
    origin = found[["rlnOriginXAngst", "rlnOriginYAngst"]].to_numpy(np.float32)
    angle = np.deg2rad(found["rlnAnglePsi"].to_numpy(np.float32))
    aligned = transform(
        torch.from_numpy(crops),
        torch.from_numpy(-angle),
        torch.from_numpy(-origin / scale.pixel_size_angstrom),
    ).numpy()
    averages = np.zeros((count, *crops.shape[1:]), np.float32)
    for number in np.unique(classes):
        averages[number] = aligned[classes == number].mean(axis=0)
    return averages


if __name__ == "__main__":
    main()

"""Evaluate class averages on simulated picks of known kind and orientation.

    python benchmarks/class_averages.py [--proteins trefoil,globule] [--crops 2000] [--cache DIR]
    python benchmarks/class_averages.py --true-projections | --true-views

A protein is named, or a set of `varied_sets.py` by its number, such as varied-301.

A quarter of the picks are false: fragments, aggregates, crystals and empty ice, in equal numbers,
at least one particle radius from any particle. The true picks are shifted by 0.07 radii in x and y.
Purity is the share of picks whose kind, particle or not, is that of the majority of their class.
Each average of 50 or more members, most of them particles, is compared with the projections of the
density in the true orientations of up to 40 of its members, under the mean absolute contrast
transfer function, which remains after phase flipping. The result is the highest correlation within
the particle radius, over these projections, rotations in the plane and shifts of up to four pixels.
With --true-views, the classes are begun with true projections in well distributed directions.
"""

import argparse
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from processor_name import processor
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation
from varied_sets import varied

from activepick.classes import descriptor_means, frequencies
from activepick.classes.averages import assign_classes, average_classes
from activepick.classes.comparison import DISC_RADII
from activepick.classes.crops import CropScale
from activepick.classes.descriptors import describe
from activepick.classes.directions import DIMENSIONS
from activepick.classes.output import draw_averages
from activepick.classes.polar import PolarGrid, transform
from activepick.classes.result import ClassAverages
from activepick.micrograph import Micrograph
from activepick.simulate import (
    SimulatedMicrograph,
    SimulationSettings,
    simulated_micrographs,
    write_mrc,
)
from activepick.simulate.optics import Defocus, contrast_transfer, frequency_grid
from activepick.simulate.projection import project

KINDS = ("fragment", "aggregate", "crystal", "empty")
# Displacement of true picks, in particle radii; false picks for each true one; seed of the sets.
MOVED, FALSE, SEED = 0.07, 1 / 3, 11
# Fewest members of an average that is compared, and number of projections to compare it with.
MEMBERS, VIEWS = 50, 40
# Number of projections with which all crops are compared with `--true-projections`.
COMPARED_VIEWS = 80
# Number of refinements from true views, each with three passes over the crops.
REFINEMENTS = 4

Floats = NDArray[np.float64]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--proteins", default="trefoil,globule")
    parser.add_argument("--crops", type=int, default=2000)
    parser.add_argument("--classes", type=int, default=20)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument(
        "--descriptor-variance",
        type=float,
        default=descriptor_means.VARIANCE,
        help="variance of descriptors within a class; with inf, they are not used",
    )
    parser.add_argument("--cache", type=Path, help="folder to keep the crops in")
    parser.add_argument(
        "--true-projections",
        action="store_true",
        help="print only the purity that the true projections give",
    )
    parser.add_argument(
        "--true-views", action="store_true", help="begin the classes with true projections"
    )
    parser.add_argument("--pictures", type=Path, help="folder for a PNG of each set")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    descriptor_means.VARIANCE = options.descriptor_variance
    print(f"{processor()}, {options.device}, threads: {options.threads}")
    print(
        "set | purity with the true projections"
        if options.true_projections
        else "set | purity | particles | averages | of them 0.8 or more | "
        f"correlation: mean, least | CPU s | s | MB | separated: {', '.join(KINDS)}"
    )
    purities: list[float] = []
    likely: list[float] = []
    for name in options.proteins.split(","):
        settings = settings_of(name)
        data = crops_of(settings, options.crops, options.cache)
        if options.true_projections:
            print(f"{name} | {true_projection_purity(data, settings):.3f}", flush=True)
            continue
        radius_px = CropScale(settings.diameter_angstrom).radius_px
        cpu, wall = time.process_time(), time.perf_counter()
        if options.true_views:
            found = from_true_views(data, settings, options.classes)
        else:
            found = average_classes(
                data["crops"], radius_px, options.classes, device=options.device
            )
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        particle = data["kinds"] == "particle"
        alike = likenesses(found.averages, found.classes, data, settings)
        mean, least = (np.mean(alike), np.min(alike)) if alike else (np.nan, np.nan)
        purities.append(purity(found.classes, particle))
        likely += alike
        print(
            f"{name} | {purities[-1]:.3f} | {particle.mean():.3f} | "
            f"{len(alike)} | {sum(one >= 0.8 for one in alike)} | {mean:.2f}, {least:.2f} | "
            f"{cpu:.1f} | {wall:.1f} | {megabytes} | "
            + ", ".join(f"{share:.2f}" for share in separated(found.classes, data["kinds"])),
            flush=True,
        )
        if options.pictures:
            draw(found, particle, options.pictures / f"classes-{name}.png")
    if purities:
        good = sum(one >= 0.8 for one in likely)
        print(f"all | {np.mean(purities):.4f} | | {len(likely)} | {good} | {np.mean(likely):.3f}")


def settings_of(name: str) -> SimulationSettings:
    """Return the settings of a set."""
    number = name.removeprefix("varied-")
    return varied(int(number)) if number != name else SimulationSettings(protein=name)


def crops_of(
    settings: SimulationSettings, count: int, cache: Path | None
) -> dict[str, NDArray[Any]]:
    """Return crops, and for each its kind, orientation (quaternion) and defocus in µm."""
    kept = None if cache is None else cache / f"{settings.protein}.npz"
    if kept is not None and kept.is_file():
        with np.load(kept) as file:
            return {name: file[name][:count] for name in ("crops", "kinds", "rots", "defoc")}
    rng = np.random.default_rng([SEED, 5])
    scale = CropScale(settings.diameter_angstrom)
    parts: dict[str, list[NDArray[Any]]] = {
        "crops": [],
        "kinds": [],
        "rots": [],
        "defoc": [],
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "one.mrc"
        for micrograph in simulated_micrographs(settings, count, SEED):
            xy, kinds, rotations = picks(micrograph, settings, rng)
            write_mrc(micrograph, path)
            defocus_um = micrograph.defocus.mean_um
            parts["crops"].append(
                scale.crops(Micrograph(path), xy, 1e4 * defocus_um, settings.microscope)
            )
            parts["kinds"].append(np.array(kinds))
            parts["rots"].append(rotations)
            parts["defoc"].append(np.full(len(xy), defocus_um))
            if sum(map(len, parts["kinds"])) >= count:
                break
    data = {name: np.concatenate(values)[:count] for name, values in parts.items()}
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        np.savez(kept, **data)  # type: ignore[arg-type]
    return data


def picks(
    micrograph: SimulatedMicrograph, settings: SimulationSettings, rng: np.random.Generator
) -> tuple[Floats, list[str], Floats]:
    """Return positions (n, 2), kinds and orientations (n, 4) of true and false picks."""
    radius = settings.radius_px
    farthest = np.array(settings.shape[::-1]) - 1 - radius
    truth = micrograph.truth[["x", "y"]].to_numpy()
    true = np.flatnonzero(((truth >= radius) & (truth <= farthest)).all(axis=1))
    moved = truth[true] + rng.normal(0, MOVED * radius, (len(true), 2))
    tree = cKDTree(truth)
    others = micrograph.contaminants
    spots = others[["x", "y"]].to_numpy(float)
    usable = np.asarray(((spots >= radius) & (spots <= farthest)).all(axis=1), bool)
    usable[usable] = tree.query(spots[usable])[0] > radius
    empty = rng.uniform(radius, farthest, (4000, 2))
    pools = {kind: spots[usable & (others["kind"] == kind).to_numpy(bool)] for kind in KINDS[:3]}
    pools["empty"] = empty[tree.query(empty)[0] > 1.2 * radius]
    waiting = {kind: list(rng.permutation(pool)) for kind, pool in pools.items()}
    wanted = round(FALSE * len(true))
    false: list[Floats] = []
    kinds: list[str] = []
    turn = 0
    while len(false) < wanted and any(waiting.values()):
        kind = KINDS[turn % len(KINDS)]
        turn += 1
        if waiting[kind]:
            spot = waiting[kind].pop()
            if not false or np.hypot(*(np.array(false) - spot).T).min() > radius:
                false.append(spot)
                kinds.append(kind)
    rotations = np.concatenate(
        [micrograph.orientations[true].as_quat(), np.tile([0.0, 0, 0, 1], (len(false), 1))]
    )
    xy = np.concatenate([moved, np.array(false).reshape(-1, 2)])
    return xy, ["particle"] * len(true) + kinds, rotations


def purity(classes: NDArray[np.intp], particle: NDArray[np.bool_]) -> float:
    """Return the share of picks that are of the most frequent kind in their class."""
    true = np.bincount(classes, particle)
    both = np.bincount(classes)
    return float(np.maximum(true, both - true).sum() / len(classes))


def separated(classes: NDArray[np.intp], kinds: NDArray[np.str_]) -> list[float]:
    """Return the share of the false picks of each kind in classes with few particles."""
    true = np.bincount(classes, kinds == "particle")
    is_junk = 2 * true <= np.bincount(classes)
    return [float(is_junk[classes[kinds == kind]].mean()) for kind in KINDS]


def likenesses(
    averages: NDArray[np.float32],
    classes: NDArray[np.intp],
    data: dict[str, NDArray[Any]],
    settings: SimulationSettings,
) -> list[float]:
    """Return the correlation of each average with the best true projection of its members."""
    scale = CropScale(settings.diameter_angstrom)
    side, particle = scale.side, data["kinds"] == "particle"
    y, x = np.mgrid[:side, :side] - side // 2
    disc = np.hypot(x, y) <= scale.radius_px
    grid = PolarGrid.of(scale.radius_px)
    steps = torch.arange(-4.0, 5.0, 2.0)
    shifts = torch.cartesian_prod(steps, steps)

    def spectra(images: Floats, centres: torch.Tensor) -> torch.Tensor:
        """Return spectra of images (n, side, side) with mean 0 and norm 1 in the disc."""
        flat = images - images[:, disc].mean(axis=1)[:, None, None]
        made = grid.spectra(torch.from_numpy(flat.astype(np.float32)), centres)
        return made / grid.norms(made).sqrt()[None, :, None]

    found_likenesses = []
    for number in range(len(averages)):
        own = np.flatnonzero(classes == number)
        true = own[particle[own]]
        if len(own) < MEMBERS or 2 * len(true) <= len(own):
            continue
        views = true[np.linspace(0, len(true) - 1, min(VIEWS, len(true))).astype(int)]
        projections = true_projections(data, settings, views, true)
        true_spectra = spectra(projections, torch.zeros((len(views), 2)))
        copies = np.repeat(averages[number][None], len(shifts), axis=0)
        found_likenesses.append(
            float(grid.correlations(true_spectra, spectra(copies, shifts)).max())
        )
    return found_likenesses


def true_projections(
    data: dict[str, NDArray[Any]],
    settings: SimulationSettings,
    views: NDArray[np.intp],
    transferred: NDArray[np.intp],
) -> Floats:
    """Return the projections (n, side, side) of the density in the orientations of some picks.

    They are under the mean absolute contrast transfer function of the picks `transferred`.
    """
    scale = CropScale(settings.diameter_angstrom)
    side = scale.side
    kx, ky = frequency_grid((side, side), scale.pixel_size_angstrom)
    transfers = [
        np.abs(contrast_transfer(kx, ky, settings.microscope, Defocus(float(defocus))))
        for defocus in np.unique(data["defoc"][transferred])
    ]
    transfer = np.mean(transfers, axis=0)
    projections = []
    for view in views:
        turned = settings.density.rotated(Rotation.from_quat(data["rots"][view]))
        plain = project(turned, side + 1, scale.pixel_size_angstrom)[:side, :side]
        projections.append(np.fft.irfft2(np.fft.rfft2(plain) * transfer, s=plain.shape))
    return np.array(projections)


def true_projection_purity(data: dict[str, NDArray[Any]], settings: SimulationSettings) -> float:
    """Return the purity of two classes that are told apart with the truth.

    Each crop is compared with true projections, and the best threshold of the logarithm of the
    likelihood ratio between its best projection and noise is chosen with the true kinds.
    """
    particle, scale = data["kinds"] == "particle", CropScale(settings.diameter_angstrom)
    true = np.flatnonzero(particle)
    views = np.sort(np.random.default_rng(SEED).choice(true, COMPARED_VIEWS, replace=False))
    references, whitened, noise = whitened_projections(data, settings, views)
    # Equal for all projections, so that only the pixels are compared.
    descriptors = np.zeros((COMPARED_VIEWS, DIMENSIONS), np.float32)
    known = ClassAverages.without_members(
        references.numpy(), references.numpy(), noise.numpy(), descriptors
    )
    found = assign_classes(data["crops"], scale.radius_px, known, device="cpu")
    angle, shift = torch.from_numpy(found.angle_rad), torch.from_numpy(found.shift_px)
    own = references[torch.from_numpy(found.classes)]
    # The references are 0 outside the disc.
    products = (transform(whitened, angle, shift) * own).sum((1, 2))
    ratio = (products - (own**2).sum((1, 2)) / 2).numpy()
    sorted_kinds = particle[np.argsort(ratio)]
    right = np.append(0, np.cumsum(~sorted_kinds)) + np.append(
        np.cumsum(sorted_kinds[::-1])[::-1], 0
    )
    return float(right.max() / len(particle))


def from_true_views(
    data: dict[str, NDArray[Any]], settings: SimulationSettings, count: int
) -> ClassAverages:
    """Return classes that are begun with true projections, and with means of the false picks.

    The projections are those of particles whose directions are far from each other. The classes
    are then refined from the crops alone.
    """
    kinds, scale = data["kinds"], CropScale(settings.diameter_angstrom)
    true = np.flatnonzero(kinds == "particle")
    direction = Rotation.from_quat(data["rots"][true]).inv().apply([0.0, 0.0, 1.0])
    chosen = [0]
    while len(chosen) < count - len(KINDS):
        chosen.append(int((direction @ direction[chosen].T).max(axis=1).argmin()))
    references, whitened, noise = whitened_projections(data, settings, true[chosen])
    disc = frequencies.disc(scale.side, DISC_RADII * scale.radius_px, references.device)
    with torch.inference_mode():
        values = describe(torch.from_numpy(data["crops"]), scale.radius_px, lambda fraction: None)
    own = [kinds == kind for kind in KINDS if (kinds == kind).any()]
    junk = torch.stack([whitened[torch.from_numpy(mask)].mean(0) * disc for mask in own])
    means = [values[torch.from_numpy(true)].mean(0)] * len(chosen)
    means += [values[torch.from_numpy(mask)].mean(0) for mask in own]
    begun = torch.cat([references, junk]).numpy()
    found = ClassAverages.without_members(begun, begun, noise.numpy(), torch.stack(means).numpy())
    for _ in range(REFINEMENTS):
        found = average_classes(data["crops"], scale.radius_px, start=found, device="cpu")
    return found


def whitened_projections(
    data: dict[str, NDArray[Any]], settings: SimulationSettings, views: NDArray[np.intp]
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return true projections of some picks, all crops, and the noise by which both are whitened.

    The projections have the mean contrast of particles, and are 0 outside the disc.
    """
    crops, scale = torch.from_numpy(data["crops"]), CropScale(settings.diameter_angstrom)
    shells = frequencies.shells(scale.side, crops.device)
    disc = frequencies.disc(scale.side, DISC_RADII * scale.radius_px, crops.device)
    noise = frequencies.mean_power(crops, shells)
    true = np.flatnonzero(data["kinds"] == "particle")
    projections = true_projections(data, settings, views, true).astype(np.float32)
    references = frequencies.whitened(torch.from_numpy(projections), noise, shells) * disc
    parts = torch.split(crops, 128)
    whitened = torch.cat([frequencies.whitened(part, noise, shells) for part in parts])
    references *= (whitened[views] * references).sum() / (references**2).sum()
    return references, whitened, noise


def draw(found: ClassAverages, particle: NDArray[np.bool_], path: Path) -> None:
    """Draw the averages by size, with the number of members and the share of true particles."""
    order = np.argsort(-found.sizes, kind="stable")
    order = order[found.sizes[order] > 0]
    shares = [100 * particle[found.classes == number].mean() for number in order]
    captions = [
        f"{size}, {share:.0f}% true"
        for size, share in zip(found.sizes[order].tolist(), shares, strict=True)
    ]
    draw_averages(found.averages[order], captions, path)


if __name__ == "__main__":
    main()

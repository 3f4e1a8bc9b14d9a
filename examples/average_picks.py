"""Average picks by class, and print which classes contain particles.

The picks are all particles of simulated micrographs, and a third as many positions between them.

    python examples/average_picks.py --out averaged
"""

import argparse
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree

from activepick.classes.crops import CropScale
from activepick.classes.output import draw_averages
from activepick.classes.picks import MicrographPicks, average_picks
from activepick.micrograph import Micrograph
from activepick.simulate import SimulationSettings, simulated_micrographs, write_mrc


def main(out: Path, micrographs: int, side: int) -> None:
    """Simulate, average, and print the content of each class."""
    settings = SimulationSettings(protein="trefoil", shape=(side, side), overlap_share=0.0)
    rng = np.random.default_rng(0)
    out.mkdir(parents=True, exist_ok=True)
    parts, is_particle = [], []
    for number, made in enumerate(simulated_micrographs(settings, micrographs, seed=0), 1):
        write_mrc(made, out / f"{number}.mrc")
        true = made.truth[["x", "y"]].to_numpy()
        places = rng.uniform(0, side, (1000, 2))
        between = places[cKDTree(true).query(places)[0] > settings.radius_px][: len(true) // 3]
        xy = np.concatenate([true, between])
        defocus = 1e4 * made.defocus.mean_um
        picks = MicrographPicks(Micrograph(out / f"{number}.mrc"), xy, np.zeros(len(xy)), defocus)
        parts.append(picks)
        is_particle += [True] * len(true) + [False] * len(between)

    found = average_picks(parts, CropScale(settings.diameter_angstrom), count=10)
    averages, kinds = found.averages, np.array(is_particle)[found.rows]
    captions = []
    for one in np.argsort(-averages.sizes):
        share = kinds[averages.classes == one].mean() if averages.sizes[one] else 0.0
        captions.append(f"{averages.sizes[one]}: {share:.0%}")
        print(f"{averages.sizes[one]:>5} members, {share:.0%} particles")
    draw_averages(averages.averages[np.argsort(-averages.sizes)], captions, out / "averages.png")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("averaged"), help="folder to write to")
    parser.add_argument("--micrographs", type=int, default=8)
    parser.add_argument("--side", type=int, default=1024, help="side of a micrograph in pixels")
    options = parser.parse_args()
    main(options.out, options.micrographs, options.side)

"""Make the directions of simulated proteins that are shipped with the program.

    for p in barrel cage globule trefoil duplex; do
        activepick simulate SIM/$p --protein $p --micrographs 6 --seed 1
    done
    python benchmarks/simulated_prior.py SIM [--out FILE]

For each protein and each pair of its micrographs a head is fitted to all true particles and to as
many of the best false peaks, with the pretrained head as the mean of its prior; the difference
between the two is a direction.
"""

import argparse
from pathlib import Path

import numpy as np
from known_sets import Dataset, load_datasets
from scipy.spatial import cKDTree

from activepick.features.scales import side_by_side
from activepick.learning.fit import HeadFit
from activepick.learning.head import Head, pretrained_head
from activepick.learning.learner import Learner, LearnerSettings
from activepick.learning.simulated_prior import SHIPPED, save_directions
from activepick.scoremap import separated_peaks

# Weight of the L2 term that ties each head to the pretrained one, as in `heads combine`.
TIE = 15.0


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("simulated", type=Path, nargs="?", help="folder of simulated sets")
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--out", type=Path, default=SHIPPED)
    options = parser.parse_args()
    if options.simulated is None:
        parser.print_usage()
        return
    proteins = {}
    for name, data in load_datasets(Path(), options.cache, options.simulated).items():
        pairs = range(len(data.micrographs) // data.train)
        found = [difference(data, seed) for seed in pairs]
        proteins[name] = np.stack([rows for rows, _ in found])
        spec = found[0][1].spec
        print(f"{name}: {len(found)} directions, {np.linalg.norm(proteins[name], axis=(1, 2))}")
    save_directions(proteins, spec, options.out)


def difference(data: Dataset, seed: int) -> tuple[np.ndarray, Head]:
    """Return the weights of a pair of micrographs less the pretrained ones, and the first head."""
    train, _ = data.split(seed)
    files = [data.micrographs[i] for i in train]
    engine, backbone = data.engine, data.engine.extractor.backbone
    best = engine.best_radius(files)
    radii = side_by_side(best)
    first = pretrained_head(engine.spec(radii), backbone.weights, backbone.bias, best)
    features = [engine.features(file, radii) for file in files]
    learner = Learner(features, first, LearnerSettings(fit=HeadFit(l2=TIE)), seed)
    rng = np.random.default_rng(seed)
    for index, (part, i) in enumerate(zip(features, train, strict=True)):
        truth = data.truth[i]
        peaks = separated_peaks(part.score_map(first.weights, first.bias)).xy
        false = peaks[cKDTree(truth).query(peaks)[0] > part.radius_px][: 2 * len(truth)]
        some = rng.permutation(len(false))[: len(truth)]
        learner.add(index, truth, np.ones(len(truth)))
        learner.add(index, false[some], np.zeros(len(some)))
    return learner.refit().weights - first.weights, first


if __name__ == "__main__":
    main()

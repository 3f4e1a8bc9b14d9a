"""What a wrong diameter costs.

    python benchmarks/wrong_diameter.py [--data DIR] [--simulated DIR] [--seeds 2]

The default method runs with the right diameter, with 0.8 and with 1.2 times of it; answers and
matches go by the right one. Average precision after 0, 10 and 50 answers.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from known_sets import DATA, Dataset, load_datasets

from activepick.benchmark.oracle import Oracle, learn
from activepick.learning.learner import Learner
from activepick.learning.start import starting_head
from activepick.metrics import average_precision, match
from activepick.picking.score_peaks import score_peaks

FACTORS = (1.0, 0.8, 1.2)
COUNTS = (0, 10, 50)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--simulated", type=Path, help="folder of simulated sets, to add them")
    parser.add_argument("--seeds", type=int, default=2)
    options = parser.parse_args()
    rows = []
    for name, data in load_datasets(options.data, options.cache, options.simulated).items():
        for factor in FACTORS:
            for seed in range(options.seeds):
                rows += [(name, factor, *point) for point in curve(data, seed, factor)]
    table = pd.DataFrame(rows, columns=["set", "diameter", "labels", "ap"])
    means = table.pivot_table(index=["set", "diameter"], columns="labels", values="ap", sort=False)
    print(means.round(3).to_string())


def curve(data: Dataset, seed: int, factor: float) -> list[tuple[int, float]]:
    right = data.engine.diameter_angstrom
    engine = replace(data.engine, diameter_angstrom=factor * right)
    train, test = data.split(seed)
    first = starting_head(engine, [data.micrographs[i] for i in train], leave_out=data.simulated)
    radii = first.spec.working_radii
    features = [engine.features(data.micrographs[i], radii) for i in train]
    others = [engine.features(data.micrographs[i], radii) for i in test]
    radius = data.micrographs[0].radius_px(right)
    oracle = Oracle([data.truth[i] for i in train], [radius] * len(train))
    learner, rng = Learner(features, first, seed=seed), np.random.default_rng(seed)
    points, answers = [], 0
    for count in COUNTS:
        while answers < count:
            answers += learn(learner, oracle, min(10, count - answers), "active", rng)
        scores, hits = [], []
        for part, i in zip(others, test, strict=True):
            head = learner.head
            places, values = score_peaks(part.score_map(head.weights, head.bias))
            scores.append(values)
            hits.append(match(places, data.truth[i], radius))
        total = sum(len(data.truth[i]) for i in test)
        ap = average_precision(np.concatenate(scores), np.concatenate(hits), total)
        points.append((count, ap))
    return points


if __name__ == "__main__":
    main()

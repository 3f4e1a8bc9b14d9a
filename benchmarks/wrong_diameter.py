"""Accuracy with a wrong diameter.

    python benchmarks/wrong_diameter.py [--data DIR] [--simulated DIR] [--seeds 2]

The default method is run with the correct diameter, and with 0.8 and 1.2 times this diameter; the
oracle and the evaluation use the correct one. Average precision after 0, 10 and 50 answers.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
from known_sets import Dataset, load_datasets, parser_of, precision

from activepick.benchmark.oracle import Oracle, learn
from activepick.learning.initial_head import starting_head
from activepick.learning.learner import Learner

FACTORS = (1.0, 0.8, 1.2)
COUNTS = (0, 10, 50)


def main() -> None:
    options = parser_of(__doc__).parse_args()
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
    truth = [data.truth[i] for i in test]
    radius = data.micrographs[0].radius_px(right)
    oracle = Oracle([data.truth[i] for i in train], [radius] * len(train))
    learner, rng = Learner(features, first, seed=seed), np.random.default_rng(seed)
    points, answers = [], 0
    for count in COUNTS:
        while answers < count:
            answers += learn(learner, oracle, min(10, count - answers), "active", rng)
        points.append((count, precision(learner.head, others, truth, radius)))
    return points


if __name__ == "__main__":
    main()

"""What it costs to look at the coarse scale from fewer sides than in training, and what it saves.

    ACTIVEPICK_DATA=... python benchmarks/sides.py [--seeds 2] [--labels 100] [--micrographs 3]

A head learns as the default does, from the mean of four sides. It then picks from four, two and one
of them. Average precision on some micrographs that were not learnt from, mean over rotations of the
two training micrographs; multiply-adds are those of both scales of one micrograph. Limit: two
sides, which `activepick pick` takes, lose at most 0.005 against four.
"""

import argparse
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from known_sets import Dataset, load_datasets
from torch.utils.flop_counter import FlopCounterMode

from activepick.benchmark.curves import learned_head
from activepick.benchmark.methods import METHODS
from activepick.learning.head import Head
from activepick.metrics import evaluate
from activepick.picking.picker import pick_score_map

SIDES, LIMIT = (4, 2, 1), 0.005


def precision(data: Dataset, head: Head, test: list[int], sides: int) -> tuple[float, float]:
    """Give the average precision and the multiply-adds of a micrograph in 1e9."""
    engine = replace(data.engine, sides=sides)
    picks, truth = [], []
    with FlopCounterMode(display=False) as counter:
        for index in test:
            file = data.micrographs[index]
            scores = engine.score_map(file, head.spec.working_radii, head.weights, head.bias)
            picks.append(pick_score_map(scores, file.name, file.shape, threshold=0))
            own = pd.DataFrame(data.truth[index], columns=["x", "y"])
            truth.append(own.assign(micrograph=file.name))
    radius = data.micrographs[test[0]].radius_px(engine.diameter_angstrom)
    result = evaluate(pd.concat(picks), pd.concat(truth), radius)
    return result.ap, counter.get_total_flops() / 2e9 / len(test)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--labels", type=int, default=100)
    parser.add_argument("--micrographs", type=int, default=3)
    options = parser.parse_args()
    missed = False
    with tempfile.TemporaryDirectory() as cache:
        for name, data in load_datasets(cache=Path(cache)).items():
            found = []
            for seed in range(options.seeds):
                head = learned_head(METHODS["active"], data, seed, options.labels, 10)
                test = data.split(seed)[1][: options.micrographs]
                found.append([precision(data, head, test, sides) for sides in SIDES])
            means = np.mean(found, axis=0)
            print(f"{name}, {options.labels} labels")
            print(f"{'sides':>6}{'AP':>8}{'lost':>8}{'1e9 multiply-adds':>20}")
            for sides, (ap, operations) in zip(SIDES, means, strict=True):
                print(f"{sides:>6}{ap:>8.4f}{means[0][0] - ap:>8.4f}{operations:>20.0f}")
            missed |= bool(means[0][0] - means[1][0] > LIMIT)
    print(f"limit: two sides lose {LIMIT:g}")
    sys.exit(bool(missed))


if __name__ == "__main__":
    main()

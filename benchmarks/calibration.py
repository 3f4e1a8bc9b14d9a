"""Whether probabilities mean what they say, and when to stop.

    python benchmarks/calibration.py [--data DIR] [--simulated DIR] [--seeds 2]

An oracle answers; after 30, 50 and 100 answers the calibrated probabilities of all peaks of the
micrographs that were not learnt from are compared with the truth: the expected calibration error,
predicted and true precision of the picks of at least 0.5, predicted number of particles as a share
of the true one. Then the number of answers at which the stopping rule stops, and what average
precision is lost against 200 answers.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from known_sets import DATA, Dataset, load_datasets
from numpy.typing import NDArray
from scipy.special import expit

from activepick.benchmark.oracle import Oracle, learn
from activepick.features.feature_map import MicrographFeatures
from activepick.learning.calibration import (
    expected_particles,
    expected_precision,
    reliability_error,
)
from activepick.learning.learner import Learner
from activepick.learning.start import starting_head
from activepick.learning.stopping import StoppingRule
from activepick.metrics import average_precision, match
from activepick.picking.score_peaks import score_peaks

COUNTS = (30, 50, 100)
LAST = 200
Row = tuple[object, ...]
Features = list[MicrographFeatures]
Truth = list[NDArray[np.float64]]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--simulated", type=Path, help="folder of simulated sets, to add them")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--strategy", default="mixed")
    options = parser.parse_args()
    rows: list[Row] = []
    stops: list[Row] = []
    for name, data in load_datasets(options.data, options.cache, options.simulated).items():
        for seed in range(options.seeds):
            measure(name, data, seed, options.strategy, rows, stops)
    columns = ["set", "answers", "error", "error as is", "precision", "true", "count"]
    table = pd.DataFrame(rows, columns=columns)
    print(table.groupby(["set", "answers"], sort=False).mean().round(3).to_string())
    print(
        "mean", table.drop(columns="set").groupby("answers").mean().round(3).to_string(), sep="\n"
    )
    stop = pd.DataFrame(stops, columns=["set", "stopped at", "AP lost"])
    print(stop.groupby("set", sort=False).mean().round(3).to_string())


def measure(
    name: str, data: Dataset, seed: int, strategy: str, rows: list[Row], stops: list[Row]
) -> None:
    train, test = data.split(seed)
    first = starting_head(
        data.engine, [data.micrographs[i] for i in train], leave_out=data.simulated
    )
    radii = first.spec.working_radii
    features = [data.engine.features(data.micrographs[i], radii) for i in train]
    others = [data.engine.features(data.micrographs[i], radii) for i in test]
    truth = [data.truth[i] for i in test]
    oracle = Oracle([data.truth[i] for i in train], [part.radius_px for part in features])
    learner, rng = Learner(features, first, seed=seed), np.random.default_rng(seed)
    peaks = [part.at(score_peaks(learner.score_map(i))[0]) for i, part in enumerate(features)]
    rule = StoppingRule(np.concatenate(peaks))
    rule.settled(first)
    answers, stopped = 0, None
    while answers < LAST:
        answered = learn(learner, oracle, 10, strategy, rng)
        answers += answered
        if rule.settled(learner.head) and stopped is None:
            stopped = (answers, precision_of(learner, others, truth))
        if answers in COUNTS:
            scores, hits, count = judge(learner, others, truth)
            p = learner.calibration().probability(scores)
            taken = p >= 0.5
            rows.append(
                (
                    name,
                    answers,
                    reliability_error(p, hits),
                    reliability_error(expit(scores), hits),
                    expected_precision(p, 0.5),
                    hits[taken].mean() if taken.any() else float("nan"),
                    expected_particles(p) / count,
                )
            )
        if not answered:
            break
    last = precision_of(learner, others, truth)
    at, then = stopped or (answers, last)
    stops.append((name, at, last - then))


def judge(
    learner: Learner, others: Features, truth: Truth
) -> tuple[NDArray[np.float64], NDArray[np.bool_], int]:
    """Give score and truth of all peaks, and the number of true particles."""
    scores, hits = [], []
    for part, xy in zip(others, truth, strict=True):
        places, values = score_peaks(part.score_map(learner.head.weights, learner.head.bias))
        scores.append(values)
        hits.append(match(places, xy, part.radius_px))
    return np.concatenate(scores), np.concatenate(hits), sum(map(len, truth))


def precision_of(learner: Learner, others: Features, truth: Truth) -> float:
    scores, hits, count = judge(learner, others, truth)
    return average_precision(scores, hits, count)


if __name__ == "__main__":
    main()

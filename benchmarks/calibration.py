"""Calibration of the probabilities, and the stopping rule.

    python benchmarks/calibration.py [--data DIR] [--simulated DIR] [--seeds 2]

An oracle answers; after 30, 50 and 100 answers the calibrated probabilities of all peaks of the
micrographs for evaluation are compared with the truth: the expected calibration error, predicted
and true precision of the picks at probability 0.5, predicted number of particles as a share of the
true one. Then the number of answers at which the stopping rule stops, and the average precision
that is lost against 200 answers.
"""

import numpy as np
import pandas as pd
from known_sets import Dataset, judge, load_datasets, parser_of, precision
from numpy.typing import NDArray
from scipy.special import expit
from stopping_rule import StoppingRule

from activepick.benchmark.oracle import Oracle, learn
from activepick.learning.calibration import expected_particles, expected_precision
from activepick.learning.initial_head import starting_head
from activepick.learning.learner import Learner
from activepick.scoremap import separated_peaks

COUNTS = (30, 50, 100)
LAST = 200
Row = tuple[object, ...]


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--strategy", default="active")
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
    peaks = [part.at(separated_peaks(learner.score_map(i)).xy) for i, part in enumerate(features)]
    rule = StoppingRule(np.concatenate(peaks))
    rule.settled(first)
    answers, stopped = 0, None
    while answers < LAST:
        answered = learn(learner, oracle, 10, strategy, rng)
        answers += answered
        if rule.settled(learner.head) and stopped is None:
            stopped = (answers, precision(learner.head, others, truth))
        if answers in COUNTS:
            scores, hits = judge(learner.head, others, truth)
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
                    expected_particles(p) / sum(map(len, truth)),
                )
            )
        if not answered:
            break
    last = precision(learner.head, others, truth)
    at, then = stopped or (answers, last)
    stops.append((name, at, last - then))


def reliability_error(
    probability: NDArray[np.float64], particle: NDArray[np.bool_], bins: int = 10
) -> float:
    """Compute the expected calibration error (Naeini, Cooper and Hauskrecht, AAAI 2015).

    The mean distance of probability and share of particles over bins of equal width, each weighted
    with its number of peaks.

    Parameters
    ----------
    probability
        Probability of each peak, shape (n,).
    particle
        Whether each peak is a particle, shape (n,).
    bins
        Number of bins.
    """
    index = np.minimum((probability * bins).astype(int), bins - 1)
    gaps = np.bincount(index, probability - particle, minlength=bins)
    return float(np.abs(gaps).sum() / max(len(probability), 1))


if __name__ == "__main__":
    main()

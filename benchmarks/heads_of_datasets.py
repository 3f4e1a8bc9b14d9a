"""What the heads of other datasets are worth on a new one.

    activepick simulate SIM/barrel --protein barrel --micrographs 6 --seed 1     # and the others
    python benchmarks/heads_of_datasets.py --simulated SIM [--data DIR] [--seeds 2]

One dataset is left out at a time. Heads are trained with 100 answers on each of the others and
combined; the generic head picks the one left out, and its first labels are learnt on top of it.
Average precision on micrographs that nothing learnt from, against Topaz's pretrained classifier and
learning from there.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from known_sets import DATA, Dataset, load_datasets
from numpy.typing import NDArray

from activepick.benchmark.oracle import Oracle, learn
from activepick.features.feature_map import MicrographFeatures
from activepick.learning.head import Head
from activepick.learning.learner import Learner
from activepick.learning.library import combine, on_scales_of
from activepick.learning.simulated_prior import with_simulated_prior
from activepick.learning.start import starting_head
from activepick.metrics import average_precision, match
from activepick.picking.score_peaks import score_peaks

COUNTS = (0, 10, 25, 50, 100)
Truth = list[NDArray[np.float64]]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--simulated", type=Path, help="folder of simulated sets")
    parser.add_argument("--seeds", type=int, default=2)
    options = parser.parse_args()
    sets = load_datasets(options.data, options.cache, options.simulated)
    trained: dict[str, list[Head]] = {}
    rows = []
    for name, data in sets.items():
        trained[name] = []
        for seed in range(options.seeds):
            learner, curve = course(data, seed, None)
            trained[name].append(replace(learner.head, evidence=learner.evidence()))
            rows += [(name, "pretrained", count, ap) for count, ap in curve]
    for name, data in sets.items():
        others = [head for other, heads in trained.items() if other != name for head in heads]
        backbone = data.engine.extractor.backbone
        weights = np.zeros_like(others[0].weights)
        weights[0] = backbone.weights
        first = replace(others[0], weights=weights, bias=backbone.bias, evidence=None, mean=None)
        first = with_simulated_prior(replace(first, directions=None), data.simulated)
        generic = combine(others, first).generic
        for seed in range(options.seeds):
            _, curve = course(data, seed, generic)
            rows += [(name, "generic", count, ap) for count, ap in curve]
    table = pd.DataFrame(rows, columns=["set", "from", "labels", "ap"])
    means = table.pivot_table(index=["set", "from"], columns="labels", values="ap", sort=False)
    print(means.round(3).to_string())
    print("mean of all")
    print(means.groupby("from", sort=False).mean().round(4).to_string())


def course(
    data: Dataset, seed: int, generic: Head | None
) -> tuple[Learner, list[tuple[int, float]]]:
    """Answer 100 questions, and give the learner and its average precision on the way."""
    train, test = data.split(seed)
    first = starting_head(
        data.engine, [data.micrographs[i] for i in train], leave_out=data.simulated
    )
    if generic is not None:
        first = on_scales_of(generic, first.spec)
    radii = first.spec.working_radii
    features = [data.engine.features(data.micrographs[i], radii) for i in train]
    others = [data.engine.features(data.micrographs[i], radii) for i in test]
    truth = [data.truth[i] for i in test]
    oracle = Oracle([data.truth[i] for i in train], [part.radius_px for part in features])
    learner, rng = Learner(features, first, seed=seed), np.random.default_rng(seed)
    curve = [(0, precision(learner.head, others, truth))]
    answers = 0
    for count in COUNTS[1:]:
        while answers < count:
            answered = learn(learner, oracle, min(10, count - answers), "active", rng)
            if not answered:
                break
            answers += answered
        curve.append((count, precision(learner.head, others, truth)))
    return learner, curve


def precision(head: Head, features: list[MicrographFeatures], truth: Truth) -> float:
    scores, hits = [], []
    for part, xy in zip(features, truth, strict=True):
        places, values = score_peaks(part.score_map(head.weights, head.bias))
        scores.append(values)
        hits.append(match(places, xy, part.radius_px))
    count = sum(map(len, truth))
    return average_precision(np.concatenate(scores), np.concatenate(hits), count)


if __name__ == "__main__":
    main()

"""Accuracy of the heads of other datasets on a new one.

    activepick simulate SIM/barrel --protein barrel --micrographs 6 --seed 1     # and the others
    python benchmarks/heads_of_datasets.py --simulated SIM [--data DIR] [--seeds 2]

One dataset is left out at a time. Heads are trained with 100 answers on each of the others and
combined, two from each; the generic head picks the one left out, and is the initial head for its
first labels. Average precision on micrographs for evaluation, against learning from Topaz's
pretrained classifier alone ("classifier") and with the directions of simulated proteins in the
prior ("default").
"""

from dataclasses import replace

import numpy as np
import pandas as pd
from known_sets import Dataset, load_datasets, parser_of, precision

from activepick.benchmark.oracle import Oracle, learn
from activepick.learning.combine import combine, on_scales_of
from activepick.learning.head import Head
from activepick.learning.initial_head import starting_head
from activepick.learning.learner import Learner
from activepick.learning.simulated_prior import with_simulated_prior

COUNTS = (0, 10, 25, 50, 100)
# Heads of each dataset in the library.
LIBRARY = 2


def main() -> None:
    options = parser_of(__doc__).parse_args()
    sets = load_datasets(options.data, options.cache, options.simulated)
    trained: dict[str, list[Head]] = {}
    rows = []
    for name, data in sets.items():
        trained[name] = []
        for seed in range(options.seeds):
            _, curve = course(data, seed, None, simulated=False)
            rows += [(name, "classifier", count, ap) for count, ap in curve]
            learner, curve = course(data, seed, None)
            rows += [(name, "default", count, ap) for count, ap in curve]
            if seed < LIBRARY:
                trained[name].append(replace(learner.head, training_data=learner.training_data()))
    for name, data in sets.items():
        others = [head for other, heads in trained.items() if other != name for head in heads]
        backbone = data.engine.extractor.backbone
        weights = np.zeros_like(others[0].weights)
        weights[0] = backbone.weights
        first = replace(
            others[0], weights=weights, bias=backbone.bias, training_data=None, mean=None
        )
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
    data: Dataset, seed: int, generic: Head | None, simulated: bool = True
) -> tuple[Learner, list[tuple[int, float]]]:
    """Answer 100 queries with an oracle; return the learner and its learning curve."""
    train, test = data.split(seed)
    first = starting_head(
        data.engine, [data.micrographs[i] for i in train], leave_out=data.simulated
    )
    if not simulated:
        first = replace(first, directions=None)
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


if __name__ == "__main__":
    main()

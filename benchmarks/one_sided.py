"""Accuracy of heads from labels of one class: particles alone, or non-particles alone.

    python benchmarks/one_sided.py [--data DIR] [--seeds 2] [--plain]

Only random particles of two training micrographs are labelled; or only random ones of the sixty
best false peaks of each; or only random false picks. Average precision, and precision, recall and
F1 at probability 0.5, on the other micrographs. With --plain, unlabelled peaks do not
replace the missing class.
"""

import numpy as np
import pandas as pd
from known_sets import Dataset, load_datasets, parser_of
from scipy.spatial import cKDTree

from activepick.learning.initial_head import starting_head
from activepick.learning.learner import Learner, LearnerSettings
from activepick.metrics import evaluate
from activepick.picking import ALL_PEAKS, select_picks
from activepick.scoremap import find_peaks, separated_peaks


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--labels", type=int, nargs="+", default=[10, 30, 70])
    parser.add_argument("--plain", action="store_true")
    options = parser.parse_args()
    settings = LearnerSettings(stand_ins=not options.plain)
    rows: list[tuple[object, ...]] = []
    for name, data in load_datasets(options.data, options.cache, options.simulated).items():
        for seed in range(options.seeds):
            rows += measure(name, data, seed, options.labels, settings)
    table = pd.DataFrame(
        rows, columns=["set", "marked", "labels", "ap", "precision", "recall", "f1"]
    )
    for name, own in (*table.groupby("set", sort=False), ("mean of all", table)):
        print(name)
        means = own.drop(columns="set").groupby(["marked", "labels"], sort=False).mean()
        print(means.round(3).to_string())


def measure(
    name: str, data: Dataset, seed: int, counts: list[int], settings: LearnerSettings
) -> list[tuple[object, ...]]:
    train, test = data.split(seed)
    first = starting_head(
        data.engine, [data.micrographs[i] for i in train], leave_out=data.simulated
    )
    radii = first.spec.working_radii
    features = [data.engine.features(data.micrographs[i], radii) for i in train]
    others = [data.engine.features(data.micrographs[i], radii) for i in test]
    rng = np.random.default_rng(seed)
    particles, best, drawn = [], [], []
    for index, (part, i) in enumerate(zip(features, train, strict=True)):
        particles += [(index, xy) for xy in data.truth[i]]
        found = separated_peaks(part.score_map(first.weights, first.bias))
        peaks, values = found.xy, found.score
        far = cKDTree(data.truth[i]).query(peaks)[0] > part.radius_px
        best += [(index, xy) for xy in peaks[far][:60]]
        drawn += [(index, xy) for xy in peaks[far & (values > 0)]]
    rows: list[tuple[object, ...]] = []
    kinds = (("particles", particles, 1), ("best junk", best, 0), ("any junk", drawn, 0))
    for kind, places, target in kinds:
        for count in (0, *counts):
            learner = Learner(features, first, settings, seed)
            order = rng.permutation(len(places))[:count]
            for k in order:
                learner.add(places[k][0], [places[k][1]], [target])
            head = learner.refit()
            picks, truth = [], []
            for part, i in zip(others, test, strict=True):
                scores = head.score_map(part)
                picks.append(select_picks(find_peaks(scores), ALL_PEAKS).table(part.name))
                own = pd.DataFrame(data.truth[i], columns=["x", "y"])
                truth.append(own.assign(micrograph=part.name))
            result = evaluate(pd.concat(picks), pd.concat(truth), others[0].radius_px)
            rows.append((name, kind, count, result.ap, result.precision, result.recall, result.f1))
    return rows


if __name__ == "__main__":
    main()

"""Measure whether correlated scales weaken the prior, by score variances and fits.

    ACTIVEPICK_DATA=... python benchmarks/scale_correlation.py [--seeds 4] [--cache DIR]

For a fine scale of 1.4 and of 2 working radii of the coarse one: the median correlation between a
feature at the one scale and the same at the other, over sampled pixels; and the variance of the
score of a head that is drawn from the plain prior, in all and along the axis of largest variance.
Then average precision after 10, 25 and 50 answers: questions are chosen with either ratio, and
heads of either ratio are fitted to the answers, with three L2 weights. If correlated scales
weakened the prior, fits to the same labels would differ.
"""

from collections import defaultdict
from dataclasses import replace

import numpy as np
from known_sets import Dataset, load_datasets, parser_of, precision
from numpy.typing import NDArray

from activepick.benchmark.oracle import Oracle, learn
from activepick.features.feature_map import MicrographFeatures
from activepick.learning.fit import HeadFit
from activepick.learning.initial_head import starting_head
from activepick.learning.learner import Learner
from activepick.learning.settings import LearnerSettings
from activepick.learning.training_set import sample_features

RATIOS = (1.4, 2.0)
COUNTS = (10, 25, 50)
STRENGTHS = (3.5, 7.0, 14.0)


def main() -> None:
    parser = parser_of(__doc__)
    parser.set_defaults(seeds=4)
    options = parser.parse_args()
    for name, data in load_datasets(options.data, options.cache, options.simulated).items():
        for ratio in RATIOS:
            correlation, total, largest = spread(data, ratio)
            print(
                f"{name}, ratio {ratio}: correlation {correlation:.2f}, variance of the score "
                f"{total:.1f}, along the first axis {largest:.1f}",
                flush=True,
            )
        found: dict[tuple[float, float, float], list[list[float]]] = defaultdict(list)
        for seed in range(options.seeds):
            for key, points in exchange(data, seed).items():
                found[key].append(points)
        for (asks, fitted, l2), runs in found.items():
            means = "  ".join(
                f"{mean:.3f} ± {error:.3f}"
                for mean, error in zip(
                    np.mean(runs, axis=0), np.std(runs, axis=0) / len(runs) ** 0.5, strict=True
                )
            )
            print(f"  asks {asks}, fitted {fitted}, L2 weight {l2:g}: {means}", flush=True)


def spread(data: Dataset, ratio: float) -> tuple[float, float, float]:
    """Return correlation of the scales, and variances of the score under the plain prior."""
    learner, _, _ = learner_of(data, 0, ratio)
    rng = np.random.default_rng(0)
    rows = np.concatenate([sample_features(part, 1000, rng) for part in learner.micrographs])
    half = rows.shape[1] // 2
    # Features that are rectified to zero nearly everywhere have no correlation.
    alive = np.flatnonzero(
        (rows[:, :half].std(axis=0) > 1e-3) & (rows[:, half:].std(axis=0) > 1e-3)
    )
    correlations = [np.corrcoef(rows[:, i], rows[:, half + i])[0, 1] for i in alive]
    variances: NDArray[np.float64] = np.linalg.eigvalsh(np.cov(rows.T)) / HeadFit().l2
    return float(np.median(correlations)), float(variances.sum()), float(variances[-1])


def exchange(data: Dataset, seed: int) -> dict[tuple[float, float, float], list[float]]:
    """Return average precision by the ratio of the questions, that of the fit, and L2 weight."""
    found: dict[tuple[float, float, float], list[float]] = defaultdict(list)
    truth = [data.truth[i] for i in data.split(seed)[1]]
    # With other features the prior is also plain; both ratios have the same first head.
    made = {ratio: learner_of(data, seed, ratio) for ratio in RATIOS}
    for asks in RATIOS:
        learner, oracle, _ = learner_of(data, seed, asks)
        rng, answers = np.random.default_rng(seed), 0
        for count in COUNTS:
            while answers < count:
                answers += learn(learner, oracle, min(10, count - answers), "active", rng)
            for ratio, (other, _, test) in made.items():
                for l2 in STRENGTHS:
                    settings = LearnerSettings(HeadFit(l2=l2))
                    same = Learner(other.micrographs, other.pretrained, settings, seed)
                    for index in range(len(same.micrographs)):
                        same.add(index, learner.labels[index], learner.targets[index])
                    found[asks, ratio, l2].append(precision(same.refit(), test, truth))
    return found


def learner_of(
    data: Dataset, seed: int, ratio: float
) -> tuple[Learner, Oracle, list[MicrographFeatures]]:
    """Return a learner with the plain prior, its oracle, and the features for evaluation."""
    train, test = data.split(seed)
    files = [data.micrographs[i] for i in train]
    head = starting_head(data.engine, files, fine_ratio=ratio)
    radii = head.spec.working_radii
    features = [data.engine.features(file, radii) for file in files]
    oracle = Oracle([data.truth[i] for i in train], [part.radius_px for part in features])
    learner = Learner(features, replace(head, directions=None), seed=seed)
    return learner, oracle, [data.engine.features(data.micrographs[i], radii) for i in test]


if __name__ == "__main__":
    main()

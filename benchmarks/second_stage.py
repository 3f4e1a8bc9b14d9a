"""Evaluate a second stage that rescores the peaks of the default head.

    python benchmarks/second_stage.py --simulated SIM [--data DIR] [--seeds 2] [--sets NAME,NAME]

An oracle answers the queries of the default. After 25 and 100 answers the peaks of the head on the
other micrographs get new scores, and average precision is measured. "kernel" adds a Gaussian
process with a squared exponential kernel (Rasmussen and Williams 2006, algorithm 3.1) on the
leading principal components of the features at the peaks, on the score, the distance to the nearest
higher peak and the number of neighbouring peaks. "resnet8" adds a linear term on the leading
principal components of the features of Topaz's smaller network at the same working radius. Either
is fitted to the labels, with the score of the head as an offset. "normalised" subtracts the median
score of each micrograph from its scores, or divides them by their standard deviation as well.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pandas as pd
from known_sets import Dataset, load_datasets, parser_of
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.special import expit

from activepick.benchmark.oracle import Oracle, learn
from activepick.features.backbone import load_backbone
from activepick.features.extractor import Extractor
from activepick.features.feature_map import MicrographFeatures
from activepick.learning.head import Head
from activepick.learning.initial_head import starting_head
from activepick.learning.learner import Learner
from activepick.metrics import average_precision, match
from activepick.scoremap import separated_peaks

Floats = NDArray[np.float64]
Kernel = Callable[[Floats, Floats], Floats]

COUNTS = (25, 100)
COMPONENTS = 24


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--sets", help="names of the sets, with commas; by default all")
    options = parser.parse_args()
    rows = []
    sets = load_datasets(options.data, options.cache, options.simulated)
    for name in options.sets.split(",") if options.sets else sets:
        data = sets[name]
        for seed in range(options.seeds):
            rows += [(name, *point) for point in course(data, seed)]
        print(name, flush=True)
    table = pd.DataFrame(rows, columns=["set", "scores", "labels", "ap"])
    each = table.pivot_table(index=["set", "scores"], columns="labels", values="ap", sort=False)
    print(each.round(3).to_string())
    print("mean of all", each.groupby("scores", sort=False).mean().round(4).to_string(), sep="\n")


def course(data: Dataset, seed: int) -> Iterator[tuple[str, int, float]]:
    train, test = data.split(seed)
    files = [data.micrographs[i] for i in train]
    first = starting_head(data.engine, files, leave_out=data.simulated)
    radii = first.spec.working_radii
    small = replace(data.engine, extractor=Extractor(load_backbone("resnet8_u64")))

    def both(index: int) -> tuple[MicrographFeatures, MicrographFeatures]:
        micrograph = data.micrographs[index]
        return data.engine.features(micrograph, radii), small.features(micrograph, radii[:1])

    learnt, others = [both(i) for i in train], [both(i) for i in test]
    truth = [data.truth[i] for i in test]
    features = [part for part, _ in learnt]
    learner = Learner(features, first, seed=seed)
    oracle = Oracle([data.truth[i] for i in train], [part.radius_px for part in features])
    rng = np.random.default_rng(seed)
    answers = 0
    for count in COUNTS:
        while answers < count:
            answers += learn(learner, oracle, min(10, count - answers), "active", rng)
        for name, ap in judged(learner, learnt, others, truth):
            yield name, count, ap


def judged(
    learner: Learner,
    learnt: list[tuple[MicrographFeatures, MicrographFeatures]],
    others: list[tuple[MicrographFeatures, MicrographFeatures]],
    truth: list[Floats],
) -> Iterator[tuple[str, float]]:
    """Yield the name and the average precision of each method to score the peaks."""
    head = learner.head
    y = np.concatenate(learner.targets)
    at_labels = [describe(head, *pair, xy) for pair, xy in zip(learnt, learner.labels, strict=True)]
    maps = [part.score_map(head.weights, head.bias) for part, _ in others]
    peaks = [separated_peaks(scores).xy.astype(np.float64) for scores in maps]
    at_peaks = [describe(head, *pair, xy) for pair, xy in zip(others, peaks, strict=True)]
    hits = np.concatenate(
        [
            match(xy, centres, part.radius_px)
            for xy, centres, (part, _) in zip(peaks, truth, others, strict=True)
        ]
    )
    total = sum(map(len, truth))
    offset, large, little, context = (
        np.concatenate(column) for column in zip(*at_labels, strict=True)
    )
    score, large_, little_, context_ = (
        np.concatenate(column) for column in zip(*at_peaks, strict=True)
    )
    yield "head alone", average_precision(score, hits, total)
    middle = np.concatenate(
        [np.full(len(xy), np.median(m.values)) for m, xy in zip(maps, peaks, strict=True)]
    )
    spread = np.concatenate(
        [np.full(len(xy), m.values.std()) for m, xy in zip(maps, peaks, strict=True)]
    )
    yield "normalised, median", average_precision(score - middle, hits, total)
    yield "normalised, deviation too", average_precision((score - middle) / spread, hits, total)
    scaled, scaled_ = components(large, large_)
    small, small_ = components(little, little_)
    unit = context_.std(axis=0) + 1e-9
    beside = np.hstack([scaled, (context - context_.mean(axis=0)) / unit])
    beside_ = np.hstack([scaled_, (context_ - context_.mean(axis=0)) / unit])

    def squared_exponential(variance: float) -> Kernel:
        def kernel(a: Floats, b: Floats) -> Floats:
            gaps = ((a[:, None] - b[None]) ** 2).sum(axis=2)
            return np.asarray(variance * np.exp(-gaps / (2 * a.shape[1])))

        return kernel

    def linear(variance: float) -> Kernel:
        return lambda a, b: variance * a @ b.T

    for variance in (0.5, 2.0):
        added = residual(beside, beside_, y, offset, squared_exponential(variance))
        yield f"kernel, variance {variance:g}", average_precision(score + added, hits, total)
    for variance in (0.02, 0.1):
        added = residual(small, small_, y, offset, linear(variance))
        yield f"resnet8, variance {variance:g}", average_precision(score + added, hits, total)


def describe(
    head: Head, large: MicrographFeatures, small: MicrographFeatures, xy: Floats
) -> tuple[Floats, Floats, Floats, Floats]:
    """Return scores (n,), features (n, D) of both networks, and the surroundings (n, 3)."""
    scores = large.score_map(head.weights, head.bias)
    found = separated_peaks(scores)
    at = scores.at(xy)
    distance = np.full(len(xy), 4.0)
    for index, (position, score) in enumerate(zip(xy, at, strict=True)):
        gaps = np.linalg.norm(found.xy - position, axis=1) / large.radius_px
        better = gaps[(found.score > score) & (gaps > 0.5)]
        distance[index] = min(4.0, better.min(initial=4.0))
    around = scores.values.std()
    near = cKDTree(found.xy).query_ball_point(xy, 3 * large.radius_px) if len(found.xy) else []
    crowding = np.array([len(indices) for indices in near], float)
    context = np.column_stack([(at - scores.values.mean()) / around, distance, crowding])
    return at, large.at(xy).astype(float), small.at(xy).astype(float), context


def components(labels: Floats, peaks: Floats) -> tuple[Floats, Floats]:
    """Return the leading principal components of the peaks, of unit variance, for both."""
    mean = peaks.mean(axis=0)
    _, sizes, axes = np.linalg.svd(peaks - mean, full_matrices=False)
    scale = axes[:COMPONENTS].T / (sizes[:COMPONENTS] / np.sqrt(len(peaks)))
    return (labels - mean) @ scale, (peaks - mean) @ scale


def residual(x: Floats, other: Floats, y: Floats, offset: Floats, kernel: Kernel) -> Floats:
    """Compute the mean of the process at other positions; the fit includes an offset."""
    covariance, f = kernel(x, x), np.zeros(len(y))
    for _ in range(50):
        p = expit(f + offset)
        weight = np.maximum(p * (1 - p), 1e-9)
        matrix = np.eye(len(y)) + covariance * weight
        new = np.linalg.solve(matrix, covariance @ (weight * f + y - p))
        f, change = new, np.abs(new - f).max()
        if change < 1e-6:
            break
    return np.asarray(kernel(other, x) @ (y - expit(f + offset)))


if __name__ == "__main__":
    main()

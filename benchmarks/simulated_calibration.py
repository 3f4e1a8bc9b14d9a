"""Compute and evaluate the calibration from simulated proteins that is part of the program.

    python benchmarks/varied_sets.py VARIED --micrographs 4
    python benchmarks/simulated_calibration.py MEASURED --varied VARIED [--first 0] [--count 64]
    python benchmarks/simulated_calibration.py MEASURED [--write]

With `--varied`, the script measures for each set the peaks of the pretrained detector at the
working radius that is chosen from the set; its peaks on a micrograph without particles; and, on
half of its micrographs, the peaks of heads that an oracle has trained on the others, without the
directions of its own protein. Several calls can measure parts at the same time.

Without `--varied`, slopes are fitted to these measurements (maximum likelihood, equal weight for
each set), and evaluated by leaving out the family of each protein in turn; `--write` writes the
file that is part of the program. For the pretrained detector, the script also prints the effect of
a threshold for each working radius: the threshold at which precision and recall differ least on
average, as a linear function of the logarithm of the radius.
"""

import argparse
import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from known_sets import Dataset, simulated_set
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from varied_sets import varied

from activepick.atomic import replacing
from activepick.benchmark.oracle import Oracle, learn
from activepick.features.backbone import load_backbone
from activepick.features.cache import FeatureCache
from activepick.features.engine import FeatureEngine
from activepick.features.extractor import Extractor
from activepick.features.feature_map import MicrographFeatures
from activepick.features.scales import side_by_side
from activepick.learning.calibration import Calibration, expected_precision
from activepick.learning.initial_head import starting_head
from activepick.learning.learner import Learner
from activepick.learning.simulated_calibration import SHIPPED, feature_facts
from activepick.metrics import match
from activepick.micrograph import Micrograph
from activepick.scoremap import ScoreMap, separated_peaks
from activepick.simulate import simulate_dataset
from activepick.simulate.random_protein import FAMILIES

Floats = NDArray[np.float64]
Measured = dict[str, NDArray[np.float64]]

COUNTS = (10, 30, 50, 100)
# Share of the field that particles of a micrograph "without particles" would cover: none is placed.
NONE = 1e-9
# Middle radius, and weight of the penalty on the change of the threshold with the radius, which few
# sets determine poorly.
MIDDLE, HOLD = 10.0, 0.01


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("measured", type=Path, nargs="?", help="folder for the measured peaks")
    parser.add_argument("--varied", type=Path, help="folder of varied simulated sets")
    parser.add_argument("--first", type=int, default=0, help="number of the first set")
    parser.add_argument("--count", type=int, default=64)
    parser.add_argument("--cache", type=Path, help="folder for feature maps")
    parser.add_argument("--write", action="store_true", help="write the file of the program")
    options = parser.parse_args()
    if options.measured is None:
        parser.print_usage()
    elif options.varied is not None:
        numbers = range(options.first, options.first + options.count)
        measure(options.varied, options.measured, numbers, FeatureCache(options.cache))
    else:
        pretrained, taught = (load(options.measured, kind) for kind in ("pretrained", "taught"))
        by_count = {0: pretrained, **dict.fromkeys(COUNTS, taught)}
        judge_slopes(by_count)
        if options.write:
            write(by_count)
        judge_thresholds(pretrained)


def measure(varied_sets: Path, out: Path, numbers: Iterable[int], cache: FeatureCache) -> None:
    out.mkdir(exist_ok=True)
    extractor = Extractor(load_backbone())
    for number in numbers:
        folder = varied_sets / varied(number).protein
        if not (folder / "simulation.json").is_file():
            continue
        files, truth, engine = simulated_set(folder, extractor, cache)
        data = Dataset(files, truth, engine, train=len(files) // 2)
        pretrained, taught = (out / f"{kind}-{number}.npz" for kind in ("pretrained", "taught"))
        if not pretrained.exists():
            found = pretrained_peaks(data)
            np.savez(pretrained, allow_pickle=False, **found, empty=empty_peaks(number, data, out))
        if not taught.exists():
            np.savez(taught, allow_pickle=False, **taught_peaks(data))
        print(number, flush=True)


def pretrained_peaks(data: Dataset) -> Measured:
    """Return radius, linear scores of peaks, hits and the number of particles of a set."""
    engine, backbone = data.engine, data.engine.extractor.backbone
    radius = engine.best_radius(data.micrographs)
    maps = [
        engine.score_map(file, (radius,), backbone.weights[None], backbone.bias)
        for file in data.micrographs
    ]
    return {"radius": np.array(radius), **judged(maps, data.truth)}


def empty_peaks(number: int, data: Dataset, folder: Path) -> Floats:
    """Return the linear scores of the peaks on a micrograph like those of a set, but empty."""
    engine, backbone = data.engine, data.engine.extractor.backbone
    settings = replace(varied(number), crowding=(NONE, NONE))
    made = simulate_dataset(folder / f"empty-{number}", 1, number, settings)
    radius = engine.best_radius(data.micrographs)
    file = Micrograph(made.micrographs[0])
    found = engine.score_map(file, (radius,), backbone.weights[None], backbone.bias)
    return np.asarray(separated_peaks(found).score, np.float64)


@dataclass(frozen=True)
class Taught:
    """A learner after a number of answers, and the micrographs for evaluation.

    Attributes
    ----------
    count
        Number of answers.
    learner
        The learner, which continues to learn afterwards.
    train, test
        Indices of the micrographs for training and for evaluation.
    others
        Features of the micrographs for evaluation.
    """

    count: int
    learner: Learner
    train: Sequence[int]
    test: Sequence[int]
    others: Sequence[MicrographFeatures]


def taught(data: Dataset, seed: int = 0) -> Iterator[Taught]:
    """Let an oracle answer, and yield the learner at each number of answers it reaches."""
    train, test = data.split(seed)
    files = [data.micrographs[i] for i in train]
    first = starting_head(data.engine, files, leave_out=data.simulated)

    def features(indices: Sequence[int]) -> list[MicrographFeatures]:
        radii = first.spec.working_radii
        return [data.engine.features(data.micrographs[i], radii) for i in indices]

    learner = Learner(features(train), first)
    oracle = Oracle([data.truth[i] for i in train], [f.radius_px for f in learner.micrographs])
    others, rng, answers = features(test), np.random.default_rng(seed), 0
    for count in COUNTS:
        while answers < count:
            new = learn(learner, oracle, min(10, count - answers), "active", rng)
            if not new:
                return
            answers += new
        yield Taught(count, learner, train, test, others)


def taught_peaks(data: Dataset) -> Measured:
    """Return scores, hits and the number of particles at each number of labels."""
    found: Measured = {}
    for one in taught(data):
        head = one.learner.head
        maps = [part.score_map(head.weights, head.bias) for part in one.others]
        peaks = judged(maps, [data.truth[i] for i in one.test])
        found |= {f"{name}-{one.count}": values for name, values in peaks.items()}
    return found


def judged(maps: Sequence[ScoreMap], truth: Sequence[Floats]) -> Measured:
    """Return the linear scores of all peaks, whether they are particles, and how many there are."""
    scores, hits = [], []
    for one, xy in zip(maps, truth, strict=True):
        peaks = separated_peaks(one)
        scores.append(peaks.score.astype(np.float64))
        hits.append(match(peaks.xy, xy, peaks.radius_px).astype(np.float64))
    return {
        "score": np.concatenate(scores),
        "hit": np.concatenate(hits),
        "truth": np.array(float(sum(map(len, truth)))),
    }


def load(folder: Path, kind: str) -> dict[int, Measured]:
    """Return the measurements by the number of the set."""
    files = {int(path.stem.partition("-")[2]): path for path in folder.glob(f"{kind}-*.npz")}
    return {number: dict(np.load(files[number])) for number in sorted(files)}


def family(number: int) -> int:
    return number % len(FAMILIES)


def precision_and_recall(one: Measured, threshold: float, at: str = "") -> tuple[float, float]:
    picked = one[f"score{at}"] >= threshold
    hits = one[f"hit{at}"][picked].sum()
    return float(hits / max(picked.sum(), 1)), float(hits / one[f"truth{at}"])


def fit_slope(sets: Sequence[Measured], at: str = "") -> Calibration:
    """Return the slope of highest likelihood."""
    known = [one for one in sets if f"score{at}" in one]

    def loss(slope: float) -> float:
        total = 0.0
        for one in known:
            logits, hits = slope * one[f"score{at}"], one[f"hit{at}"]
            total += float((np.logaddexp(0, logits) - hits * logits).sum() / max(hits.sum(), 1))
        return total

    return Calibration(float(minimize_scalar(loss, bounds=(0.05, 3), method="bounded").x))


def fit_threshold(sets: Sequence[Measured]) -> tuple[float, float]:
    """Return the threshold at radius 10, and its change with the logarithm of the radius."""
    along = np.log([float(one["radius"]) / MIDDLE for one in sets])

    def difference(place: tuple[float, float]) -> float:
        pairs = zip(sets, place[0] + place[1] * along, strict=True)
        both = [precision_and_recall(one, threshold) for one, threshold in pairs]
        return float(np.mean([abs(p - r) for p, r in both])) + HOLD * place[1] ** 2

    return min(itertools.product(np.linspace(-2, 2, 41), np.linspace(-2, 2, 21)), key=difference)


def judge_thresholds(sets: dict[int, Measured]) -> None:
    """Print precision and recall of the pretrained detector, by the working radius."""
    rows = []
    for number, one in sets.items():
        at, change = fit_threshold([sets[k] for k in sets if family(k) != family(number)])
        radius = float(one["radius"])
        for name, threshold in (("0", 0.0), ("by radius", at + change * np.log(radius / MIDDLE))):
            precision, recall = precision_and_recall(one, threshold)
            difference = abs(precision - recall)
            empty = float((one["empty"] >= threshold).sum()) if len(one["empty"]) else np.nan
            rows.append((name, radius, 1, precision, recall, difference, difference <= 0.15, empty))
    columns = ["threshold", "radius", "sets", "precision", "recall", "difference"]
    table = pd.DataFrame(rows, columns=[*columns, "within 0.15", "picks if empty"])
    means = {"sets": "sum", **dict.fromkeys(table.columns[3:], "mean")}
    print(table.groupby(["threshold", "radius"]).agg(means).round(3).to_string())
    print(table.groupby("threshold").agg(means).round(3).to_string(), flush=True)


def judge_slopes(measured: dict[int, dict[int, Measured]]) -> None:
    """Print the predicted and the true precision at probability 0.5, by the number of labels."""
    rows = []
    for count, sets in measured.items():
        at = f"-{count}" if count else ""
        for number, one in sets.items():
            if f"score{at}" not in one:
                continue
            fitted = fit_slope([sets[k] for k in sets if family(k) != family(number)], at)
            precision, recall = precision_and_recall(one, 0.0, at)
            for name, calibration in (("linear", Calibration()), ("calibrated", fitted)):
                predicted = expected_precision(calibration.probability(one[f"score{at}"]), 0.5)
                rows.append((name, count, 1, precision, recall, predicted, predicted - precision))
    columns = ["scores", "labels", "sets", "precision", "recall", "predicted", "error"]
    table = pd.DataFrame(rows, columns=columns)
    table["size of error"] = table["error"].abs()
    means = {"sets": "sum", **dict.fromkeys(table.columns[3:], "mean")}
    print(table.groupby(["scores", "labels"], sort=False).agg(means).round(3).to_string())


def write(measured: dict[int, dict[int, Measured]]) -> None:
    spec = FeatureEngine(Extractor(load_backbone()), 100.0).spec(side_by_side(MIDDLE))
    slopes = [
        (count, round(fit_slope(list(sets.values()), f"-{count}" if count else "").slope, 3))
        for count, sets in measured.items()
    ]
    with replacing(SHIPPED) as temporary:
        facts = {"features": feature_facts(spec), "slopes": slopes}
        temporary.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    print(SHIPPED.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()

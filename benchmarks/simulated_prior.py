"""Compute and evaluate the directions of simulated proteins that are part of the program.

    python benchmarks/varied_sets.py VARIED
    python benchmarks/simulated_prior.py VARIED [--out FILE]
    python benchmarks/simulated_prior.py VARIED --judge DIR
    python benchmarks/simulated_prior.py --shipped

For each protein a head is fitted to all true particles and to as many of the best false peaks, with
the pretrained head as the mean of its prior; the difference between the two is a direction. With
`--judge` the directions are not written: an oracle answers queries on one micrograph of each set,
with the directions of the proteins of other families only (`activepick.simulate.random_protein`),
and with the plain prior; average precision is measured on the other micrograph. Each of the two
micrographs is used for training once. The rows are kept in DIR. `--shipped` prints the variance
that the directions of the program add along their principal components, as multiples of the
variance of the plain prior.
"""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from kept_rows import KeptRows
from known_sets import precision, simulated_set
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from activepick.benchmark.oracle import Oracle, learn
from activepick.features.backbone import load_backbone
from activepick.features.cache import FeatureCache
from activepick.features.engine import FeatureEngine
from activepick.features.extractor import Extractor
from activepick.features.feature_map import MicrographFeatures
from activepick.features.scales import side_by_side
from activepick.learning.fit import HeadFit
from activepick.learning.head import Head, pretrained_head
from activepick.learning.learner import Learner, LearnerSettings
from activepick.learning.simulated_prior import SHIPPED, save_directions, with_simulated_prior
from activepick.scoremap import separated_peaks
from activepick.simulate.proteins import RANDOM
from activepick.simulate.random_protein import FAMILIES

Floats = NDArray[np.float64]

# Weight of the L2 term that ties each head to the pretrained one, as in `heads combine`.
TIE = 15.0
COUNTS = (5, 10, 25, 50)
COLUMNS = ["family", "set", "prior", "run", "labels", "ap"]
PLAIN, OTHERS = "plain", "other families"


@dataclass(frozen=True, eq=False)
class SimulatedSet:
    """Features and true centres of the micrographs of a set, and the pretrained head for them."""

    number: int
    features: list[MicrographFeatures]
    truth: list[Floats]
    pretrained: Head

    @property
    def family(self) -> str:
        """Family of the protein, a key of `FAMILIES`."""
        return list(FAMILIES)[self.number % len(FAMILIES)]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("varied", type=Path, nargs="?", help="folder of varied simulated sets")
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--out", type=Path, default=SHIPPED)
    parser.add_argument("--judge", type=Path, help="leave families out; folder of rows")
    parser.add_argument("--shipped", action="store_true", help="describe the program's file")
    options = parser.parse_args()
    if options.shipped:
        describe()
        return
    if options.varied is None:
        parser.print_usage()
        return
    extractor, cache = Extractor(load_backbone()), FeatureCache(options.cache)
    sets = [
        load(folder, extractor, cache)
        for folder in sorted(options.varied.iterdir(), key=lambda folder: number_of(folder.name))
    ]
    directions = {one.number: direction(one) for one in sets}
    lengths = np.linalg.norm(list(directions.values()), axis=(1, 2))
    print(f"{len(sets)} directions, length {lengths.mean():.2f} ± {lengths.std():.2f}", flush=True)
    if options.judge:
        judge(sets, directions, options.judge)
        return
    named = {f"{RANDOM}-{number}": rows[None] for number, rows in directions.items()}
    save_directions(named, sets[0].pretrained.spec, options.out)


def describe() -> None:
    spec = FeatureEngine(Extractor(load_backbone()), 100.0).spec(side_by_side(10.0))
    empty = Head(np.zeros((2, 256)), 0.0, spec)
    directions = with_simulated_prior(empty).directions
    assert directions is not None
    rows, fit = directions.reshape(len(directions), -1), HeadFit()
    added = np.linalg.svd(rows, compute_uv=False) ** 2 / (len(rows) * fit.directions_l2)
    print(f"{len(rows)} directions; added variance, as multiples of 1 / {fit.l2:g}:")
    print(np.array2string(added * fit.l2, precision=2, suppress_small=True))


def number_of(name: str) -> int:
    return int(name.partition("-")[2])


def load(folder: Path, extractor: Extractor, cache: FeatureCache) -> SimulatedSet:
    files, truth, engine = simulated_set(folder, extractor, cache)
    best = engine.best_radius(files)
    radii, backbone = side_by_side(best), extractor.backbone
    head = pretrained_head(engine.spec(radii), backbone.weights, backbone.bias, best)
    features = [engine.features(file, radii) for file in files]
    return SimulatedSet(number_of(folder.name), features, truth, head)


def direction(one: SimulatedSet) -> Floats:
    """Return the head that is fitted to all particles minus the pretrained head."""
    settings = LearnerSettings(fit=HeadFit(l2=TIE))
    learner = Learner(one.features, one.pretrained, settings, one.number)
    rng = np.random.default_rng(one.number)
    for index, (part, truth) in enumerate(zip(one.features, one.truth, strict=True)):
        peaks = separated_peaks(part.score_map(one.pretrained.weights, one.pretrained.bias)).xy
        distance = np.asarray(cKDTree(truth).query(peaks)[0])
        false = peaks[distance > part.radius_px][: 2 * len(truth)]
        some = rng.permutation(len(false))[: len(truth)]
        learner.add(index, truth, np.ones(len(truth)))
        learner.add(index, false[some], np.zeros(len(some)))
    return learner.refit().weights - one.pretrained.weights


def judge(sets: list[SimulatedSet], directions: Mapping[int, Floats], folder: Path) -> None:
    """Measure average precision with the directions of other families, and without directions."""
    kept = KeptRows(folder, COLUMNS, ("set", "prior", "run"))
    for one in sets:
        others = [directions[other.number] for other in sets if other.family != one.family]
        for prior, of_others in ((PLAIN, None), (OTHERS, np.stack(others))):
            head = replace(one.pretrained, directions=of_others)
            for run in range(len(one.features)):
                if kept.has(one.number, prior, run):
                    continue
                points = [(one.family, one.number, prior, run, *p) for p in curve(one, head, run)]
                kept.add(pd.DataFrame(points, columns=COLUMNS))
    show(kept.read())


def show(rows: pd.DataFrame) -> None:
    """Print average precision by family and over all sets, and the scatter of the difference."""
    # The runs of a set are not independent, so that the scatter is that of the sets.
    keys = ["family", "set", "labels"]
    each = rows.pivot_table(index=keys, columns="prior", values="ap")[[PLAIN, OTHERS]].dropna()
    each["difference"] = each[OTHERS] - each[PLAIN]
    by_family = each.groupby(["family", "labels"]).mean().unstack("labels")
    print(by_family.round(3).to_string())
    overall = each.groupby("labels").mean()
    overall["sets"] = each.groupby("labels").size()
    spread = each.groupby("labels")["difference"]
    overall["standard error"] = spread.std() / np.sqrt(overall["sets"])
    overall["share not worse"] = spread.agg(lambda part: float((part >= -0.005).mean()))
    print(overall.round(3).to_string())


def curve(one: SimulatedSet, head: Head, run: int) -> list[tuple[int, float]]:
    """Return average precision by number of labels, up to the last that is reached."""
    test = [i for i in range(len(one.features)) if i != run]
    features, truth = [one.features[i] for i in test], [one.truth[i] for i in test]
    learner = Learner([one.features[run]], head, seed=one.number)
    oracle = Oracle([one.truth[run]], [one.features[run].radius_px])
    rng = np.random.default_rng([one.number, run])
    points, answers = [(0, precision(head, features, truth))], 0
    for count in COUNTS:
        while answers < count:
            new = learn(learner, oracle, min(10, count - answers), "active", rng)
            if not new:
                return points
            answers += new
        points.append((count, precision(learner.head, features, truth)))
    return points


if __name__ == "__main__":
    main()

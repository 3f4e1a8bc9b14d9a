"""Duration of a refit with the default features, on one core.

    python benchmarks/refit.py [--kinds]

An oracle answers 200 queries on simulated micrographs, ten at a time; each refit is timed, from the
labels to the head, in milliseconds and in evaluations of the loss with its gradient, in double
precision, at the parameters of the search. They are timed within the same refits or, if these use
single precision, directly after them. The ratio of the two is one of CPU time, which other programs
affect less. At the end the same loss is minimised by SciPy's BFGS for comparison. Limits at any
number of labels, as medians of five refits: the time of 25 evaluations, and 40 ms. With --kinds,
the micrographs are a mixture of two proteins, which the head distinguishes.
"""

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from limits import Limits
from processor_name import processor
from threadpoolctl import threadpool_limits

from activepick.benchmark.oracle import Oracle, learn
from activepick.features.backbone import load_backbone
from activepick.features.engine import FeatureEngine
from activepick.features.extractor import Extractor
from activepick.formats import read_table
from activepick.formats.kind_columns import KIND_COLUMN
from activepick.learning.fit import HeadFit
from activepick.learning.head import Head
from activepick.learning.initial_head import starting_head
from activepick.learning.learner import Learner, LearnerSettings
from activepick.learning.loss import HeadLoss
from activepick.learning.multinomial import MultinomialLoss
from activepick.micrograph import Micrograph
from activepick.simulate import simulate_dataset

EVALUATIONS, LIMIT_MS = 25, 40


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kinds", action="store_true", help="two kinds of particles")
    several = parser.parse_args().kinds
    with tempfile.TemporaryDirectory() as folder:
        simulated = simulate_dataset(Path(folder), 4, 0, mixture=("cage",) if several else ())
        micrographs = [Micrograph(path) for path in simulated.micrographs]
        truth = read_table(simulated.truth)
        engine = FeatureEngine(Extractor(load_backbone()), simulated.diameter_angstrom)
        head = starting_head(engine, micrographs[:2])
        features = [engine.features(m, head.spec.working_radii) for m in micrographs]
    own = [truth[truth["micrograph"] == m.name] for m in micrographs]
    kinds = [rows[KIND_COLUMN].to_numpy(int) for rows in own] if several else None
    centres = [rows[["x", "y"]].to_numpy() for rows in own]
    oracle = Oracle(centres, [f.radius_px for f in features], kinds=kinds)
    names = {1: "barrel", 2: "cage"} if several else {}
    learner = Learner(features, head, kind_names=names)
    rng = np.random.default_rng(0)
    times: list[float] = []
    busy: list[float] = []  # CPU time
    evaluations: list[list[float]] = []  # CPU time
    visited: list[tuple[Any, np.ndarray]] = []
    spent: list[float] = []
    minimised: Any = MultinomialLoss if several else HeadLoss
    plain = minimised.__call__

    def evaluate(loss: Any, parameters: np.ndarray) -> tuple[float, np.ndarray]:
        begin = time.thread_time()
        result: tuple[float, np.ndarray] = plain(loss, parameters)
        spent.append(time.thread_time() - begin)
        visited.append((loss, parameters.copy()))
        return result

    minimised.__call__ = evaluate
    refit = learner.refit

    def refit_timed() -> Head:
        begin = time.thread_time()
        found = refit()
        busy.append(time.thread_time() - begin)
        return found

    learner.refit = refit_timed  # type: ignore[method-assign]
    print(f"{processor()}: {features[0].channels} features, ", end="")
    print(f"{learner.settings.unlabelled} unlabelled pixels")
    while len(times) < 20:
        visited.clear()
        spent.clear()
        with threadpool_limits(1):
            learn(learner, oracle, 10, "active", rng)
            times.append(learner.refit_seconds)
            is_single = visited and visited[0][0].x.dtype == np.float32
            evaluations.append(in_double_precision(plain, visited) if is_single else list(spent))
    limits = Limits()
    for low in (0, 5, 10, 15):
        part = slice(low, low + 5)
        one = np.median(np.concatenate(evaluations[part]))
        count = np.median([len(each) for each in evaluations[part]])
        took = np.median(times[part])
        print(
            f"{10 * low + 10} to {10 * low + 50} labels: {1000 * took:.1f} ms, slowest "
            f"{1000 * max(times[part]):.1f} ms, {count:g} evaluations of {1000 * one:.2f} ms each"
        )
        limits.at_most("  a refit", np.median(busy[part]) / one, EVALUATIONS, "evaluations")
        limits.at_most("  a refit", 1000 * took, LIMIT_MS, "ms")
    minimised.__call__ = plain
    if several:
        limits.exit()

    def cold(solver: str) -> float:
        other = Learner(features, head, LearnerSettings(fit=HeadFit(solver=solver)))  # type: ignore[arg-type]
        for index in range(len(features)):
            other.add(index, learner.labels[index], learner.targets[index])
        start = time.perf_counter()
        with threadpool_limits(1):
            other.refit()
        return time.perf_counter() - start

    lbfgs = cold("lbfgs")
    bfgs = cold("bfgs")
    print(
        f"without a warm start, {len(times) * 10} labels: L-BFGS {1000 * lbfgs:.0f} ms, "
        f"BFGS {1000 * bfgs:.0f} ms, ratio {bfgs / lbfgs:.0f}"
    )
    limits.exit()


def in_double_precision(plain: Any, visited: list[tuple[Any, np.ndarray]]) -> list[float]:
    """Return the CPU time of each evaluation, repeated in double precision."""
    loss = visited[0][0]
    loss = replace(loss, x=loss.x.astype(float), unlabelled=loss.unlabelled.astype(float))
    seconds = []
    for _, parameters in visited:
        begin = time.thread_time()
        plain(loss, parameters)
        seconds.append(time.thread_time() - begin)
    return seconds


if __name__ == "__main__":
    main()

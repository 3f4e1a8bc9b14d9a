"""Duration of a refit with the default features, on one core.

    python benchmarks/refit.py

An oracle answers 200 queries on simulated micrographs, ten at a time; each refit is timed. At the
end the same loss is minimised by plain BFGS for comparison.
"""

import tempfile
import time
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from activepick.benchmark.oracle import Oracle, learn
from activepick.features.backbone import load_backbone
from activepick.features.engine import FeatureEngine
from activepick.features.extractor import Extractor
from activepick.formats import read_table
from activepick.learning.fit import HeadFit
from activepick.learning.initial_head import starting_head
from activepick.learning.learner import Learner, LearnerSettings
from activepick.micrograph import Micrograph
from activepick.simulate import simulate_dataset


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        simulated = simulate_dataset(Path(folder), 4, 0)
        micrographs = [Micrograph(path) for path in simulated.micrographs]
        truth = read_table(simulated.truth)
        engine = FeatureEngine(Extractor(load_backbone()), simulated.diameter_angstrom)
        head = starting_head(engine, micrographs[:2])
        features = [engine.features(m, head.spec.working_radii) for m in micrographs]
    centres = [truth.loc[truth["micrograph"] == m.name, ["x", "y"]].to_numpy() for m in micrographs]
    oracle = Oracle(centres, [f.radius_px for f in features])
    learner = Learner(features, head)
    rng = np.random.default_rng(0)
    times: list[float] = []
    print(f"{features[0].channels} features, {learner.settings.unlabelled} unlabelled pixels")
    while len(times) < 20:
        learn(learner, oracle, 10, "active", rng)
        times.append(learner.refit_seconds)
    for low, high in ((0, 5), (5, 10), (10, 15), (15, 20)):
        part = 1000 * np.array(times[low:high])
        print(
            f"{10 * low + 10:>4} to {10 * high:>3} labels: median {np.median(part):5.1f} ms, "
            f"slowest {part.max():5.1f} ms"
        )

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


if __name__ == "__main__":
    main()

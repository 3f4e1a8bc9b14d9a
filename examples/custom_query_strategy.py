"""Ask where you think it is best: a query strategy of your own, measured beside others.

A strategy gets the labels and the head so far, how many questions to choose, and a random
generator, and gives places. This one takes the peaks that the head is least sure of, as many from
each micrograph. An oracle answers on simulated micrographs, and the learning curves are printed:

    python examples/custom_query_strategy.py

`ask(learner, count, EVENLY)` chooses questions with it in a program of your own.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from activepick.benchmark.curves import Dataset, learning_curve
from activepick.benchmark.methods import METHODS, Method
from activepick.benchmark.report import summary
from activepick.features.backbone import load_backbone
from activepick.features.cache import FeatureCache
from activepick.features.engine import FeatureEngine
from activepick.features.extractor import Extractor
from activepick.formats import read_table
from activepick.learning.learner import Learner
from activepick.learning.strategies.candidates import Pool, pool_of
from activepick.learning.strategies.registry import Strategy
from activepick.micrograph import Micrograph
from activepick.simulate import SimulationSettings, simulate_dataset


def evenly(learner: Learner, count: int, rng: np.random.Generator) -> Pool:
    """Take the same number of the most uncertain peaks from each micrograph."""
    pool = pool_of(learner, rng)  # all peaks without an answer; `worth` is their entropy
    pool = pool.best_of_each(-(-count // len(learner.micrographs)))
    return pool.take(rng.permutation(len(pool))[:count])  # lots decide who gives one less


EVENLY = Strategy("the most uncertain peaks, as many from each micrograph", evenly)


def main(micrographs: int, side: int, labels: list[int]) -> None:
    """Print the learning curves of the strategy and of two others."""
    methods = {"evenly": Method(EVENLY.summary, EVENLY)}
    methods |= {name: METHODS[name] for name in ("uncertain", "random")}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        settings = SimulationSettings(shape=(side, side))
        made = simulate_dataset(folder, micrographs, settings=settings)
        files = [Micrograph(path) for path in made.micrographs]
        truth = read_table(made.truth)
        known = [truth.loc[truth["micrograph"] == m.name, ["x", "y"]].to_numpy() for m in files]
        cache = FeatureCache(Path(folder, "features"))  # computed once for all methods
        extractor = Extractor(load_backbone())
        engine = FeatureEngine(extractor, made.diameter_angstrom, cache=cache)
        data = Dataset(files, known, engine, train=2)
        rows = [
            row
            for name, method in methods.items()
            for row in learning_curve(name, method, data, 0, labels, batch=10)
        ]
    columns = ["method", "labels", "positives", "ap", "f1"]
    print(summary(pd.DataFrame(rows))[columns].to_string(index=False, float_format="%.3f"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--micrographs", type=int, default=6, help="two of them to learn from")
    parser.add_argument("--side", type=int, default=1024, help="of a micrograph, in pixels")
    parser.add_argument("--labels", type=int, nargs="+", default=[10, 25, 50])
    options = parser.parse_args()
    main(options.micrographs, options.side, options.labels)

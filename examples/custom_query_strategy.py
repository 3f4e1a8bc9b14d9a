"""Write your own query strategy, and compare it with others.

A strategy receives a context (features, score maps, labels, head, random generator) and the number
of queries to choose, and returns candidates. This strategy returns the most uncertain peaks, the
same number from each micrograph. An oracle answers on simulated micrographs, and the learning
curves are printed:

    python examples/custom_query_strategy.py

`learner.ask(count, EVENLY)` chooses queries with it in your own program.
"""

import argparse
import tempfile
from pathlib import Path

import pandas as pd

from activepick.benchmark.curves import Dataset, learning_curve
from activepick.benchmark.methods import METHODS, Method
from activepick.benchmark.report import summary
from activepick.features.backbone import load_backbone
from activepick.features.cache import FeatureCache
from activepick.features.engine import FeatureEngine
from activepick.features.extractor import Extractor
from activepick.formats import read_table
from activepick.learning.strategies.candidates import Candidates, find_candidates
from activepick.learning.strategies.context import QueryContext
from activepick.learning.strategies.registry import Strategy
from activepick.micrograph import Micrograph
from activepick.simulate import SimulationSettings, simulate_dataset


def evenly(context: QueryContext, count: int) -> Candidates:
    """Select the same number of the most uncertain peaks from each micrograph."""
    candidates = find_candidates(context)  # all open peaks; their utility is the entropy
    candidates = candidates.highest_of_each(-(-count // len(context.micrographs)))
    return candidates.take(context.rng.permutation(len(candidates))[:count])


EVENLY = Strategy("the most uncertain peaks, the same number from each micrograph", evenly)


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
    parser.add_argument(
        "--micrographs",
        type=int,
        default=6,
        help="number of micrographs; two of them are used for training",
    )
    parser.add_argument("--side", type=int, default=1024, help="side of a micrograph in pixels")
    parser.add_argument("--labels", type=int, nargs="+", default=[10, 25, 50])
    options = parser.parse_args()
    main(options.micrographs, options.side, options.labels)

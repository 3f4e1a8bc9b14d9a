"""Measure how well the precision of picks can be predicted from scores at all.

    python benchmarks/calibration_limits.py [--data DIR] [--simulated DIR] [--seeds 2]

An oracle answers the questions of the default, ten answers per refit. On the micrographs for
evaluation, the precision at probability 0.5 that probabilities predict is compared with the true
precision of the same picks. The probabilities are computed from linear scores by

- `program`: the calibration of the program, with the slope of simulated proteins;
- `labels`: a slope and an offset fitted to the labels, each with its score under a head that is
  fitted without it (Platt scaling of left-out scores, with a normal prior around `program`);
- `all true particles`: a slope and an offset fitted to all peaks of the training micrographs, each
  of which is known to be a particle or not. No user has this information.

`training micrographs` predicts the true precision on the training micrographs, and `sampling` is
the mean error of a perfect prediction, which results from the limited number of picks.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from known_sets import Dataset, load_datasets, parser_of
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit
from simulated_calibration import Taught, judged, taught

from activepick.learning.calibration import expected_precision
from activepick.learning.posterior import left_out_scores

Floats = NDArray[np.float64]

# Standard deviations of the logarithm of the slope and of the offset in `labels`, the best of four
# pairs on these sets; in `all true particles` the peaks are so many that they decide.
OF_LABELS, OF_ALL = (0.3, 0.5), (5.0, 5.0)
LIMIT = 0.05


def main() -> None:
    options = parser_of(__doc__).parse_args()
    rows = [
        {"set": name, "seed": seed, **row}
        for name, data in load_datasets(options.data, options.cache, options.simulated).items()
        for seed in range(options.seeds)
        for row in compare(data, seed)
    ]
    table = pd.DataFrame(rows)
    for by in (["set", "labels", "prediction"], ["labels", "prediction"]):
        groups = table.groupby(by, sort=False)
        shown = groups[["error", "size of error", "within 0.05"]].mean()
        print(shown.assign(runs=groups.size()).round(3).to_string())


def compare(data: Dataset, seed: int) -> Iterator[dict[str, object]]:
    """Yield the errors of all predictions at each number of labels."""
    for one in taught(data, seed):
        head = one.learner.head
        parts = ((one.others, one.test), (one.learner.micrographs, one.train))
        test, known = (
            judged(
                [part.score_map(head.weights, head.bias) for part in features],
                [data.truth[i] for i in indices],
            )
            for features, indices in parts
        )
        true, count = precision(test["score"], test["hit"])
        if not count:
            continue
        program = head.calibration.slope
        scalings: dict[str, tuple[float, float]] = {
            "program": (program, 0.0),
            "labels": fit(*left_out(one), program, OF_LABELS),
            "all true particles": fit(known["score"], known["hit"], program, OF_ALL),
        }
        predicted = {
            name: expected_precision(expit(slope * test["score"] + offset), 0.5)
            for name, (slope, offset) in scalings.items()
        }
        predicted["training micrographs"], _ = precision(known["score"], known["hit"])
        errors = {name: value - true for name, value in predicted.items()}
        # Mean absolute value of a normal variable with the standard error of the precision.
        errors["sampling"] = float(np.sqrt(2 / np.pi * true * (1 - true) / count))
        for name, error in errors.items():
            yield {
                "labels": one.count,
                "prediction": name,
                "error": error,
                "size of error": abs(error),
                "within 0.05": abs(error) <= LIMIT if np.isfinite(error) else np.nan,
            }


def precision(scores: Floats, hits: Floats) -> tuple[float, int]:
    """Return the precision of the picks at probability 0.5, and their number."""
    picked = scores >= 0
    count = int(picked.sum())
    return (float(hits[picked].mean()) if count else float("nan")), count


def left_out(one: Taught) -> tuple[Floats, Floats]:
    """Return the linear score of each label under a head fitted without it, and the targets."""
    examples = one.learner.examples()
    posterior = one.learner.posterior()
    features, targets, weights = examples.features, examples.targets, examples.weights
    return left_out_scores(one.learner.head, posterior, features, targets, weights), targets


def fit(
    scores: Floats, hits: Floats, slope: float, spread: tuple[float, float]
) -> tuple[float, float]:
    """Return slope and offset of the highest posterior density, with a prior around a slope."""

    def loss(change: Floats) -> float:
        logits = slope * np.exp(change[0]) * scores + change[1]
        return float(
            (np.logaddexp(0, logits) - hits * logits).sum()
            + (change / spread) @ (change / spread) / 2
        )

    change = minimize(loss, np.zeros(2)).x
    return slope * float(np.exp(change[0])), float(change[1])


if __name__ == "__main__":
    main()

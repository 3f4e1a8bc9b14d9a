"""The default with other settings, in whole learning curves.

    python benchmarks/variants.py --simulated SIM --out DIR [--seeds 4] [--sets NAME,NAME]
        [--variants NAME,NAME]

As `benchmarks/all_methods.py`, with the methods below: an oracle answers ten queries a round on two
micrographs, and the others are evaluated. Prints the mean difference in average precision from the
default in the same runs, and the smallest gain of any run over its start. "robust-q" uses the
generalised cross entropy, which is robust to wrong answers: ``(1 - p^q) / q`` for the probability p
of the answer (Zhang and Sabuncu, NeurIPS 2018). "nnpu", "pnu" and "answers-pnu-q" use the
non-negative risk of unlabelled pixels (`benchmarks/unlabelled_risk.py`).
"""

from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import pandas as pd
from kept_rows import KeptRows
from known_sets import load_datasets, parser_of
from numpy.typing import NDArray
from scipy.special import expit
from unlabelled_risk import UnlabelledRiskFit

from activepick.benchmark.curves import COLUMNS, learning_curve
from activepick.benchmark.methods import METHODS
from activepick.learning.fit import HeadFit
from activepick.learning.loss import HeadLoss
from activepick.learning.settings import LearnerSettings

Floats = NDArray[np.float64]

COUNTS, BATCH = (5, 10, 25, 50, 100), 10


@dataclass(frozen=True, eq=False)
class RobustLoss(HeadLoss):
    """The loss of a head with the generalised cross entropy in the place of the cross entropy.

    Attributes
    ----------
    q
        Between 0 (the cross entropy) and 1 (the absolute error).
    """

    q: float = 0.7

    def __call__(self, parameters: Floats) -> tuple[float, Floats]:
        """Compute the loss and its gradient at (w_1 ... w_D, b); all targets are 0 or 1."""
        value, gradient = super().__call__(parameters)
        z = self.x @ parameters[:-1] + parameters[-1]
        sign = 2 * self.y - 1
        p = expit(sign * z)
        rest = self.v @ ((1 - p**self.q) / self.q + np.log(np.maximum(p, 1e-300)))
        slope = self.v * sign * (1 - p) * (1 - p**self.q)
        n = self.total_weight
        return value + float(rest) / n, gradient + np.append(self.x.T @ slope, slope.sum()) / n


@dataclass
class RobustFit(HeadFit):
    """`HeadFit` with `RobustLoss`.

    Attributes
    ----------
    q
        As in `RobustLoss`.
    """

    q: float = 0.7

    def objective(self, *arguments: object, **settings: object) -> RobustLoss:
        """Return the loss that `fit` minimises; parameters as in `HeadFit`."""
        usual = super().objective(*arguments, **settings)  # type: ignore[arg-type]
        parts = {part.name: getattr(usual, part.name) for part in fields(usual)}
        return RobustLoss(**parts, q=self.q)


VARIANTS = {
    "default": HeadFit(),
    "l2-5": HeadFit(l2=5.0),
    "l2-10": HeadFit(l2=10.0),
    "directions-1": HeadFit(directions_l2=1.0),
    "share-0.05": HeadFit(pi=0.05),
    "share-weight-0.25": HeadFit(pi_weight=0.25),
    "share-weight-10": HeadFit(pi_weight=10.0),
    "caution-0": HeadFit(caution=0.0),
    "caution-25": HeadFit(caution=25.0),
    "robust-0.3": RobustFit(q=0.3),
    "robust-0.7": RobustFit(q=0.7),
    "nnpu": UnlabelledRiskFit(unlabelled_share=1.0),
    "pnu": UnlabelledRiskFit(unlabelled_share=0.5),
    "answers-pnu-0.5": UnlabelledRiskFit(unlabelled_share=0.5, answers=True),
    "answers-pnu-0.1": UnlabelledRiskFit(unlabelled_share=0.1, answers=True),
}


def main() -> None:
    parser = parser_of(__doc__)
    parser.set_defaults(seeds=4)
    parser.add_argument("--out", type=Path, help="folder for the rows; required")
    parser.add_argument("--sets", help="names of the sets, with commas; by default all")
    parser.add_argument("--variants", default=",".join(VARIANTS))
    options = parser.parse_args()
    if options.out is None:
        parser.print_usage()
        return
    kept = KeptRows(options.out, [*COLUMNS, "set"], ("set", "method", "seed"))
    sets = load_datasets(options.data, options.cache, options.simulated)
    for variant in options.variants.split(","):
        method = replace(METHODS["active"], settings=LearnerSettings(fit=VARIANTS[variant]))
        for name in options.sets.split(",") if options.sets else sets:
            for seed in range(options.seeds):
                if kept.has(name, variant, seed):
                    continue
                curve = learning_curve(variant, method, sets[name], seed, COUNTS, BATCH)
                rows = pd.DataFrame(curve, columns=COLUMNS).assign(set=name)
                kept.add(rows)
        print(variant, flush=True)
    show(kept.read())


def show(rows: pd.DataFrame) -> None:
    """Print differences from the default, as a mean over the sets, and the worst gains."""
    keys = ["set", "seed", "labels"]
    ap = rows.pivot_table(index=keys, columns="method", values="ap", sort=False)
    difference = ap.sub(ap["default"], axis=0).groupby(["set", "labels"]).mean().reset_index()
    real = difference[difference["set"].str.startswith("empiar")]
    for title, part in (("all sets", difference), ("real sets", real)):
        means = part.drop(columns="set").groupby("labels").mean().T
        print(title, means.round(3).to_string(), sep="\n")
    start = rows[rows["labels"] == 0].set_index(["method", "set", "seed"])["ap"]
    runs = pd.MultiIndex.from_frame(rows[["method", "set", "seed"]])
    gains = rows.assign(gain=rows["ap"].to_numpy() - start.reindex(runs).to_numpy())
    worst = gains.pivot_table(index="method", columns="labels", values="gain", aggfunc="min")
    print("worst run", worst.round(3).to_string(), sep="\n")


if __name__ == "__main__":
    main()

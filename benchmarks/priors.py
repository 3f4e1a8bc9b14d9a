"""Other priors, weights and losses, fitted to the same labels.

    python benchmarks/priors.py --simulated SIM [--data DIR] [--seeds 2]

An oracle answers the queries of the default. After 10, 25, 50 and 100 answers other regressions are
fitted to the same labels, and average precision is measured on the other micrographs. The prior
never contains the directions of the protein that is evaluated. "chosen by the labels" is the mean
over six strengths of the plain prior, weighted with the labels' leave-one-out likelihood
(pseudo-BMA; Yao, Vehtari, Simpson and Gelman, Bayesian Analysis 13, 917, 2018). "generalised cross
entropy" bears wrong answers: ``(1 - p^q) / q`` for the probability p of the answer (Zhang and
Sabuncu, NeurIPS 2018).
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

import numpy as np
import pandas as pd
from known_sets import Dataset, load_datasets, parser_of, precision
from numpy.typing import NDArray
from scipy.special import expit, softmax

from activepick.benchmark.oracle import Oracle, learn
from activepick.learning.fit import HeadFit
from activepick.learning.head import Head, scale_mixture
from activepick.learning.initial_head import starting_head
from activepick.learning.learner import Learner
from activepick.learning.loss import HeadLoss
from activepick.learning.posterior import left_out_scores
from activepick.learning.settings import LearnerSettings
from activepick.learning.training import fit_head, head_posterior
from activepick.learning.uncertainty import moderated

Floats = NDArray[np.float64]

COUNTS = (5, 10, 25, 50, 100)
STRENGTHS = (2.0, 4.0, 7.0, 15.0, 30.0, 60.0)


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
        """Compute the loss and its gradient at (w_1 ... w_D, b)."""
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
    """`HeadFit` with `RobustLoss`, for labels of both classes.

    Attributes
    ----------
    q
        As in `RobustLoss`.
    """

    q: float = 0.7

    def objective(self, *arguments: object, **settings: object) -> HeadLoss:
        """Return the loss that `fit` minimises; parameters as in `HeadFit`."""
        made = super().objective(*arguments, **settings)  # type: ignore[arg-type]
        parts = {part.name: getattr(made, part.name) for part in fields(made)}
        return RobustLoss(**parts, q=self.q)


def main() -> None:
    options = parser_of(__doc__).parse_args()
    rows = []
    for name, data in load_datasets(options.data, options.cache, options.simulated).items():
        for seed in range(options.seeds):
            rows += [(name, *point) for point in course(data, seed)]
        print(name, flush=True)
    table = pd.DataFrame(rows, columns=["set", "fit", "labels", "ap", "gain"])
    sets = table.pivot_table(index=["set", "fit"], columns="labels", values="ap", sort=False)
    print(sets.round(3).to_string())
    print("mean of all", sets.groupby("fit", sort=False).mean().round(3).to_string(), sep="\n")
    worst = table.groupby("fit", sort=False)["gain"].min().round(3)
    print("worst against no label", worst.to_string(), sep="\n")


def course(data: Dataset, seed: int) -> Iterator[tuple[str, int, float, float]]:
    train, test = data.split(seed)
    files = [data.micrographs[i] for i in train]
    first = starting_head(data.engine, files, leave_out=data.simulated)
    radii = first.spec.working_radii
    features = [data.engine.features(file, radii) for file in files]
    others = [data.engine.features(data.micrographs[i], radii) for i in test]
    truth = [data.truth[i] for i in test]
    oracle = Oracle([data.truth[i] for i in train], [part.radius_px for part in features])
    rng = np.random.default_rng(seed)
    learner = Learner(features, first, seed=seed)
    before, answers = precision(first, others, truth), 0
    for count in COUNTS:
        while answers < count:
            answers += learn(learner, oracle, min(10, count - answers), "active", rng)
        for name, head in fits(learner, data.engine.extractor.backbone.weights):
            ap = precision(head, others, truth)
            yield name, count, ap, ap - before


def fits(learner: Learner, classifier: Floats) -> Iterator[tuple[str, Head]]:
    examples, first = learner.examples(), learner.pretrained
    y = examples.targets
    plain = replace(first, directions=None)

    def fit(
        head: Head, targets: Floats = y, kind: type[HeadFit] = HeadFit, **settings: float
    ) -> Head:
        changed = LearnerSettings(kind(**settings), stand_ins=False)  # type: ignore[arg-type]
        return fit_head(head, changed, replace(examples, targets=targets, stand_ins=None))

    yield "default: directions of simulated proteins", fit(first)
    for weight in (3.0, 10.0, 20.0):
        yield f"the same, L2 weight {weight:g} besides them", fit(first, l2=weight)
    for weight in (0.1, 1.0):
        yield f"the same, L2 weight {weight:g} along them", fit(first, directions_l2=weight)
    yield "the same, no caution with the first labels", fit(first, caution=0.0)
    yield "the same, more caution (25)", fit(first, caution=25.0)
    for weight in (0.5, 10.0):
        yield f"the same, pi term of weight {weight:g} at any count", fit(first, pi_weight=weight)
    yield "the same, an expected share of 0.05", fit(first, pi=0.05)
    yield "the same, labels of 0.97 and 0.1 for 1 and 0", fit(first, np.where(y > 0, 0.97, 0.1))
    for q in (0.3, 0.7):
        yield f"the same, generalised cross entropy, q = {q:g}", fit(first, kind=RobustFit, q=q)
    heads = [fit(plain, l2=strength) for strength in STRENGTHS]
    yield "plain prior, L2 weight 7", heads[2]
    yield "plain prior, L2 weight 2", heads[0]
    yield "plain prior, L2 weight 30", heads[4]
    likelihood = []
    for strength, head in zip(STRENGTHS, heads, strict=True):
        settings = LearnerSettings(HeadFit(l2=strength))
        posterior = head_posterior(head, plain, settings, replace(examples, stand_ins=None))
        left_out = left_out_scores(head, posterior, examples.features, y)
        z = moderated(left_out, posterior.variance(examples.features.mean(axis=1)))
        likelihood.append(float((y * z - np.logaddexp(0, z)).sum()))
    shares = softmax(likelihood)
    weights = np.einsum("h,hij->ij", shares, [head.weights for head in heads])
    bias = float(shares @ [head.bias for head in heads])
    yield "plain prior, chosen by the labels", replace(plain, weights=weights, bias=bias)
    mixed = scale_mixture(plain, classifier)
    yield (
        "mixture of the scales' classifiers",
        fit(mixed, directions_l2=5.0 / 2.0),
    )


if __name__ == "__main__":
    main()

"""Measure the cost of wrong answers, and how many of them a review of labels finds.

    python benchmarks/wrong_answers.py --simulated SIM --out DIR [--seeds 2]

An oracle answers the questions of the default, ten per round; none, 5 % or 10 % of its answers are
wrong. Average precision is measured on the micrographs that were not used for training. After 50
and 100 answers a tenth of the labels is reviewed as in the window
(`activepick.learning.label_review`), and the share of the wrong labels that this finds is printed.
For comparison, the same number of labels is taken from the order before any correction, from the
orders of the two predictions whose mean is used, from that of the score of the fitted head itself,
and from that of the pretrained head. Each run is written to `DIR/rows.csv` when it ends, and is not
repeated when the script is started again; the tables are those of all runs so far.
"""

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from kept_rows import KeptRows
from known_sets import Dataset, load_datasets, parser_of, precision
from numpy.typing import NDArray

from activepick.benchmark.oracle import Oracle, learn
from activepick.learning.head import Head
from activepick.learning.initial_head import starting_head
from activepick.learning.label_review import contradictions, left_out_predictions
from activepick.learning.learner import Learner
from activepick.learning.strategies.registry import Query
from activepick.learning.training import fit_head, head_posterior
from activepick.learning.training_set import TrainingExamples

COUNTS = (10, 25, 50, 100)
REVIEWED_AT = (50, 100)
SHARES = (0.0, 0.05, 0.1)
REVIEWED = 0.1
NOT_REVIEWED = (0,) * 7
COLUMNS = ["set", "seed", "share", "labels", "ap", "wrong"]
ORDERS = ["review", "both", "head without it", "other labels", "fitted", "pretrained"]


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--out", type=Path, help="folder for the rows; required")
    options = parser.parse_args()
    if options.out is None:
        parser.print_usage()
        return
    kept = KeptRows(options.out, [*COLUMNS, *ORDERS], ("set", "seed", "share"))
    for name, data in load_datasets(options.data, options.cache, options.simulated).items():
        for seed in range(options.seeds):
            for share in SHARES:
                if kept.has(name, seed, share):
                    continue
                rows = pd.DataFrame(
                    [(name, seed, share, *row) for row in course(data, seed, share)],
                    columns=[*COLUMNS, *ORDERS],
                )
                kept.add(rows)
    print_tables(kept.read())


def course(data: Dataset, seed: int, share: float) -> Iterator[tuple[float, ...]]:
    """Yield labels, AP, wrong labels, and the number of these that each order finds."""
    train, test = data.split(seed)
    files = [data.micrographs[i] for i in train]
    first = starting_head(data.engine, files, leave_out=data.simulated)
    radii = first.spec.working_radii
    features = [data.engine.features(file, radii) for file in files]
    others = [data.engine.features(data.micrographs[i], radii) for i in test]
    truth, radius = [data.truth[i] for i in train], [part.radius_px for part in features]
    learner, rng = Learner(features, first, seed=seed), np.random.default_rng(seed)
    oracle, right = Oracle(truth, radius, share, seed), Oracle(truth, radius)
    judged = [data.truth[i] for i in test]
    yield 0, precision(first, others, judged), *NOT_REVIEWED
    answers = 0
    for count in COUNTS:
        while answers < count:
            answered = learn(learner, oracle, min(10, count - answers), "active", rng)
            if not answered:
                return
            answers += answered
        found = reviewed(learner, right) if count in REVIEWED_AT else NOT_REVIEWED
        yield count, precision(learner.head, others, judged), *found


def reviewed(learner: Learner, right: Oracle) -> tuple[int, ...]:
    """Return the number of wrong labels, and of those that each way of reviewing a tenth finds."""
    examples = learner.examples()
    index = {key: i for i, key in enumerate(learner.keys)}
    answers = [right.answer(Query(index[key], x, y, 0.0)) for key, x, y in examples.labels]
    truth = np.array(answers, float)
    wrong = truth != examples.targets
    posterior = learner.posterior()
    by_head, by_labels = left_out_predictions(learner.head, posterior, examples).T
    is_particle = examples.targets > 0.5
    orders = (
        contradictions(learner.head, posterior, examples),
        np.where(is_particle, 1 - by_head, by_head),
        np.where(is_particle, 1 - by_labels, by_labels),
        against(learner.head, examples),
        against(learner.pretrained, examples),
    )
    first = math.ceil(REVIEWED * len(wrong))
    found = [int(wrong[np.argsort(-doubt, kind="stable")[:first]].sum()) for doubt in orders]
    return int(wrong.sum()), corrected(learner, examples, truth, first), *found


def corrected(
    learner: Learner, examples: TrainingExamples, truth: NDArray[np.float64], count: int
) -> int:
    """Return the number of labels that a review of `count` labels corrects.

    As in the window, a correction changes the order of the labels behind the next one, which is
    already shown when the new order is known.
    """
    head, seen = learner.head, np.zeros(len(truth), bool)
    doubt = contradictions(head, learner.posterior(), examples)
    shown = int(np.argmax(doubt))
    corrections = 0
    for _ in range(count):
        seen[shown] = True
        following = int(np.argmax(np.where(seen, -1.0, doubt)))
        if examples.targets[shown] != truth[shown]:
            corrections += 1
            targets = examples.targets.copy()
            targets[shown] = truth[shown]
            examples = replace(examples, targets=targets)
            head = fit_head(learner.pretrained, learner.settings, examples, head)
            posterior = head_posterior(head, learner.pretrained, learner.settings, examples)
            doubt = contradictions(head, posterior, examples)
        shown = following
    return corrections


def against(head: Head, examples: TrainingExamples) -> NDArray[np.float64]:
    """Return how strongly the score of a head contradicts each label (n,)."""
    scores = examples.features.mean(axis=1) @ head.weights.ravel() + head.bias
    return np.asarray(np.where(examples.targets > 0.5, -scores, scores))


def print_tables(rows: pd.DataFrame) -> None:
    means = rows.pivot_table("ap", ["set", "share"], "labels", sort=False)
    print("Average precision\n" + means.round(3).to_string())
    mean = means.groupby("share").mean()
    print("mean of the sets\n" + mean.round(3).to_string())
    print("lost by wrong answers\n" + (mean.loc[0.0] - mean).iloc[1:].round(3).to_string())
    asked = rows[rows["wrong"] > 0]
    sums = asked.groupby(["set", "share", "labels"])[["wrong", *ORDERS]].sum()
    shares = sums[ORDERS].div(sums["wrong"], axis=0)
    print("Share of the wrong labels that are found, mean of the sets")
    print(shares.groupby(["share", "labels"]).mean().round(3).to_string())
    pooled = sums.groupby(["share", "labels"]).sum()
    print("of all wrong labels together")
    print(pooled[ORDERS].div(pooled["wrong"], axis=0).round(3).to_string())


if __name__ == "__main__":
    main()

"""Review by patch against single answers: average precision by clicks and by seconds.

    python benchmarks/patches.py --simulated SIM --out DIR [--seeds 2] [--sets NAME,NAME]

- "single answers": the questions of the default, five in each of the first two rounds and ten in
  each of the others. Each answer is a click.
- "patches": the patches of `activepick.learning.patches`. Each removed, added or moved pick is a
  click, and so is the confirmation of the patch. "At n clicks" refers to the head after the last
  patch that was confirmed with at most n clicks.
- "ten answers, then patches": the first ten clicks are single answers.

The time is estimated: 1 s for a click, 1.5 s for looking at a question, and 5 or 10 s for looking
at a patch. Questions that the oracle skips take as long as others, but are not counted as clicks.
Methods are compared at the times of the single answers without skips. Each run is written to
`DIR/rows.csv` when it ends, and is not repeated when the script is started again; the tables are
those of all runs so far.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import numpy as np
import pandas as pd
from kept_rows import KeptRows
from known_sets import Dataset, load_datasets, parser_of, precision

from activepick.benchmark.oracle import Oracle, learn, review_patch
from activepick.learning.head import Head
from activepick.learning.initial_head import starting_head
from activepick.learning.learner import Learner

CLICKS = (10, 25, 50, 100)
CLICK_S, QUESTION_S, PATCH_S = 1.0, 1.5, (5.0, 10.0)
# The most clicks that fit into the time of the last number of single answers.
MOST = int(CLICKS[-1] * (CLICK_S + QUESTION_S))
BY_TIME = [f"in the same time, {seconds:g} s for a patch" for seconds in PATCH_S]
MEASURES = ["at n clicks", *BY_TIME, "labels", "patches"]
COLUMNS = ["set", "seed", "method", "clicks", *MEASURES]


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--sets", help="names of the sets, with commas; by default all")
    parser.add_argument("--out", type=Path, help="folder for the rows; required")
    options = parser.parse_args()
    if options.out is None:
        parser.print_usage()
        return
    kept = KeptRows(options.out, COLUMNS, ("set", "seed"))
    sets = load_datasets(options.data, options.cache, options.simulated)
    for seed in range(options.seeds):
        for name in options.sets.split(",") if options.sets else sets:
            if kept.has(name, seed):
                continue
            found = [(name, seed, *row) for row in compared(sets[name], seed)]
            rows = pd.DataFrame(found, columns=COLUMNS)
            kept.add(rows)
            print(rows.round(3).to_string(header=False), flush=True)
    rows = kept.read()
    means = rows.groupby(["set", "method", "clicks"], sort=False)[MEASURES].mean()
    for measure in MEASURES:
        print(measure, means[measure].unstack().round(3).to_string(), sep="\n")
    mean = means.groupby(["method", "clicks"], sort=False).mean()
    print("mean of the sets", mean.round(3).to_string(), sep="\n")


@dataclass(frozen=True, eq=False)
class Step:
    """A head, and the work until then.

    Attributes
    ----------
    clicks
        Answers, corrections and confirmations.
    questions
        Questions that were answered or skipped.
    skips
        Questions that were skipped.
    patches
        Patches that were confirmed.
    labels
        Number of labels.
    head
        The head.
    """

    clicks: int
    questions: int
    skips: int
    patches: int
    labels: int
    head: Head

    def seconds(self, patch_s: float) -> float:
        """Return the time, in which skips count as clicks."""
        looks = QUESTION_S * self.questions + patch_s * self.patches
        return CLICK_S * (self.clicks + self.skips) + looks


Course = Callable[[Learner, Oracle, int], Iterator[Step]]


def single_answers(
    learner: Learner, oracle: Oracle, seed: int, most: int = CLICKS[-1]
) -> Iterator[Step]:
    """Yield a step after each round of questions, up to a number of answers."""
    rng, answers = np.random.default_rng(seed), 0
    while answers < most:
        size = 5 if answers < 10 else 10
        end = next(count for count in (*CLICKS, most) if count > answers)
        answered = learn(learner, oracle, min(size, end - answers), "active", rng)
        if not answered:
            return
        answers += answered
        skips = sum(map(len, learner.skipped))
        yield Step(answers, answers + skips, skips, 0, answers, learner.head)


def patches(learner: Learner, oracle: Oracle, seed: int, questions: int = 0) -> Iterator[Step]:
    """Yield a step after each patch, after a number of single answers."""
    last = Step(0, 0, 0, 0, 0, learner.head)
    for last in single_answers(learner, oracle, seed, questions):
        yield last
    clicks, confirmed = last.clicks, 0
    while clicks < MOST:
        taken = review_patch(learner, oracle, MOST)
        if not taken:
            return
        clicks, confirmed = clicks + taken, confirmed + 1
        labels = sum(map(len, learner.labels))
        yield Step(clicks, last.questions, last.skips, confirmed, labels, learner.head)


COURSES: dict[str, Course] = {
    "single answers": single_answers,
    "patches": patches,
    "ten answers, then patches": partial(patches, questions=10),
}


def compared(data: Dataset, seed: int) -> Iterator[tuple[object, ...]]:
    """Yield the rows of each method without set and seed."""
    train, test = data.split(seed)
    files = [data.micrographs[i] for i in train]
    first = starting_head(data.engine, files, leave_out=data.simulated)
    radii = first.spec.working_radii
    features = [data.engine.features(file, radii) for file in files]
    others = [data.engine.features(data.micrographs[i], radii) for i in test]
    judged, truth = [data.truth[i] for i in test], [data.truth[i] for i in train]
    for method, course in COURSES.items():
        oracle = Oracle(truth, [part.radius_px for part in features])
        learner = Learner(features, first, seed=seed)
        steps = [Step(0, 0, 0, 0, 0, first), *course(learner, oracle, seed)]
        ap = cache(lambda index, steps=steps: precision(steps[index].head, others, judged))
        for count in CLICKS:
            seconds = count * (CLICK_S + QUESTION_S)
            by_clicks = last([step.clicks <= count for step in steps])
            by_time = [last([step.seconds(s) <= seconds for step in steps]) for s in PATCH_S]
            measures = [ap(index) for index in (by_clicks, *by_time)]
            yield method, count, *measures, steps[by_clicks].labels, steps[by_clicks].patches


def last(fits: list[bool]) -> int:
    """Return the index of the last item that is true."""
    return max(index for index, one in enumerate(fits) if one)


if __name__ == "__main__":
    main()

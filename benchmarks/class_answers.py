"""Compare answers to classes of picks with answers to single questions.

    python benchmarks/class_answers.py [--data DIR] [--simulated SIM] [--seeds 3] [--out ROWS.csv]

An oracle answers ten questions of the default strategy. The picks at probability 0.5 on the
training micrographs, or the picks and the candidates at probability 0.2, are then sorted into
classes, and five classes are answered: "particles" or "not particles", if at least three quarters
of the members are of this kind. Other classes are left unanswered, as a person would do who looks
at the members. Classes of junk and of particles take turns, the largest first. All five are
answered at once, or with refined or new averages after the first two. Each answer becomes labels as
in the window (`activepick.classes.members`). For comparison, further questions are answered one by
one, up to 15, 20, 25 and 30 answers. Two thirds of the micrographs are for training; average
precision (AP), and precision and recall at probability 0.5, are those of the others.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from known_sets import Dataset, judge, load_datasets, parser_of
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from activepick.benchmark.oracle import Oracle, learn
from activepick.classes.crops import CropScale
from activepick.classes.members import label_weight, spread_members
from activepick.classes.picks import MicrographPicks, PickClasses, average_picks
from activepick.classes.result import ClassAverages
from activepick.learning.initial_head import starting_head
from activepick.learning.learner import Learner
from activepick.metrics import average_precision
from activepick.picking import LabelledPositions, PickRules, select_picks
from activepick.scoremap import SAME_POSITION, find_peaks

Floats = NDArray[np.float64]

BATCH, FIRST, SINGLE = 5, 10, (15, 20, 25, 30)
# Share of the members that have to be of one kind for an answer.
CLEAR = 0.75
MEMBERS_PER_CLASS, MOST_CLASSES = 20, 20


class Way(NamedTuple):
    """A way of answering: smallest probability, answers in each round, refined or new classes."""

    threshold: float
    rounds: tuple[int, ...] = (5,)
    refined: bool = True


WAYS = {
    "picks": Way(0.5),
    "candidates": Way(0.2),
    "candidates, refined after two": Way(0.2, (2, 3)),
    "candidates, new after two": Way(0.2, (2, 3), refined=False),
}


def main() -> None:
    parser = parser_of(__doc__)
    parser.set_defaults(seeds=3)
    parser.add_argument("--out", type=Path, help="table of all runs, to which rows are added")
    options = parser.parse_args()
    rows: list[tuple[object, ...]] = []
    for name, data in load_datasets(options.data, options.cache, options.simulated).items():
        split = replace(data, train=max(1, 2 * len(data.micrographs) // 3))
        for seed in range(options.seeds):
            rows += [(name, seed, *row) for row in course(split, seed)]
            print(pd.DataFrame(rows[-9:]).round(3).to_string(header=False), flush=True)
    table = pd.DataFrame(rows, columns=COLUMNS)
    if options.out:
        table.to_csv(options.out, index=False)
    print_tables(table)


COLUMNS = ["set", "seed", "answers", "ap", "precision", "recall", "classes", "wrong"]


def course(data: Dataset, seed: int) -> Iterator[tuple[object, ...]]:
    """Yield the answers, the accuracy of the head, answered classes, and share of wrong labels."""
    train, test = data.split(seed)
    files = [data.micrographs[i] for i in train]
    first = starting_head(data.engine, files, leave_out=data.simulated)
    features = [data.engine.features(file, first.spec.working_radii) for file in files]
    others = [data.engine.features(data.micrographs[i], first.spec.working_radii) for i in test]
    truth, judged = [data.truth[i] for i in train], [data.truth[i] for i in test]
    oracle = Oracle(truth, [part.radius_px for part in features])

    def answered(count: int) -> Learner:
        """Return a learner after single answers; the first ones are always the same."""
        learner, rng = Learner(features, first, seed=seed), np.random.default_rng(seed)
        while sum(map(len, learner.targets)) < count:
            if not learn(learner, oracle, BATCH, "active", rng):
                break
        return learner

    def worth(learner: Learner) -> tuple[float, float, float]:
        scores, hits = judge(learner.head, others, judged)
        total = sum(map(len, judged))
        picked = hits[scores >= 0]
        return (
            average_precision(scores, hits, total),
            float(picked.mean()) if len(picked) else 0.0,
            float(picked.sum() / total),
        )

    yield f"{FIRST}", *worth(answered(FIRST)), 0, 0.0
    for name, way in WAYS.items():
        learner, right = answered(FIRST), list[bool]()
        averages: ClassAverages | None = None
        count, known = 0, frozenset[int]()
        for wanted in way.rounds:
            if not way.refined:
                averages, known = None, frozenset()
            averages, done = answer_classes(
                learner, data, train, seed, way.threshold, wanted, averages, known, right
            )
            known |= done
            count += len(done)
        wrong = 1 - float(np.mean(right)) if right else 0.0
        yield f"{FIRST} + classes of {name}", *worth(learner), count, wrong
    for number in SINGLE:
        yield f"{number}", *worth(answered(number)), 0, 0.0


def answer_classes(
    learner: Learner,
    data: Dataset,
    train: list[int],
    seed: int,
    threshold: float,
    wanted: int,
    start: ClassAverages | None,
    known: frozenset[int],
    right: list[bool],
) -> tuple[ClassAverages, frozenset[int]]:
    """Answer classes of the picks and refit.

    Parameters
    ----------
    learner
        The learner, to which labels are added.
    data, train, seed
        The set, its micrographs for training, and the seed of new classes.
    threshold
        Smallest probability of the picks.
    wanted
        Number of classes to answer.
    start
        Classes to refine; None for new ones.
    known
        Numbers of classes that are answered already.
    right
        Receives for each label whether it is correct.

    Returns
    -------
    averages, answered
        The classes, and the numbers of those that were answered.
    """
    parts, kinds = [], []
    for index, number in enumerate(train):
        labels = LabelledPositions.of(learner.labels[index], learner.targets[index] == 1)
        peaks = find_peaks(learner.score_map(index))
        picks = select_picks(peaks, PickRules(threshold=threshold), labels)
        parts.append(MicrographPicks(data.micrographs[number], picks.xy, picks.score))
        distance = cKDTree(data.truth[number]).query(picks.xy)[0]
        kinds.append(distance <= learner.micrographs[index].radius_px)
    particle = np.concatenate(kinds)
    where = np.repeat(np.arange(len(parts)), [len(part.xy) for part in parts])
    xy = np.concatenate([part.xy for part in parts])
    found = average_picks(
        parts,
        CropScale(data.engine.diameter_angstrom),
        min(MOST_CLASSES, max(2, len(xy) // MEMBERS_PER_CLASS)),
        seed=seed,
        start=start,
        device="cpu",
    )
    chosen = [one for one in clear_classes(found, particle) if one[0] not in known][:wanted]
    for number, target in chosen:
        rows = free_members(found, number, learner, where, xy)
        rows = rows[spread_members(where[rows], xy[rows], probability(found)[rows])]
        right += (particle[rows] == target).tolist()
        for index in np.unique(where[rows]):
            own = rows[where[rows] == index]
            learner.add(index, xy[own], np.full(len(own), target), label_weight(len(rows)))
    learner.refit()
    return found.averages, frozenset(number for number, _ in chosen)


def clear_classes(found: PickClasses, particle: NDArray[np.bool_]) -> list[tuple[int, float]]:
    """Return the classes that show one kind, with their answers, in the order of the answers."""
    sizes = np.bincount(found.classes[found.classes >= 0], minlength=len(found.averages.averages))
    clear = []
    for number in np.argsort(-sizes, kind="stable").tolist():
        own = particle[found.classes == number]
        if len(own) and max(own.mean(), 1 - own.mean()) >= CLEAR:
            clear.append((number, float(own.mean() > 0.5)))
    junk, particles = ([one for one in clear if one[1] == kind] for kind in (0.0, 1.0))
    pairs = zip_longest(junk, particles)
    return [one for pair in pairs for one in pair if one is not None]


def free_members(
    found: PickClasses, number: int, learner: Learner, where: NDArray[np.intp], xy: Floats
) -> NDArray[np.intp]:
    """Return the members of a class that have no label."""
    rows = np.flatnonzero(found.classes == number)
    free = []
    for row in rows:
        known = learner.labels[where[row]]
        reach = SAME_POSITION * learner.micrographs[where[row]].radius_px
        free.append(not len(known) or np.hypot(*(known - xy[row]).T).min() > reach)
    return np.asarray(rows[np.array(free, bool)])


def probability(found: PickClasses) -> Floats:
    """Return the probability (n,) of the class of each pick; 0 if it has no class."""
    every = np.zeros(len(found.classes))
    every[found.rows] = found.averages.probability
    return every


def print_tables(table: pd.DataFrame) -> None:
    shown = ["ap", "precision", "recall", "classes", "wrong"]
    for by in (["set", "answers"], ["answers"]):
        means = table.groupby(by, sort=False)[shown].mean()
        print(means.round(3).to_string())


if __name__ == "__main__":
    main()

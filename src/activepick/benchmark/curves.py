"""Learning curves of methods on micrographs with known particles."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from activepick.benchmark.methods import Method
from activepick.benchmark.oracle import Oracle, learn, review_patch
from activepick.errors import SettingsError
from activepick.features.engine import FeatureEngine
from activepick.features.feature_map import MicrographFeatures
from activepick.files import read_whole
from activepick.formats.kind_columns import KIND_COLUMN
from activepick.formats.outside import inside_image
from activepick.json_text import parse_json
from activepick.learning.head import Head, pretrained_head, scale_mixture
from activepick.learning.initial_head import starting_head
from activepick.learning.learner import Learner
from activepick.learning.stopping import changed_positions, settled
from activepick.learning.strategies.registry import Strategy
from activepick.metrics import evaluate
from activepick.micrograph import Micrograph
from activepick.picking import (
    ALL_PEAKS,
    LabelledPositions,
    PickRules,
    select_picks,
    within_margin,
)
from activepick.scoremap import Peaks, ScoreMap, far_from, find_peaks

__all__ = ["COLUMNS", "Dataset", "learned_head", "learning_curve"]

COLUMNS = [
    "method",
    "seed",
    "clicks",
    "labels",
    "positives",
    "ap",
    "ap90",
    "f1",
    "refit_seconds",
    "skips",
    "changed",
    "settled",
    "precision",
    "recall",
    "predicted_precision",
]


@dataclass(frozen=True)
class Dataset:
    """Micrographs with known particles, and the engine that computes their features.

    Attributes
    ----------
    micrographs
        All micrographs, in the order of their names.
    truth
        For each micrograph the true centres (n, 2) in original pixels.
    engine
        Feature engine with the particle diameter and the default output stride.
    train
        Number of micrographs for training; the others are for evaluation.
    edge_margin
        Width of the strip at the border, in particle radii, in which nothing is queried, picked
        or counted as a true particle. Published tables may not contain the particles there.
    kinds
        For each micrograph the number of the kind of each particle, above 0, shape (n,); None if
        kinds are not distinguished.
    kind_names
        Names of the kinds by number.
    """

    micrographs: Sequence[Micrograph]
    truth: Sequence[NDArray[np.float64]]
    engine: FeatureEngine
    train: int
    edge_margin: float = 0.0
    kinds: Sequence[NDArray[np.int_]] | None = None
    kind_names: Mapping[int, str] = field(default_factory=dict)

    @property
    def columns(self) -> list[str]:
        """Names of the columns of learning curves: `COLUMNS`, and AP and F1 of each kind."""
        names = self.kind_names.values()
        return [*COLUMNS, *(f"{measure} {name}" for measure in ("ap", "f1") for name in names)]

    def of_kind(self, number: int) -> "Dataset":
        """Return a dataset with the same micrographs and only the particles of one kind."""
        if self.kinds is None:
            raise ValueError("this dataset has no kinds of particles")
        pairs = zip(self.truth, self.kinds, strict=True)
        truth = [xy[kinds == number] for xy, kinds in pairs]
        return Dataset(self.micrographs, truth, self.engine, self.train, self.edge_margin)

    def __post_init__(self) -> None:
        if not self.edge_margin >= 0:
            raise SettingsError(f"--edge-margin {self.edge_margin:g}: give 0 or more radii.")
        if not 0 < self.train < len(self.micrographs):
            raise SettingsError(
                f"--train {self.train}: there are {len(self.micrographs)} micrographs with known "
                "particles, of which at least one has to be left for training and one for "
                "evaluation."
            )

    @property
    def rules(self) -> PickRules:
        """The rules of the picks that are evaluated: all peaks that keep the edge margin."""
        return replace(ALL_PEAKS, edge_margin=self.edge_margin)

    @property
    def simulated(self) -> list[str]:
        """Names of the simulated proteins of the dataset, which the prior must leave out."""
        try:
            facts = parse_json(read_whole(self.micrographs[0].path.with_name("simulation.json")))
        except (OSError, ValueError):
            return []
        if not isinstance(facts, dict):
            return []
        mixture = facts.get("mixture")
        proteins = [facts.get("protein"), *(mixture if isinstance(mixture, list) else ())]
        return [name for name in proteins if isinstance(name, str)]

    def split(self, seed: int) -> tuple[list[int], list[int]]:
        """Return the indices for training and for evaluation; the seed rotates the micrographs."""
        count = len(self.micrographs)
        order = [(seed * self.train + i) % count for i in range(count)]
        return order[: self.train], order[self.train :]


def learning_curve(
    name: str,
    method: Method,
    data: Dataset,
    seed: int,
    counts: Sequence[int],
    batch: int,
    step: Callable[[str], None] = lambda text: None,
    wrong_answers: float = 0.0,
    stop: bool = False,
) -> Iterator[dict[str, object]]:
    """Run a method once and evaluate it at each number of clicks.

    Parameters
    ----------
    name, method
        Name of the method in the rows, and the method.
    data
        The micrographs.
    seed
        Determines the training micrographs and all random numbers.
    counts
        Numbers of clicks at which to evaluate, ascending; 0 is always added. An answer is one
        click. If patches are reviewed, the head at a number of clicks is the one after the last
        patch that was confirmed with at most so many clicks.
    batch
        Number of answers between two refits. If patches are reviewed, there is a refit after each.
    step
        Called with a short description before each longer step; may raise to cancel.
    wrong_answers
        Probability with which the oracle answers wrongly.
    stop
        Whether to end the run, with a row, as soon as the stopping rule predicts that more labels
        improve the picks little (`activepick.learning.stopping`).

    Yields
    ------
    dict
        A row with the keys `COLUMNS`: name of the method; seed; number of clicks, of labels and of
        positive labels so far; AP, AP90 (the precision at which the recall first reaches 0.9, 0 if
        it never does) and F1 at probability 0.5 on the micrographs for evaluation; the median
        duration of the refits since the last row, in seconds; number of skipped queries so far,
        which are not counted as clicks; the share of the picks on the training micrographs that the
        last round changed, and whether the stopping rule has predicted so far that more labels
        improve the picks little; precision and recall at probability 0.5, and the precision that is
        predicted by the probabilities. With kinds of particles, AP and AP90 are means over the
        kinds, the other measures are those of particles of any kind, and AP and F1 of each kind
        follow (see `Dataset.columns`). They are computed from the probability of the kind, as if
        it was the only one.
    """
    run = _Run.start(name, method, data, seed, step, wrong_answers=wrong_answers)
    if method.supervised:
        step("learning from all particles")
        _label_everything(run, np.random.default_rng(seed))
        yield run.row()
        return
    yield run.row()
    if method.by_patch:
        yield from _review_patches(run, counts, step, stop)
        return
    if method.strategy is None:
        # Labels change nothing: the curve is a constant line for comparison.
        yield from (run.row(labels=count) for count in counts)
        return
    for count in counts:
        while run.labels < count:
            step(f"{run.labels} labels")
            if not run.learn(min(batch, count - run.labels), method.strategy):
                return
            if stop and run.settled:
                yield run.row()
                return
        yield run.row()


def _review_patches(
    run: "_Run", counts: Sequence[int], step: Callable[[str], None], stop: bool
) -> Iterator[dict[str, object]]:
    """Yield the rows of a method that reviews patches; parameters as in `learning_curve`."""
    clicks = 0
    for count in counts:
        while clicks < count:
            step(f"{clicks} clicks")
            taken = run.review(count - clicks)
            if not taken:
                break
            clicks += taken
            if stop and run.settled:
                yield run.row(clicks=clicks)
                return
        yield run.row(clicks=count)


def learned_head(method: Method, data: Dataset, seed: int, count: int, batch: int) -> Head:
    """Return the head of a method after a number of labels.

    Parameters
    ----------
    method
        A method with queries.
    data, seed, batch
        As in `learning_curve`.
    count
        Number of labels.
    """
    run = _Run.start("", method, data, seed, lambda text: None, evaluate=False)
    strategy = method.strategy or "active"
    while run.labels < count and run.learn(min(batch, count - run.labels), strategy):
        pass
    return run.learner.head


@dataclass
class _Run:
    """A run of a method: its learner, and the micrographs for evaluation."""

    name: str
    seed: int
    learner: Learner
    oracle: Oracle
    training_truth: list[NDArray[np.float64]]
    features: list[MicrographFeatures]
    truth: list[NDArray[np.float64]]
    rng: np.random.Generator
    rules: PickRules
    training_kinds: list[NDArray[np.int_]] | None
    kinds: list[NDArray[np.int_]] | None
    kind_names: Mapping[int, str]
    refit_seconds: list[float] = field(default_factory=list)
    changes: list[float | None] = field(default_factory=list)
    settled: bool = False
    peaks: list[Peaks] = field(default_factory=list)

    @classmethod
    def start(
        cls,
        name: str,
        method: Method,
        data: Dataset,
        seed: int,
        step: Callable[[str], None],
        evaluate: bool = True,
        wrong_answers: float = 0.0,
    ) -> Self:
        train, test = data.split(seed)
        engine = _engine(method, data.engine)
        step("choosing the scale")
        head = _initial_head(method, engine, [data.micrographs[i] for i in train], data.simulated)

        def features(index: int) -> MicrographFeatures:
            step(f"features of {data.micrographs[index].name}")
            return engine.features(data.micrographs[index], head.spec.working_radii)

        training = [features(i) for i in train]
        names = data.kind_names
        learner = Learner(training, head, method.settings, seed, kind_names=names)
        training_truth = [data.truth[i] for i in train]
        training_kinds = None if data.kinds is None else [data.kinds[i] for i in train]
        radii = [part.radius_px for part in learner.micrographs]
        test = test if evaluate else []
        return cls(
            name=name,
            seed=seed,
            learner=learner,
            oracle=Oracle(training_truth, radii, wrong_answers, seed, training_kinds),
            training_truth=training_truth,
            features=[features(i) for i in test],
            truth=[data.truth[i] for i in test],
            rng=np.random.default_rng(seed),
            rules=data.rules,
            training_kinds=training_kinds,
            kinds=None if data.kinds is None else [data.kinds[i] for i in test],
            kind_names=names,
        )

    def learn(self, count: int, strategy: str | Strategy) -> int:
        """Run one round with the oracle and return the number of answers."""
        margin = self.rules.edge_margin
        answered = learn(self.learner, self.oracle, count, strategy, self.rng, margin)
        self.refit_seconds.append(self.learner.refit_seconds)
        self._compare()
        return answered

    def review(self, most: int) -> int:
        """Review a patch with the oracle and return the number of clicks, at most `most`."""
        clicks = review_patch(self.learner, self.oracle, most, self.rules.edge_margin)
        if clicks:
            self.refit_seconds.append(self.learner.refit_seconds)
            self._compare()
        return clicks

    def _compare(self) -> None:
        """Compare the picks on the training micrographs with those before the last refit."""
        learner, before = self.learner, self.peaks
        self.peaks = [find_peaks(learner.score_map(i)) for i in range(len(learner.micrographs))]
        changed = total = 0
        for index, pair in enumerate(zip(before, self.peaks, strict=False)):
            # As in the window, labels take precedence over the scores of both heads.
            labels = LabelledPositions.of(learner.labels[index], learner.targets[index] == 1)
            old, new = (select_picks(peaks, PickRules(), labels).xy for peaks in pair)
            count, picks = changed_positions(old, new, self.peaks[index].radius_px)
            changed, total = changed + count, total + picks
        self.changes.append(changed / total if total else None)
        self.settled |= settled(self.changes)

    @property
    def labels(self) -> int:
        return sum(len(targets) for targets in self.learner.targets)

    def row(self, labels: int | None = None, clicks: int | None = None) -> dict[str, object]:
        """Evaluate the current head; by default each label is a click."""
        labels = self.labels if labels is None else labels
        truth = []
        all_kinds = self.kinds or [np.ones(len(xy), int) for xy in self.truth]
        for features, xy, kinds in zip(self.features, self.truth, all_kinds, strict=True):
            inside = within_margin(features, xy, self.rules.edge_margin)
            table = pd.DataFrame({"x": xy[:, 0], "y": xy[:, 1], KIND_COLUMN: kinds})[inside]
            truth.append(table.assign(micrograph=features.name))
        # The radius differs between micrographs of a dataset only if their pixel sizes do.
        known, radius = pd.concat(truth), self.features[0].radius_px
        names = {} if self.kinds is None else self.kind_names
        picks, of_kinds = self._picks(names)
        result = evaluate(picks, known, radius)
        by_kind = {
            name: evaluate(of_kinds[number], known[known[KIND_COLUMN] == number], radius)
            for number, name in names.items()
        }
        seconds = float(np.median(self.refit_seconds)) if self.refit_seconds else float("nan")
        self.refit_seconds = []
        return {
            "method": self.name,
            "seed": self.seed,
            "clicks": labels if clicks is None else clicks,
            "labels": labels,
            "positives": int(sum(targets.sum() for targets in self.learner.targets)),
            "ap": _mean([one.ap for one in by_kind.values()] or [result.ap]),
            "ap90": _mean([one.ap90 for one in by_kind.values()] or [result.ap90]),
            "f1": result.f1,
            "refit_seconds": seconds,
            "skips": sum(len(xy) for xy in self.learner.skipped),
            "changed": self.changes[-1] if self.changes else None,
            "settled": self.settled,
            "precision": result.precision,
            "recall": result.recall,
            "predicted_precision": result.predicted_precision,
            **{f"ap {name}": one.ap for name, one in by_kind.items()},
            **{f"f1 {name}": one.f1 for name, one in by_kind.items()},
        }

    def _picks(self, kinds: Iterable[int]) -> tuple[pd.DataFrame, dict[int, pd.DataFrame]]:
        """Return the picks, and the peaks of the probability of each kind by its number.

        The average precision of a kind covers all thresholds: a position is ranked by the
        probability of this kind, also if another kind is more probable.
        """
        picks: list[pd.DataFrame] = []
        of_kinds: dict[int, list[pd.DataFrame]] = {number: [] for number in kinds}
        for features in self.features:
            scores = self.learner.head.score_map(features)
            picks.append(self._table(scores, features.name))
            for number, found in of_kinds.items():
                if scores.kinds is None:  # before the first label of a particle, it is unknown
                    found.append(picks[-1])
                elif number in scores.kinds.numbers:
                    found.append(self._table(scores.of_kind(number), features.name))
                else:
                    found.append(picks[-1].iloc[:0])
        return pd.concat(picks), {number: pd.concat(found) for number, found in of_kinds.items()}

    def _table(self, scores: ScoreMap, name: str) -> pd.DataFrame:
        """Return the picks from the score map of a micrograph with a name."""
        return select_picks(find_peaks(scores), self.rules).table(name)


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(np.nan_to_num(values)))


def _engine(method: Method, engine: FeatureEngine) -> FeatureEngine:
    if method.orientations is not None:
        engine = replace(engine, orientations=method.orientations)
    if method.stride == engine.extractor.stride:
        return engine
    return replace(engine, extractor=engine.extractor.with_stride(method.stride))


def _initial_head(
    method: Method,
    engine: FeatureEngine,
    micrographs: Sequence[Micrograph],
    simulated: Sequence[str],
) -> Head:
    backbone = engine.extractor.backbone
    if method.working_radius is None:
        head = starting_head(engine, micrographs, leave_out=simulated, fine_ratio=method.fine_ratio)
        if not method.simulated_prior:
            head = replace(head, directions=None)
        return scale_mixture(head, backbone.weights) if method.scale_mixture else head
    radius = method.working_radius(engine.diameter_angstrom)
    return pretrained_head(engine.spec((radius,)), backbone.weights, backbone.bias, radius)


def _label_everything(run: _Run, rng: np.random.Generator) -> None:
    """Label all true particles inside the images, and as many random positions without a particle.

    Positions within the edge margin are not labelled.
    """
    learner, margin = run.learner, run.rules.edge_margin
    kinds = run.training_kinds or [np.ones(len(xy), int) for xy in run.training_truth]
    rows = zip(learner.micrographs, run.training_truth, kinds, strict=True)
    for index, (features, xy, own) in enumerate(rows):
        height, width = features.shape
        positions = rng.uniform(0, 1, (4 * len(xy), 2)) * [width - 1, height - 1]
        if len(xy):
            far = far_from(positions, xy, features.radius_px)
            empty = positions[far & within_margin(features, positions, margin)][: len(xy)]
            within = inside_image(xy, features.shape) & within_margin(features, xy, margin)
            learner.add(index, xy[within], np.ones(within.sum()), kinds=own[within])
            learner.add(index, empty, np.zeros(len(empty)))
    learner.refit()

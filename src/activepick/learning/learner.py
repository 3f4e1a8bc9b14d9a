"""Train a head with labels on micrographs, and choose the next queries."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from activepick.errors import TableError
from activepick.formats.outside import inside_image
from activepick.learning.head import Head, TrainingData
from activepick.learning.label_review import DoubtfulLabel, doubtful_labels
from activepick.learning.posterior import Posterior
from activepick.learning.settings import LearnerSettings
from activepick.learning.strategies.candidates import Query
from activepick.learning.strategies.context import MayAsk, QueryContext, everywhere
from activepick.learning.strategies.registry import Strategy, select_queries
from activepick.learning.training import fit_head, head_posterior
from activepick.learning.training_set import (
    MicrographLabels,
    TrainingExamples,
    TrainingSet,
)
from activepick.scoremap import ScoreMap

if TYPE_CHECKING:  # the module needs PyTorch
    from activepick.features.feature_map import MicrographFeatures

__all__ = ["Learner", "LearnerSettings"]

Floats = NDArray[np.float64]


class Learner:
    """Trainer of a head for micrographs whose features are in memory.

    Parameters
    ----------
    micrographs
        Features of the micrographs.
    pretrained
        The head before the first label, which is the mean of the prior.
    settings
        Settings of the training; by default `LearnerSettings()`.
    seed
        Seed of the sample of unlabelled pixels, and of queries for which no random generator is
        given.
    keys
        Name of each micrograph, on which its sample of pixels depends. By default the names of the
        features.
    kind_names
        Names of the kinds of particles by number, above 0, if they are to be told apart.

    Attributes
    ----------
    head
        The current head.
    labels
        For each micrograph the labelled positions x, y in original pixels, shape (n, 2).
    targets
        For each micrograph the targets of its labels, shape (n,): 1 for particles, 0 for
        non-particles.
    weights
        For each micrograph the weights of its labels, shape (n,).
    kinds
        For each micrograph the number of the kind of particle of each label, shape (n,); 0 for
        non-particles.
    skipped
        For each micrograph the skipped positions x, y in original pixels, shape (n, 2).
    refit_seconds
        Duration of the last refit in seconds.
    """

    def __init__(
        self,
        micrographs: "Sequence[MicrographFeatures]",
        pretrained: Head,
        settings: LearnerSettings | None = None,
        seed: int = 0,
        keys: Sequence[str] | None = None,
        kind_names: Mapping[int, str] | None = None,
    ) -> None:
        self.micrographs = list(micrographs)
        self.pretrained = pretrained
        self.settings = settings or LearnerSettings()
        self.seed = seed
        self.keys = _unique([m.name for m in self.micrographs]) if keys is None else list(keys)
        self.kind_names = dict(kind_names or {})
        self.head = self._initial_head()
        self.labels: list[Floats] = [np.empty((0, 2)) for _ in self.micrographs]
        self.targets: list[Floats] = [np.empty(0) for _ in self.micrographs]
        self.weights: list[Floats] = [np.empty(0) for _ in self.micrographs]
        self.kinds: list[Floats] = [np.empty(0) for _ in self.micrographs]
        self.skipped: list[Floats] = [np.empty((0, 2)) for _ in self.micrographs]
        self.refit_seconds = 0.0
        self._training_set: TrainingSet | None = None
        self._fitted = False

    def add(
        self,
        index: int,
        xy: ArrayLike,
        targets: ArrayLike,
        weights: ArrayLike = 1.0,
        kinds: ArrayLike = 1,
    ) -> None:
        """Add labels on a micrograph; they take effect at the next `refit`.

        A label that is added twice counts once.

        Parameters
        ----------
        index
            Index of the micrograph.
        xy
            Positions x, y in original pixels, shape (n, 2).
        targets
            1 for particles, 0 for non-particles, shape (n,).
        weights
            Weight of each label, from above 0 to 1, shape (n,), or one weight for all of them.
        kinds
            Number of the kind of each particle, shape (n,), or one number for all of them. Those of
            non-particles are ignored.

        Raises
        ------
        TableError
            If a position is outside the image. No label is added in this case.
        """
        xy = np.asarray(xy, np.float64).reshape(-1, 2)
        micrograph = self.micrographs[index]
        outside = xy[~inside_image(xy, micrograph.shape)]
        if len(outside):
            height, width = micrograph.shape
            raise TableError(
                f"{micrograph.name}: the label at ({outside[0, 0]:g}, {outside[0, 1]:g}) lies "
                f"outside of the image of {width} x {height} pixels. Give positions in pixels "
                "of the "
                "original micrograph."
            )
        targets = np.asarray(targets, np.float64).reshape(-1)
        self.labels[index] = np.concatenate([self.labels[index], xy])
        self.targets[index] = np.append(self.targets[index], targets)
        weights = np.broadcast_to(np.asarray(weights, np.float64), len(xy))
        self.weights[index] = np.append(self.weights[index], weights)
        kinds = np.broadcast_to(np.asarray(kinds, np.float64), len(xy))
        self.kinds[index] = np.append(self.kinds[index], np.where(targets == 1, kinds, 0.0))

    def skip(self, index: int, xy: ArrayLike) -> None:
        """Skip positions on a micrograph, so that they are not queried again.

        Parameters
        ----------
        index
            Index of the micrograph.
        xy
            Positions x, y in original pixels, shape (n, 2).
        """
        xy = np.asarray(xy, np.float64).reshape(-1, 2)
        self.skipped[index] = np.concatenate([self.skipped[index], xy])

    def refit(self) -> Head:
        """Fit the head to all labels, starting from the previous head, and return it."""
        start = time.perf_counter()
        examples = self.examples()
        if not len(examples.targets):
            self.head = self._initial_head()
            self._fitted = False
            return self.head
        warm_start = self.head if self._fitted else None
        self.head = fit_head(self.pretrained, self.settings, examples, warm_start, self.kind_names)
        self._fitted = True
        self.refit_seconds = time.perf_counter() - start
        return self.head

    def ask(
        self,
        count: int,
        strategy: str | Strategy = "active",
        rng: np.random.Generator | None = None,
        may_ask: MayAsk = everywhere,
    ) -> list[Query]:
        """Choose the next queries.

        Parameters
        ----------
        count
            Largest number of queries.
        strategy
            As in `activepick.learning.strategies.registry.select_queries`.
        rng, may_ask
            As in `query_context`.

        Returns
        -------
        list of Query
        """
        return select_queries(self.query_context(rng, may_ask), count, strategy)

    def query_context(
        self, rng: np.random.Generator | None = None, may_ask: MayAsk = everywhere
    ) -> QueryContext:
        """Return the data from which a query strategy chooses.

        Parameters
        ----------
        rng
            Random generator of the strategy; by default a new one with `seed`.
        may_ask
            As in `QueryContext`.
        """
        return QueryContext(
            micrographs=tuple(self.micrographs),
            score_maps=tuple(self.head.linear_map(one) for one in self.micrographs),
            labelled=tuple(self.labels),
            skipped=tuple(self.skipped),
            head=self.head,
            posterior=self.posterior,
            rng=np.random.default_rng(self.seed) if rng is None else rng,
            may_ask=may_ask,
        )

    def score_map(self, index: int) -> ScoreMap:
        """Compute the score map of the current head on a micrograph."""
        return self.head.score_map(self.micrographs[index])

    def posterior(self) -> Posterior:
        """Compute the normal posterior of the current head."""
        return head_posterior(self.head, self.pretrained, self.settings, self.examples())

    def doubtful_labels(self) -> list[DoubtfulLabel]:
        """Return the labels, sorted by decreasing contradiction by the other labels.

        See `activepick.learning.label_review`.
        """
        examples = self.examples()
        if not len(examples.targets):
            return []
        return doubtful_labels(self.head, self.pretrained, self.settings, examples)

    def training_data(self) -> TrainingData:
        """Return the training data that are stored with the head."""
        return self.examples().training_data()

    def examples(self) -> TrainingExamples:
        """Return the training examples for the labels."""
        features = dict(zip(self.keys, self.micrographs, strict=True))
        labels = {
            key: MicrographLabels(*rows)
            for key, *rows in zip(
                self.keys, self.labels, self.targets, self.weights, self.kinds, strict=True
            )
        }
        return self._current_training_set().collect(labels, features.__getitem__)

    def _current_training_set(self) -> TrainingSet:
        """Return the training set for the current attributes."""
        known = self._training_set
        if (
            known is None
            or known.pretrained is not self.pretrained
            or known.settings is not self.settings
            or known.seed != self.seed
        ):
            known = self._training_set = TrainingSet(self.pretrained, self.settings, self.seed)
        return known

    def _initial_head(self) -> Head:
        if self.settings.fit.start == "pretrained":
            return self.pretrained
        return replace(self.pretrained, weights=np.zeros_like(self.pretrained.weights), bias=0.0)


def _unique(names: Sequence[str]) -> list[str]:
    """Append a number to repeated names."""
    counts: dict[str, int] = {}
    keys = []
    for name in names:
        counts[name] = counts.get(name, 0) + 1
        keys.append(name if counts[name] == 1 else f"{name}#{counts[name]}")
    return keys

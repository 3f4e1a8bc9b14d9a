"""Labels in, head out: the state of learning on a set of micrographs."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from activepick.features.feature_map import MicrographFeatures
from activepick.features.score_map import ScoreMap
from activepick.learning.fit import HeadFit
from activepick.learning.head import Head

__all__ = ["Learner", "LearnerSettings"]

Floats = NDArray[np.float64]

# A label stands for its centre and six pixels around it.
_RING = np.arange(6) * np.pi / 3
_DISC = np.vstack([np.zeros((1, 2)), np.stack([np.cos(_RING), np.sin(_RING)], axis=1)])


@dataclass(frozen=True)
class LearnerSettings:
    """How labels become a head.

    Attributes
    ----------
    fit
        The regression.
    label_radius
        Radius of the disc around a label whose pixels share its weight, in particle radii.
    unlabelled
        Number of pixels sampled from all micrographs together for the pi term.
    """

    fit: HeadFit = field(default_factory=HeadFit)
    label_radius: float = 0.15
    unlabelled: int = 2000


class Learner:
    """Collects labels on micrographs and keeps the head that fits them.

    Parameters
    ----------
    micrographs
        Features of the micrographs that are learnt from.
    pretrained
        The head before the first label; also what the fit is drawn to.
    settings
        See `LearnerSettings`.
    seed
        For the sample of unlabelled pixels.

    Attributes
    ----------
    head
        The current head.
    labels
        For each micrograph the labelled positions (n, 2) in original pixels.
    targets
        For each micrograph the answers (n,): 1 particle, 0 not.
    skipped
        For each micrograph the positions (n, 2) that nobody wants to be asked about again.
    refit_seconds
        How long the last refit took.
    """

    def __init__(
        self,
        micrographs: Sequence[MicrographFeatures],
        pretrained: Head,
        settings: LearnerSettings | None = None,
        seed: int = 0,
    ) -> None:
        self.micrographs = list(micrographs)
        self.pretrained = pretrained
        self.settings = settings or LearnerSettings()
        self.head = self._first_head()
        self.labels: list[Floats] = [np.empty((0, 2)) for _ in self.micrographs]
        self.targets: list[Floats] = [np.empty(0) for _ in self.micrographs]
        self.skipped: list[Floats] = [np.empty((0, 2)) for _ in self.micrographs]
        self.refit_seconds = 0.0
        self._rows: list[Floats] = [np.empty((0, m.channels)) for m in self.micrographs]
        self._unlabelled = self._sample(np.random.default_rng(seed))
        self._fitted = False

    def add(self, index: int, xy: ArrayLike, targets: ArrayLike) -> None:
        """Add labels on a micrograph; the head changes at the next `refit`.

        Parameters
        ----------
        index
            Which micrograph.
        xy
            Positions (n, 2) in original pixels.
        targets
            1 particle, 0 not a particle, shape (n,).
        """
        xy = np.asarray(xy, np.float64).reshape(-1, 2)
        features = self.micrographs[index]
        offsets = _DISC * (self.settings.label_radius * features.radius_px)
        rows = features.at((xy[:, None] + offsets).reshape(-1, 2))
        self.labels[index] = np.concatenate([self.labels[index], xy])
        self.targets[index] = np.append(self.targets[index], np.asarray(targets, np.float64))
        self._rows[index] = np.concatenate([self._rows[index], rows.astype(np.float64)])

    def skip(self, index: int, xy: ArrayLike) -> None:
        """Leave positions (n, 2) without an answer, and do not ask about them again."""
        xy = np.asarray(xy, np.float64).reshape(-1, 2)
        self.skipped[index] = np.concatenate([self.skipped[index], xy])

    def refit(self) -> Head:
        """Fit the head to all labels, starting from the last one."""
        start = time.perf_counter()
        y = np.concatenate(self.targets)
        if not len(y):
            self.head = self._first_head()
            self._fitted = False
            return self.head
        per_label = len(_DISC)
        fit = replace(self.settings.fit).fit(
            np.concatenate(self._rows),
            np.repeat(y, per_label),
            np.full(len(y) * per_label, 1 / per_label),
            unlabelled=self._unlabelled,
            pretrained=(self.pretrained.weights.ravel(), self.pretrained.bias),
            warm_start=(self.head.weights.ravel(), self.head.bias) if self._fitted else None,
        )
        self._fitted = True
        self.head = replace(
            self.pretrained,
            weights=fit.weights_.reshape(self.pretrained.weights.shape),
            bias=fit.bias_,
            particles=int(y.sum()),
            others=int(len(y) - y.sum()),
        )
        self.refit_seconds = time.perf_counter() - start
        return self.head

    def score_map(self, index: int) -> ScoreMap:
        """Score of the current head on a micrograph."""
        return self.micrographs[index].score_map(self.head.weights, self.head.bias)

    def _first_head(self) -> Head:
        if self.settings.fit.start == "pretrained":
            return self.pretrained
        return replace(self.pretrained, weights=np.zeros_like(self.pretrained.weights), bias=0.0)

    def _sample(self, rng: np.random.Generator) -> Floats:
        if not self.micrographs:
            return np.empty((0, self.pretrained.weights.size))
        count = -(-self.settings.unlabelled // len(self.micrographs))
        parts = []
        for features in self.micrographs:
            height, width = features.shape
            xy = rng.uniform(0, 1, (count, 2)) * [width - 1, height - 1]
            parts.append(features.at(xy))
        return np.concatenate(parts).astype(np.float64)

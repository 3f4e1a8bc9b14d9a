"""Labels in, head out: the state of learning on a set of micrographs."""

import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from activepick.features.feature_map import MicrographFeatures
from activepick.learning.calibration import Calibration, calibrate
from activepick.learning.head import Evidence, Head
from activepick.learning.posterior import Posterior, laplace, left_out_scores
from activepick.learning.training import (
    LABEL_PIXELS,
    LearnerSettings,
    fit_head,
    label_rows,
    sampled_rows,
)
from activepick.scoremap import SAME_POSITION, ScoreMap, separated_peaks

__all__ = ["Learner", "LearnerSettings"]

Floats = NDArray[np.float64]

# So many sampled pixels are kept with a head: enough for the pi term, and little in a file.
_KEPT = 500


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
    unlabelled
        Features (u, D) of unlabelled pixels to use instead of a sample.

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
        unlabelled: Floats | None = None,
    ) -> None:
        self.micrographs = list(micrographs)
        self.pretrained = pretrained
        self.settings = settings or LearnerSettings()
        self.head = self._first_head()
        self.labels: list[Floats] = [np.empty((0, 2)) for _ in self.micrographs]
        self.targets: list[Floats] = [np.empty(0) for _ in self.micrographs]
        self.skipped: list[Floats] = [np.empty((0, 2)) for _ in self.micrographs]
        self.refit_seconds = 0.0
        self._rows: list[Floats] = [
            np.empty((0, LABEL_PIXELS, m.channels)) for m in self.micrographs
        ]
        if unlabelled is None:
            unlabelled = self._sample(np.random.default_rng(seed))
        self._unlabelled = unlabelled
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
        rows = label_rows(self.micrographs[index], xy, self.settings.label_radius)
        self.labels[index] = np.concatenate([self.labels[index], xy])
        self.targets[index] = np.append(self.targets[index], np.asarray(targets, np.float64))
        self._rows[index] = np.concatenate([self._rows[index], rows])

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
        self.head = fit_head(
            self.pretrained,
            self.settings.fit,
            self.rows(),
            y,
            self._unlabelled,
            self.head if self._fitted else None,
            consistency=self.settings.consistency,
            consistency_unlabelled=self.settings.consistency_unlabelled,
            peaks=self._stand_ins() if self.settings.stand_ins and len(set(y)) == 1 else None,
        )
        self._fitted = True
        self.refit_seconds = time.perf_counter() - start
        return self.head

    def rows(self) -> Floats:
        """Features of the labels, shape (n, pixels of a label, D), one micrograph after another."""
        parts = [np.empty((0, LABEL_PIXELS, self.pretrained.weights.size))]
        for features, xy, rows in zip(self.micrographs, self.labels, self._rows, strict=True):
            # Who only asks for questions sets the places alone.
            known = len(rows) == len(xy)
            parts.append(rows if known else label_rows(features, xy, self.settings.label_radius))
        return np.concatenate(parts)

    def posterior(self) -> Posterior:
        """Give the normal posterior of the current head; see `activepick.learning.posterior`."""
        return laplace(self.head, self.settings.fit, self.rows(), self._unlabelled)

    def calibration(self) -> Calibration:
        """Give what turns scores of the current head into probabilities."""
        rows, targets = self.rows(), np.concatenate([np.empty(0), *self.targets])
        if not len(targets):
            return Calibration()
        return calibrate(left_out_scores(self.head, self.posterior(), rows, targets), targets)

    def evidence(self) -> Evidence:
        """Give what the head learnt from, to be kept with it."""
        return Evidence(
            self.rows().mean(axis=1),
            np.concatenate([np.empty(0), *self.targets]),
            self._unlabelled[:: max(1, -(-len(self._unlabelled) // _KEPT))],
        )

    def score_map(self, index: int) -> ScoreMap:
        """Score of the current head on a micrograph."""
        return self.micrographs[index].score_map(self.head.weights, self.head.bias)

    def _stand_ins(self) -> Floats:
        """Features (m, D) of peaks of the pretrained head that lie at no label."""
        parts = [np.empty((0, self.pretrained.weights.size))]
        for features, labelled in zip(self.micrographs, self.labels, strict=True):
            map = features.score_map(self.pretrained.weights, self.pretrained.bias)
            xy = separated_peaks(map).xy
            if len(labelled) and len(xy):
                distance = np.asarray(cKDTree(labelled).query(xy)[0])
                xy = xy[distance > SAME_POSITION * features.radius_px]
            parts.append(features.at(xy).astype(np.float64))
        return np.concatenate(parts)

    def _first_head(self) -> Head:
        if self.settings.fit.start == "pretrained":
            return self.pretrained
        return replace(self.pretrained, weights=np.zeros_like(self.pretrained.weights), bias=0.0)

    def _sample(self, rng: np.random.Generator) -> Floats:
        if not self.micrographs:
            return np.empty((0, self.pretrained.weights.size))
        count = -(-self.settings.unlabelled // len(self.micrographs))
        return np.concatenate([sampled_rows(part, count, rng) for part in self.micrographs])

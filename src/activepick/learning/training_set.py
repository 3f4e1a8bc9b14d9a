"""Training examples of a head: features at labels, at sampled pixels and at peaks."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from activepick.errors import ActivepickError
from activepick.formats.outside import inside_image
from activepick.learning.head import Head, TrainingData
from activepick.learning.settings import LearnerSettings
from activepick.learning.uncertainty import entropy
from activepick.scoremap import SAME_POSITION, far_from, separated_peaks

if TYPE_CHECKING:  # the module needs PyTorch
    from activepick.features.feature_map import MicrographFeatures

__all__ = [
    "LABEL_PIXELS",
    "MicrographLabels",
    "TrainingExamples",
    "TrainingSet",
    "label_features",
    "sample_features",
]

Floats = NDArray[np.float64]
Get = Callable[[str], "MicrographFeatures"]

# Offsets of the pixels of a label: its centre and six positions on a circle around it.
_RING = np.arange(6) * np.pi / 3
_DISC = np.vstack([np.zeros((1, 2)), np.stack([np.cos(_RING), np.sin(_RING)], axis=1)])
LABEL_PIXELS = len(_DISC)

# Number of the highest peaks of the pretrained head by which micrographs are compared.
_PEAKS = 64
# Number of peaks, evenly spaced over all ranks, that can substitute for a missing class.
_STAND_INS = 150
# Number of sampled pixels that are stored with a head: sufficient for the pi term, and small.
_KEPT = 500


class MicrographLabels(NamedTuple):
    """Labels on a micrograph.

    Attributes
    ----------
    xy
        Positions x, y in original pixels, shape (n, 2).
    targets
        1 for particles, 0 for non-particles, shape (n,).
    weights
        Weight of each label, from above 0 to 1, shape (n,); None if all have the weight 1.
    kinds
        Number of the kind of particle of each label, shape (n,), 0 for non-particles; None if kinds
        are not distinguished.
    """

    xy: Floats
    targets: Floats
    weights: Floats | None = None
    kinds: Floats | None = None


@dataclass(frozen=True, eq=False)
class TrainingExamples:
    """Training examples of a head.

    They depend only on the set of labels, not on the order of labels or micrographs.

    Attributes
    ----------
    keys
        Keys of the micrographs whose labels are among the examples.
    labels
        For each of the n labels the key of the micrograph, and x and y in original pixels.
    features
        Features of the pixels of each label, shape (n, pixels of a label, D).
    targets
        1 for particles, 0 for non-particles, shape (n,).
    weights
        Weight of each label, from above 0 to 1, shape (n,).
    kinds
        Number of the kind of particle of each label, shape (n,); 0 for non-particles, and if kinds
        are not distinguished.
    unlabelled
        Features of sampled pixels, shape (u, D).
    stand_ins
        Features of unlabelled peaks, shape (m, D), which are substitutes for the missing class;
        None if both classes have labels.
    unreadable
        By the key of the micrograph, the reason why its labels are not among the examples.
    outside
        By the key of the micrograph, the positions x, y in original pixels, shape (n, 2), of labels
        outside the image, which are not among the examples.
    """

    keys: tuple[str, ...]
    labels: tuple[tuple[str, float, float], ...]
    features: Floats
    targets: Floats
    weights: Floats
    kinds: NDArray[np.int_]
    unlabelled: Floats
    stand_ins: Floats | None
    unreadable: Mapping[str, str]
    outside: Mapping[str, Floats]

    def training_data(self) -> TrainingData:
        """Return the training data that are stored with a head."""
        step = max(1, -(-len(self.unlabelled) // _KEPT))
        return TrainingData(
            self.features.mean(axis=1), self.targets, self.unlabelled[::step], self.weights
        )


@dataclass(frozen=True, eq=False)
class _Peaks:
    """Peaks of the pretrained head on a micrograph."""

    mean_score: float
    highest: NDArray[np.float16]
    xy: Floats
    features: NDArray[np.float16]
    radius_px: float


class TrainingSet:
    """Collection of the training data of each micrograph, so that its features can be dropped.

    Parameters
    ----------
    pretrained
        The head before the first label, with which the peaks are found.
    settings
        Settings of the training; by default `LearnerSettings()`.
    seed
        Seed of the sampled pixels, which depend only on the seed and on the key of the micrograph.
    """

    def __init__(
        self, pretrained: Head, settings: LearnerSettings | None = None, seed: int = 0
    ) -> None:
        self.pretrained = pretrained
        self.settings = settings or LearnerSettings()
        self.seed = seed
        # Features of the disc of each label; None if the label is outside the image.
        self._labels: dict[str, dict[tuple[float, float], NDArray[np.float32] | None]] = {}
        self._samples: dict[str, NDArray[np.float32]] = {}
        self._peaks: dict[str, _Peaks] = {}
        self._joined: tuple[object, Floats] = (None, np.empty((0, 0)))

    def observe(self, key: str, features: "MicrographFeatures") -> None:
        """Store the peaks of the pretrained head on a micrograph.

        Parameters
        ----------
        key
            Key of the micrograph.
        features
            Features of the micrograph.
        """
        if key in self._peaks:
            return
        found = separated_peaks(self.pretrained.linear_map(features))
        xy, scores = found.xy.astype(np.float64), found.score
        some = xy[:: max(1, -(-len(xy) // _STAND_INS))].reshape(-1, 2)
        self._peaks[key] = _Peaks(
            mean_score=float(scores[:_PEAKS].mean()) if len(scores) else 0.0,
            highest=features.at(xy[:_PEAKS]).astype(np.float16),
            xy=some,
            features=features.at(some).astype(np.float16),
            radius_px=features.radius_px,
        )

    def mean_peak_score(self, key: str) -> float | None:
        """Return the mean score of the highest peaks of the pretrained head on a micrograph.

        None if the micrograph was not observed.
        """
        peaks = self._peaks.get(key)
        return None if peaks is None else peaks.mean_score

    def mean_entropy(self, key: str, head: Head) -> float | None:
        """Return the mean entropy of a head, in nats, over the highest pretrained peaks.

        None if the micrograph was not observed or has no peak.
        """
        peaks = self._peaks.get(key)
        if peaks is None or not len(peaks.highest):
            return None
        return float(entropy(head.linear_scores(peaks.highest.astype(np.float64))).mean())

    def collect(self, labels: Mapping[str, MicrographLabels], get: Get) -> TrainingExamples:
        """Collect the training examples for a set of labels.

        Labels of the same class at the same position count once, with the largest of their weights.
        Labels outside the image and labels on micrographs that cannot be read are left out, and are
        reported in the result.

        Parameters
        ----------
        labels
            Labels by the key of the micrograph.
        get
            Function that returns the features of a micrograph by its key. It is called only if the
            features are needed. An `ActivepickError` means that the micrograph cannot be read.

        Returns
        -------
        TrainingExamples
        """
        distinct = {key: _distinct(*labels[key]) for key in sorted(labels) if len(labels[key].xy)}
        unreadable: dict[str, str] = {}
        while True:
            readable = [key for key in distinct if key not in unreadable]
            for key in readable:
                try:
                    self._complete_labels(key, distinct[key], get)
                except ActivepickError as error:
                    unreadable[key] = str(error)
            inside = {k: self._inside(k, distinct[k]) for k in readable if k not in unreadable}
            keys = tuple(key for key, mask in inside.items() if mask.any())
            share = -(-self.settings.unlabelled // max(1, len(keys)))
            before = len(unreadable)
            for key in keys:
                try:
                    self._complete_sample(key, share, get)
                except ActivepickError as error:
                    unreadable[key] = str(error)
            if len(unreadable) == before:
                break
        used = [(key, *row) for key in keys for row in distinct[key][inside[key]].tolist()]
        targets = np.array([target for *_, target, _, _ in used], np.float64)
        pixels = [self._labels[key][x, y] for key, x, y, *_ in used]
        width = self.pretrained.weights.size
        one_class = self.settings.stand_ins and len(set(targets.tolist())) == 1
        return TrainingExamples(
            keys,
            tuple((key, x, y) for key, x, y, *_ in used),
            np.array(pixels, np.float64).reshape(-1, LABEL_PIXELS, width),
            targets,
            np.array([weight for *_, weight in used], np.float64),
            np.array([kind for *_, kind, _ in used], int),
            self._unlabelled(keys, share),
            self._stand_ins(keys, distinct, get) if one_class else None,
            unreadable,
            {k: distinct[k][~mask, :2] for k, mask in inside.items() if not mask.all()},
        )

    def _complete_labels(self, key: str, rows: Floats, get: Get) -> None:
        """Compute the features of labels of a micrograph that are not stored yet."""
        known = self._labels.setdefault(key, {})
        missing = [(x, y) for x, y in rows[:, :2].tolist() if (x, y) not in known]
        if not missing:
            return
        features = get(key)
        within = inside_image(missing, features.shape)
        pixels = label_features(features, missing, self.settings.label_radius)
        for position, one, ok in zip(missing, pixels.astype(np.float32), within, strict=True):
            known[position] = one if ok else None

    def _inside(self, key: str, rows: Floats) -> NDArray[np.bool_]:
        known = self._labels[key]
        return np.array([known[x, y] is not None for x, y in rows[:, :2].tolist()], bool)

    def _complete_sample(self, key: str, count: int, get: Get) -> None:
        if len(self._samples.get(key, ())) < count:
            try:
                sample = sample_features(get(key), count, _sample_rng(self.seed, key))
                self._samples[key] = sample.astype(np.float32)
            except ActivepickError:
                if key not in self._samples:  # a smaller sample is better than no labels
                    raise
        self._samples[key] = self._samples[key][:count]

    def _unlabelled(self, keys: tuple[str, ...], share: int) -> Floats:
        """Join the samples of micrographs; reuse the last result if nothing changed."""
        samples = [self._samples[key][:share] for key in keys]
        facts = (keys, [len(rows) for rows in samples])
        if self._joined[0] != facts:
            empty = np.empty((0, self.pretrained.weights.size))
            self._joined = facts, np.concatenate([empty, *samples], dtype=np.float64)
        return self._joined[1]

    def _stand_ins(self, keys: tuple[str, ...], labels: Mapping[str, Floats], get: Get) -> Floats:
        """Return the features of the peaks of micrographs that are not at a label."""
        parts = [np.empty((0, self.pretrained.weights.size))]
        for key in keys:
            if key not in self._peaks:
                try:
                    self.observe(key, get(key))
                except ActivepickError:
                    continue  # its labels are used nevertheless
            peaks = self._peaks[key]
            free = far_from(peaks.xy, labels[key][:, :2], SAME_POSITION * peaks.radius_px)
            parts.append(peaks.features[free].astype(np.float64))
        return np.concatenate(parts)


def label_features(features: "MicrographFeatures", xy: ArrayLike, label_radius: float) -> Floats:
    """Return the features of the pixels of labels.

    Parameters
    ----------
    features
        Features of the micrograph.
    xy
        Positions x, y in original pixels, shape (n, 2).
    label_radius
        As in `LearnerSettings`.

    Returns
    -------
    array of float64, shape (n, pixels of a label, D)
    """
    xy = np.asarray(xy, np.float64).reshape(-1, 2)
    offsets = _DISC * (label_radius * features.radius_px)
    pixels = features.at((xy[:, None] + offsets).reshape(-1, 2))
    return pixels.astype(np.float64).reshape(len(xy), len(_DISC), -1)


def sample_features(features: "MicrographFeatures", count: int, rng: np.random.Generator) -> Floats:
    """Return the features of pixels that are sampled uniformly from a micrograph.

    The first rows of a sample are those of a smaller sample with the same random state.

    Parameters
    ----------
    features
        Features of the micrograph.
    count
        Number of pixels.
    rng
        Random generator.

    Returns
    -------
    array of float64, shape (count, D)
    """
    height, width = features.shape
    xy = rng.uniform(0, 1, (count, 2)) * [width - 1, height - 1]
    return features.at(xy).astype(np.float64)


def _sample_rng(seed: int, key: str) -> np.random.Generator:
    """Return the random generator for the sampled pixels of a micrograph."""
    digest = hashlib.blake2b(key.encode(), digest_size=8).digest()
    return np.random.default_rng([seed, int.from_bytes(digest, "big")])


def _distinct(
    xy: ArrayLike, targets: ArrayLike, weights: ArrayLike | None, kinds: ArrayLike | None
) -> Floats:
    """Return the distinct rows (x, y, target, kind, weight) of labels in sorted order.

    Of labels that differ only in their weight, the one with the largest weight is returned.
    """
    xy = np.asarray(xy, np.float64).reshape(-1, 2)
    v = np.ones(len(xy)) if weights is None else np.asarray(weights, np.float64)
    k = np.zeros(len(xy)) if kinds is None else np.asarray(kinds, np.float64)
    rows = np.column_stack([xy, np.asarray(targets, np.float64), k, v])
    rows = rows[np.lexsort(rows.T[::-1])]
    # The rows are sorted by weight within each group of equal labels.
    last = np.append((np.diff(rows[:, :4], axis=0) != 0).any(axis=1), True)
    return np.asarray(rows[last])

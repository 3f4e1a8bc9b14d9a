"""The examples that a head is fitted to: features at labels, at sampled pixels and at peaks."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from activepick.errors import ActivepickError
from activepick.formats.outside import inside_image
from activepick.learning.head import Head, TrainingData
from activepick.learning.settings import LearnerSettings
from activepick.learning.uncertainty import entropy
from activepick.scoremap import SAME_POSITION, separated_peaks

if TYPE_CHECKING:  # which needs PyTorch
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

# The disc of a label: its centre and six pixels around it.
_RING = np.arange(6) * np.pi / 3
_DISC = np.vstack([np.zeros((1, 2)), np.stack([np.cos(_RING), np.sin(_RING)], axis=1)])
LABEL_PIXELS = len(_DISC)

# Number of the highest pretrained peaks of a micrograph by which it is compared with others.
_PEAKS = 64
# Number of peaks, evenly over all ranks, that can stand in for a missing class of labels.
_STAND_INS = 150
# Number of sampled pixels that are kept with a head: enough for the pi term, and a small file.
_KEPT = 500


class MicrographLabels(NamedTuple):
    """Labels of one micrograph.

    Attributes
    ----------
    xy
        Positions in original pixels, shape (n, 2).
    targets
        1 particle, 0 not a particle, shape (n,).
    """

    xy: Floats
    targets: Floats


@dataclass(frozen=True, eq=False)
class TrainingExamples:
    """The examples that a head is fitted to.

    They depend on the set of labels only, not on the order in which labels or micrographs came.

    Attributes
    ----------
    keys
        Micrographs whose labels are among the examples.
    labels
        Key of the micrograph, x and y in original pixels of each label, n of them.
    features
        Features of the pixels of each label, shape (n, pixels of a label, D).
    targets
        1 particle, 0 not a particle, shape (n,).
    unlabelled
        Features of sampled pixels, shape (u, D).
    stand_ins
        Features of unlabelled peaks, shape (m, D), which stand in for the missing class while all
        labels are of one class; else None.
    unreadable
        By key, the reason why the labels of a micrograph are not among the examples.
    outside
        By key, positions (n, 2) of labels outside the image, which are not among the examples.
    """

    keys: tuple[str, ...]
    labels: tuple[tuple[str, float, float], ...]
    features: Floats
    targets: Floats
    unlabelled: Floats
    stand_ins: Floats | None
    unreadable: Mapping[str, str]
    outside: Mapping[str, Floats]

    def training_data(self) -> TrainingData:
        """Return the record of these examples that is kept with a head."""
        step = max(1, -(-len(self.unlabelled) // _KEPT))
        return TrainingData(self.features.mean(axis=1), self.targets, self.unlabelled[::step])


@dataclass(frozen=True, eq=False)
class _Peaks:
    """Peaks of the pretrained head on a micrograph."""

    mean_score: float
    highest: NDArray[np.float16]
    xy: Floats
    features: NDArray[np.float16]
    radius_px: float


class TrainingSet:
    """Collects what fits need of each micrograph, so that its features need not be kept.

    Parameters
    ----------
    pretrained
        The head before the first label, which the peaks are found with.
    settings
        Disc of a label, number of sampled pixels, and whether peaks stand in.
    seed
        For the sampled pixels of a micrograph, which depend on the seed and its key only.
    """

    def __init__(
        self, pretrained: Head, settings: LearnerSettings | None = None, seed: int = 0
    ) -> None:
        self.pretrained = pretrained
        self.settings = settings or LearnerSettings()
        self.seed = seed
        # Features of the disc of each label; None where it lies outside the image.
        self._labels: dict[str, dict[tuple[float, float], NDArray[np.float32] | None]] = {}
        self._samples: dict[str, NDArray[np.float32]] = {}
        self._peaks: dict[str, _Peaks] = {}
        self._joined: tuple[object, Floats] = (None, np.empty((0, 0)))

    def observe(self, key: str, features: "MicrographFeatures") -> None:
        """Keep the peaks of the pretrained head on a micrograph.

        Parameters
        ----------
        key
            Key of the micrograph.
        features
            Features of the micrograph.
        """
        if key in self._peaks:
            return
        found = separated_peaks(features.score_map(self.pretrained.weights, self.pretrained.bias))
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
        """Return the mean pretrained score of the highest peaks; None if not observed."""
        peaks = self._peaks.get(key)
        return None if peaks is None else peaks.mean_score

    def mean_entropy(self, key: str, head: Head) -> float | None:
        """Return the mean entropy of a head over the highest peaks of the pretrained head.

        None if the micrograph was not observed or has no peak.
        """
        peaks = self._peaks.get(key)
        if peaks is None or not len(peaks.highest):
            return None
        scores = peaks.highest.astype(np.float64) @ head.weights.ravel() + head.bias
        return float(entropy(scores).mean())

    def collect(self, labels: Mapping[str, MicrographLabels], get: Get) -> TrainingExamples:
        """Collect the examples for a set of labels.

        Labels of the same class at the same position count once. Labels outside the image and
        labels of micrographs that cannot be read do not count, and are reported in the result.

        Parameters
        ----------
        labels
            Labels by the key of their micrograph.
        get
            Returns the features of a micrograph by its key; called only where they are needed. An
            `ActivepickError` means that the micrograph cannot be read.
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
        targets = np.array([target for *_, target in used], np.float64)
        pixels = [self._labels[key][x, y] for key, x, y, _ in used]
        width = self.pretrained.weights.size
        one_class = self.settings.stand_ins and len(set(targets.tolist())) == 1
        return TrainingExamples(
            keys,
            tuple((key, x, y) for key, x, y, _ in used),
            np.array(pixels, np.float64).reshape(-1, LABEL_PIXELS, width),
            targets,
            self._unlabelled(keys, share),
            self._stand_ins(keys, distinct, get) if one_class else None,
            unreadable,
            {k: distinct[k][~mask, :2] for k, mask in inside.items() if not mask.all()},
        )

    def _complete_labels(self, key: str, rows: Floats, get: Get) -> None:
        """Look up the features of those labels of a micrograph that are not known yet."""
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
        """Join the samples of some micrographs, which are mostly the same as at the last refit."""
        samples = [self._samples[key][:share] for key in keys]
        facts = (keys, [len(rows) for rows in samples])
        if self._joined[0] != facts:
            empty = np.empty((0, self.pretrained.weights.size))
            self._joined = facts, np.concatenate([empty, *samples], dtype=np.float64)
        return self._joined[1]

    def _stand_ins(self, keys: tuple[str, ...], labels: Mapping[str, Floats], get: Get) -> Floats:
        """Return the features of the peaks of some micrographs that are at no label."""
        parts = [np.empty((0, self.pretrained.weights.size))]
        for key in keys:
            if key not in self._peaks:
                try:
                    self.observe(key, get(key))
                except ActivepickError:
                    continue  # its labels count all the same
            peaks = self._peaks[key]
            distance = np.asarray(cKDTree(labels[key][:, :2]).query(peaks.xy)[0])
            free = distance > SAME_POSITION * peaks.radius_px
            parts.append(peaks.features[free].astype(np.float64))
        return np.concatenate(parts)


def label_features(features: "MicrographFeatures", xy: ArrayLike, label_radius: float) -> Floats:
    """Look up the features of the pixels of labels.

    Parameters
    ----------
    features
        Features of the micrograph.
    xy
        Positions (n, 2) in original pixels.
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
    """Look up the features (count, D) of pixels sampled uniformly from a micrograph.

    The first of more pixels are those of a smaller sample from the same random state.
    """
    height, width = features.shape
    xy = rng.uniform(0, 1, (count, 2)) * [width - 1, height - 1]
    return features.at(xy).astype(np.float64)


def _sample_rng(seed: int, key: str) -> np.random.Generator:
    """Return the random generator of the sampled pixels of a micrograph."""
    digest = hashlib.blake2b(key.encode(), digest_size=8).digest()
    return np.random.default_rng([seed, int.from_bytes(digest, "big")])


def _distinct(xy: ArrayLike, targets: ArrayLike) -> Floats:
    """Return distinct rows (x, y, target) of labels, in a fixed order."""
    xy = np.asarray(xy, np.float64).reshape(-1, 2)
    rows = np.column_stack([xy, np.asarray(targets, np.float64)])
    return np.asarray(np.unique(rows, axis=0))

"""What is kept of each micrograph when its features are gone: all that learning needs of it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from activepick.errors import ActivepickError
from activepick.features.feature_map import MicrographFeatures
from activepick.learning.head import Head
from activepick.learning.strategies.registry import entropy
from activepick.learning.training import LearnerSettings, label_rows, sampled_rows
from activepick.scoremap import SAME_POSITION, separated_peaks
from activepick.session.model.state import Label, MicrographEntry

__all__ = ["Evidence", "Training"]

Floats = NDArray[np.float64]
Get = Callable[[MicrographEntry], MicrographFeatures]

# Peaks of the pretrained network by which a micrograph is known: some of them are particles.
_PEAKS = 64
# Peaks of all scores, evenly over their ranks, that can stand in for a missing kind of label.
_STAND_INS = 150


@dataclass(frozen=True, eq=False)
class Training:
    """What a head is fitted to.

    Attributes
    ----------
    labels
        Those that count: of micrographs that can be read.
    rows, targets, unlabelled
        As in `activepick.learning.training.fit_head`.
    peaks
        Features of unlabelled peaks while all labels are of one kind; else None.
    unreadable
        By number, why the labels of a micrograph do not count at present.
    """

    labels: Sequence[Label]
    rows: Floats
    targets: Floats
    unlabelled: Floats
    peaks: Floats | None
    unreadable: Mapping[int, str]


class Evidence:
    """Features at labels, at random places and at peaks, by the content of the micrographs.

    Parameters
    ----------
    pretrained
        The head that peaks are found with.
    settings
        The disc of a label and the number of random places.
    seed
        For the random places: they depend on it and on the micrograph alone.
    """

    def __init__(self, pretrained: Head, settings: LearnerSettings, seed: int) -> None:
        self._pretrained = pretrained
        self._settings = settings
        self._seed = seed
        self._labels: dict[tuple[str, float, float], NDArray[np.float32]] = {}
        self._samples: dict[str, NDArray[np.float32]] = {}
        self._peaks: dict[str, NDArray[np.float16]] = {}
        self._levels: dict[str, float] = {}
        self._stand_ins: dict[str, tuple[Floats, float, NDArray[np.float16]]] = {}
        self._joined: tuple[object, Floats] = (None, np.empty(0))

    def look_at(self, key: str, features: MicrographFeatures) -> None:
        """Remember the peaks of a micrograph.

        Parameters
        ----------
        key
            The micrograph's fingerprint.
        features
            Its features.
        """
        if key in self._peaks:
            return
        map = features.score_map(self._pretrained.weights, self._pretrained.bias)
        found = separated_peaks(map)
        positions, scores = found.xy.astype(np.float64), found.score
        rows = features.at(positions[:_PEAKS])
        self._levels[key] = float(scores[:_PEAKS].mean()) if len(scores) else 0.0
        self._peaks[key] = rows.astype(np.float16)
        some = positions[:: max(1, -(-len(positions) // _STAND_INS))]
        self._stand_ins[key] = some, features.radius_px, features.at(some).astype(np.float16)

    def levels(self, entries: Iterable[MicrographEntry]) -> dict[int, float]:
        """Give the mean pretrained score of the peaks, of the micrographs looked at, by number."""
        return {e.id: self._levels[e.fingerprint] for e in entries if e.fingerprint in self._levels}

    def uncertainties(self, entries: Iterable[MicrographEntry], head: Head) -> dict[int, float]:
        """Give the mean entropy of a head over the peaks, of the micrographs looked at."""
        found = {}
        for entry in entries:
            rows = self._peaks.get(entry.fingerprint)
            if rows is not None and len(rows):
                scores = rows.astype(np.float64) @ head.weights.ravel() + head.bias
                found[entry.id] = float(entropy(scores).mean())
        return found

    def training(
        self, labels: Iterable[Label], entries: Mapping[int, MicrographEntry], get: Get
    ) -> Training:
        """Collect what a head is fitted to; micrographs are asked for only where it is missing.

        Parameters
        ----------
        labels
            All labels of the session.
        entries
            The micrographs by number.
        get
            Gives the features of one.
        """
        by_micrograph: dict[int, list[Label]] = {}
        for label in labels:
            by_micrograph.setdefault(label.micrograph, []).append(label)
        unreadable: dict[int, str] = {}
        while True:
            readable = sorted(by_micrograph.keys() - unreadable)
            share = -(-self._settings.unlabelled // max(1, len(readable)))
            before = len(unreadable)
            for number in readable:
                try:
                    self._complete(entries[number], by_micrograph[number], share, get)
                except ActivepickError as error:
                    unreadable[number] = str(error)
            if len(unreadable) == before:
                break
        keys = {number: entries[number].fingerprint for number in readable}
        used = [label for number in readable for label in by_micrograph[number]]
        rows = [self._labels[keys[label.micrograph], label.x, label.y] for label in used]
        one_kind = self._settings.stand_ins and len({label.target == 1 for label in used}) == 1
        return Training(
            used,
            np.array(rows, np.float64),
            np.array([label.target == 1 for label in used], np.float64),
            self._unlabelled([keys[number] for number in readable], share),
            self._unlabelled_peaks(keys, by_micrograph) if one_kind else None,
            unreadable,
        )

    def _unlabelled_peaks(
        self, keys: Mapping[int, str], labels: Mapping[int, Sequence[Label]]
    ) -> Floats:
        """Give the features of peaks that lie at no label, of the micrographs looked at."""
        parts = [np.empty((0, self._pretrained.weights.size))]
        for number, key in keys.items():
            if key in self._stand_ins:
                xy, radius_px, rows = self._stand_ins[key]
                labelled = cKDTree([(label.x, label.y) for label in labels[number]])
                distance = np.asarray(labelled.query(xy.reshape(-1, 2))[0])
                parts.append(rows[distance > SAME_POSITION * radius_px].astype(np.float64))
        return np.concatenate(parts)

    def _unlabelled(self, keys: list[str], share: int) -> Floats:
        """Join the samples of some micrographs; they stay the same from one click to the next."""
        samples = [self._samples[key][:share] for key in keys]
        facts = (keys, [len(rows) for rows in samples])
        if self._joined[0] != facts:
            width = self._pretrained.weights.size
            self._joined = facts, np.concatenate([np.empty((0, width)), *samples], dtype=np.float64)
        return self._joined[1]

    def _complete(
        self, entry: MicrographEntry, labels: Sequence[Label], share: int, get: Get
    ) -> None:
        key = entry.fingerprint
        missing = [(m.x, m.y) for m in labels if (key, m.x, m.y) not in self._labels]
        if missing:
            rows = label_rows(get(entry), missing, self._settings.label_radius)
            for place, row in zip(missing, rows.astype(np.float32), strict=True):
                self._labels[key, *place] = row
        if len(self._samples.get(key, ())) < share:
            # Fewer places are the first ones of more places: what is kept stays of use.
            rng = np.random.default_rng([self._seed, int(key, 16) % 2**32])
            try:
                self._samples[key] = sampled_rows(get(entry), share, rng).astype(np.float32)
            except ActivepickError:
                if key not in self._samples:  # a few places too few are better than no label
                    raise
        self._samples[key] = self._samples[key][:share]

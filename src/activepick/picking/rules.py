"""The rules that select picks among the peaks of a score map.

The command line, batch runs, clusters, sessions, the window and the benchmarks all call
`select_picks`, so that the same peaks, rules, labels and areas give the same picks everywhere.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from activepick.errors import SettingsError
from activepick.formats.kind_columns import kind_columns
from activepick.formats.scores import score_threshold
from activepick.scoremap import DEFAULT_SEPARATION, SAME_POSITION, Peaks, ScoreMap
from activepick.scoremap.maxima import suppress

if TYPE_CHECKING:
    import pandas as pd

    from activepick.features.feature_map import MicrographFeatures  # needs PyTorch

__all__ = [
    "ALL_PEAKS",
    "LabelledPositions",
    "PickRules",
    "Picks",
    "accepted_peaks",
    "eligible_peaks",
    "outside_areas",
    "select_picks",
    "within_margin",
]

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

DEFAULT_THRESHOLD = 0.5
# A particle that is cut off by the border cannot be extracted.
DEFAULT_EDGE_MARGIN = 1.0


@dataclass(frozen=True)
class PickRules:
    """The settings by which peaks are selected as picks.

    Attributes
    ----------
    threshold
        Lowest probability of a pick, between 0 and 1; 0 accepts all peaks.
    separation
        Smallest distance between two picks, in particle radii.
    edge_margin
        Smallest distance between a pick and the first or last row or column of the micrograph that
        holds an image (`activepick.micrograph.border`), in particle radii. 0 accepts picks on the
        border.
    lowest_contrast, highest_contrast
        Limits on the local contrast (`activepick.micrograph.contrast`); None for no limit.
    kind_thresholds
        Kinds of particles that have a threshold of their own: number of the kind and threshold.

    Raises
    ------
    SettingsError
        If a value is not valid.
    """

    threshold: float = DEFAULT_THRESHOLD
    separation: float = DEFAULT_SEPARATION
    edge_margin: float = DEFAULT_EDGE_MARGIN
    lowest_contrast: float | None = None
    highest_contrast: float | None = None
    kind_thresholds: tuple[tuple[int, float], ...] = ()

    def __post_init__(self) -> None:
        for threshold in (self.threshold, *(own for _, own in self.kind_thresholds)):
            score_threshold(threshold)
        for name, value in (("separation", self.separation), ("edge margin", self.edge_margin)):
            if not value >= 0:
                raise SettingsError(
                    f"The {name} {value} is below 0: give 0 or more particle radii."
                )

    @property
    def lowest_score(self) -> float:
        """Lowest score (logit) of a pick whose kind has no threshold of its own."""
        return score_threshold(self.threshold)

    @property
    def lowest_of_kinds(self) -> float:
        """Lowest score (logit) of a pick of any kind."""
        return score_threshold(min(self.threshold, *(own for _, own in self.kind_thresholds), 1.0))

    def lowest_scores(self, kind: NDArray[np.int16]) -> NDArray[np.float32]:
        """Return the lowest scores (logits) of picks, shape (n,), for the numbers of kinds (n,)."""
        lowest = np.full(len(kind), self.lowest_score, np.float32)
        for number, threshold in self.kind_thresholds:
            lowest[kind == number] = score_threshold(threshold)
        return lowest

    @property
    def need_contrast(self) -> bool:
        """Whether the local contrast is needed."""
        return self.lowest_contrast is not None or self.highest_contrast is not None


# For evaluation, which uses all peaks: average precision covers all thresholds.
ALL_PEAKS = PickRules(threshold=0.0, edge_margin=0.0)


@dataclass(frozen=True, eq=False)
class LabelledPositions:
    """Labels of one micrograph.

    Attributes
    ----------
    xy
        Positions (m, 2) in pixels of the micrograph.
    positive
        Whether each is a particle, shape (m,).
    score, contrast
        Score of the head and local contrast at each position, shape (m,); NaN if not known.
    kind
        Number of the kind of particle of each label, int16, shape (m,); 0 if it has none.
    """

    xy: Floats
    positive: Mask
    score: Floats
    contrast: Floats
    kind: NDArray[np.int16]

    @classmethod
    def of(
        cls,
        xy: ArrayLike,
        positive: ArrayLike,
        score: ArrayLike | None = None,
        contrast: ArrayLike | None = None,
        kind: ArrayLike | None = None,
    ) -> "LabelledPositions":
        """Return labels with the arguments as arrays; scores etc. may be unknown."""
        positions = np.asarray(xy, np.float64).reshape(-1, 2)
        unknown = np.full(len(positions), np.nan)
        return cls(
            positions,
            np.asarray(positive, bool).reshape(-1),
            unknown if score is None else np.asarray(score, np.float64).reshape(-1),
            unknown if contrast is None else np.asarray(contrast, np.float64).reshape(-1),
            np.zeros(len(positions), np.int16) if kind is None else np.asarray(kind, np.int16),
        )


@dataclass(frozen=True, eq=False)
class Picks:
    """The picks of one micrograph, in descending order of scores.

    Attributes
    ----------
    xy
        Positions (n, 2) in pixels of the micrograph.
    score
        Scores (logits), shape (n,).
    contrast
        Local contrast, float32, shape (n,), NaN if it is not known; None if it was not computed.
    kind
        Number of the kind of particle of each pick, int16, shape (n,); None without kinds.
    """

    xy: Floats
    score: Floats
    contrast: NDArray[np.float32] | None = None
    kind: NDArray[np.int16] | None = None

    def __len__(self) -> int:
        return len(self.score)

    def table(self, micrograph: str, kinds: Mapping[int, str] | None = None) -> "pd.DataFrame":
        """Return a table with the columns ``micrograph, x, y, score``, and ``contrast`` if known.

        Where there are kinds of particles, their numbers are in the column ``rlnClassNumber``.

        Parameters
        ----------
        micrograph
            Name of the micrograph, repeated in every row.
        kinds
            Names of kinds by number, for a column ``class``.
        """
        import pandas as pd

        columns = {
            "micrograph": pd.Series([micrograph] * len(self), dtype=str),
            "x": self.xy[:, 0],
            "y": self.xy[:, 1],
            "score": self.score,
        }
        if self.contrast is not None:
            columns["contrast"] = self.contrast
        if self.kind is not None:
            columns |= kind_columns(self.kind, kinds)
        return pd.DataFrame(columns)


def within_margin(
    peaks: "Peaks | ScoreMap | MicrographFeatures", xy: ArrayLike, edge_margin: float
) -> Mask:
    """Return a mask (n,) of the positions outside of the margin at the border.

    Parameters
    ----------
    peaks
        Peaks, score map or features of the micrograph, which contain its size, its border and the
        particle radius.
    xy
        Positions (n, 2) in pixels of the micrograph.
    edge_margin
        As in `PickRules`.
    """
    positions = np.asarray(xy, np.float64).reshape(-1, 2)
    margin = edge_margin * peaks.radius_px
    if margin <= 0:  # without a margin, the outer half of border pixels belongs to the micrograph
        return np.ones(len(positions), bool)
    left, top, right, bottom = peaks.border
    first = np.array([left, top]) + margin
    last = np.array([peaks.shape[1] - 1 - right, peaks.shape[0] - 1 - bottom]) - margin
    return np.asarray(((positions >= first) & (positions <= last)).all(axis=1))


def eligible_peaks(
    peaks: Peaks,
    rules: PickRules,
    areas: Sequence[ArrayLike] = (),
    lowest_score: float = -np.inf,
    left_out: ArrayLike = (),
) -> Mask:
    """Return a mask (n,) of peaks above a score that satisfy all rules except the threshold.

    Parameters
    ----------
    peaks
        Peaks of the micrograph.
    rules
        The rules.
    areas
        Excluded areas: polygons (k, 2) in pixels of the micrograph, columns x and y.
    lowest_score
        Lowest score (logit). The result for peaks with higher scores does not depend on it.
    left_out
        Positions (k, 2) in pixels of the micrograph at which there are no picks, such as members
        of a class of junk.
    """
    keep = peaks.separated(rules.separation, lowest_score)
    keep &= within_margin(peaks, peaks.xy, rules.edge_margin)
    if rules.need_contrast:
        if peaks.contrast is None:
            raise ValueError("limits on the contrast need peaks whose contrast was computed")
        if rules.lowest_contrast is not None:
            keep &= peaks.contrast >= rules.lowest_contrast
        if rules.highest_contrast is not None:
            keep &= peaks.contrast <= rules.highest_contrast
    keep &= outside_areas(peaks.xy, areas)
    positions = np.asarray(left_out, np.float64).reshape(-1, 2)
    if len(positions) and keep.any():
        distance = np.asarray(cKDTree(positions).query(peaks.xy)[0])
        keep &= distance > SAME_POSITION * peaks.radius_px
    return keep


def accepted_peaks(
    peaks: Peaks,
    rules: PickRules,
    areas: Sequence[ArrayLike] = (),
    left_out: ArrayLike = (),
) -> Mask:
    """Return a mask (n,) of the peaks that satisfy all rules.

    A peak of a kind that has a threshold has to reach this threshold instead of the common one. The
    parameters are those of `eligible_peaks`.
    """
    if peaks.kind is None or not rules.kind_thresholds:
        return eligible_peaks(peaks, rules, areas, rules.lowest_score, left_out)
    keep = eligible_peaks(peaks, rules, areas, rules.lowest_of_kinds, left_out)
    return keep & (peaks.score >= rules.lowest_scores(peaks.kind))


def outside_areas(xy: ArrayLike, areas: Sequence[ArrayLike]) -> Mask:
    """Return a mask (n,) of the positions (n, 2) that lie outside of all polygons (k, 2)."""
    positions = np.asarray(xy, np.float64).reshape(-1, 2)
    keep = np.ones(len(positions), bool)
    if len(areas):
        from matplotlib.path import Path as Outline

        for area in areas:
            keep &= ~Outline(np.asarray(area, np.float64)).contains_points(positions)
    return keep


def select_picks(
    peaks: Peaks,
    rules: PickRules,
    labels: LabelledPositions | None = None,
    areas: Sequence[ArrayLike] = (),
    left_out: ArrayLike = (),
) -> Picks:
    """Select the picks among the peaks of a micrograph.

    Peaks are rejected by threshold, separation, edge margin, contrast limits, excluded areas and
    positions that are left out. Labels take precedence over these rules: a positive label always
    gives a pick, at its nearest peak or at its own position, and a peak at a negative label is
    never a pick. A pick at a positive label has the kind of particle of the label.

    Parameters
    ----------
    peaks
        Peaks of the micrograph.
    rules
        The rules.
    labels
        Labels of the micrograph, if any.
    areas
        Excluded areas: polygons (k, 2) in pixels of the micrograph, columns x and y.
    left_out
        As in `eligible_peaks`.

    Returns
    -------
    Picks
    """
    keep = accepted_peaks(peaks, rules, areas, left_out)
    xy, score = peaks.xy.astype(np.float64), peaks.score.astype(np.float64)
    contrast, kind = peaks.contrast, peaks.kind
    if labels is None or not len(labels.xy):
        return Picks(
            xy[keep],
            score[keep],
            None if contrast is None else contrast[keep],
            None if kind is None else kind[keep],
        )
    reach_px = SAME_POSITION * peaks.radius_px
    keep, added = _obey_labels(xy, keep, labels, reach_px)
    known = np.isfinite(labels.score[added])
    lowest = rules.lowest_score
    unknown = lowest if np.isfinite(lowest) else 0.0
    score = np.concatenate([score[keep], np.where(known, labels.score[added], unknown)])
    order = np.argsort(-score, kind="stable")
    if contrast is not None:
        own = labels.contrast[added].astype(np.float32)
        contrast = np.concatenate([contrast[keep], own])[order]
    positions = np.concatenate([xy[keep], labels.xy[added]])[order]
    if kind is not None or labels.kind.any():
        found = np.zeros(int(keep.sum()), np.int16) if kind is None else kind[keep]
        kind = np.concatenate([found, labels.kind[added]])[order]
        kind = _labelled_kinds(positions, kind, labels, reach_px)
    return Picks(positions, score[order], contrast, kind)


def _labelled_kinds(
    xy: Floats, kind: NDArray[np.int16], labels: LabelledPositions, reach_px: float
) -> NDArray[np.int16]:
    """Return the kinds (n,) of picks; a positive label at the same position takes precedence."""
    known = np.flatnonzero(labels.positive & (labels.kind > 0))
    if not (len(known) and len(xy)):
        return kind
    gap, nearest = cKDTree(labels.xy[known]).query(xy)
    return np.where(np.asarray(gap) <= reach_px, labels.kind[known[nearest]], kind)


def _obey_labels(
    xy: Floats, keep: Mask, labels: LabelledPositions, reach_px: float
) -> tuple[Mask, NDArray[np.intp]]:
    """Apply labels to the selection of peaks.

    Each peak belongs to the nearest label at the same position. The nearest peak of a positive
    label always becomes a pick; peaks that are picks without labels are preferred.

    Returns
    -------
    keep : ndarray of bool, (n,)
        The peaks that are picks.
    added : ndarray of int, (k,)
        Indices of positive labels without a peak at the same position, which become picks.
    """
    keep = keep.copy()
    particles = np.flatnonzero(labels.positive)
    if len(xy):
        # Positive labels come first, so that they are preferred at equal distances.
        order = np.argsort(~labels.positive, kind="stable")
        bound = np.nextafter(reach_px, np.inf)  # the bound is exclusive
        tree = cKDTree(labels.xy[order])
        distance, nearest = map(np.asarray, tree.query(xy, distance_upper_bound=bound))
        near = np.flatnonzero(np.isfinite(distance))
        owner = order[nearest[near]]
        # For each label, peaks that are picks without labels come first, then the nearest.
        preferred = np.lexsort((distance[near], ~keep[near], owner))
        near, owner = near[preferred], owner[preferred]
        first = np.flatnonzero(np.diff(owner, prepend=-1))
        keep[near[~labels.positive[owner]]] = False
        keep[near[first[labels.positive[owner[first]]]]] = True
    if len(particles) and keep.any():
        gap = np.asarray(cKDTree(xy[keep]).query(labels.xy[particles])[0])
        particles = particles[gap > reach_px]
    return keep, particles[suppress(labels.xy[particles], reach_px)]

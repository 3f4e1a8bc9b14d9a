"""The rules that select picks among the peaks of a score map.

The command line, batch runs, clusters, sessions, the window and the benchmarks all call
`select_picks`, so that the same peaks, rules, labels and areas give the same picks everywhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from activepick.errors import SettingsError
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

    def __post_init__(self) -> None:
        score_threshold(self.threshold)
        for name, value in (("separation", self.separation), ("edge margin", self.edge_margin)):
            if not value >= 0:
                raise SettingsError(
                    f"The {name} {value} is below 0: give 0 or more particle radii."
                )

    @property
    def lowest_score(self) -> float:
        """Lowest score (logit) of a pick."""
        return score_threshold(self.threshold)

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
    """

    xy: Floats
    positive: Mask
    score: Floats
    contrast: Floats

    @classmethod
    def of(
        cls,
        xy: ArrayLike,
        positive: ArrayLike,
        score: ArrayLike | None = None,
        contrast: ArrayLike | None = None,
    ) -> "LabelledPositions":
        """Return labels with the arguments as arrays; scores and contrasts may be unknown."""
        positions = np.asarray(xy, np.float64).reshape(-1, 2)
        unknown = np.full(len(positions), np.nan)
        return cls(
            positions,
            np.asarray(positive, bool).reshape(-1),
            unknown if score is None else np.asarray(score, np.float64).reshape(-1),
            unknown if contrast is None else np.asarray(contrast, np.float64).reshape(-1),
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
    """

    xy: Floats
    score: Floats
    contrast: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.score)

    def table(self, micrograph: str) -> "pd.DataFrame":
        """Return a table with the columns ``micrograph, x, y, score``, and ``contrast`` if known.

        Parameters
        ----------
        micrograph
            Name of the micrograph, repeated in every row.
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
    never a pick.

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
    lowest = rules.lowest_score
    keep = eligible_peaks(peaks, rules, areas, lowest, left_out)
    xy, score = peaks.xy.astype(np.float64), peaks.score.astype(np.float64)
    contrast = peaks.contrast
    if labels is None or not len(labels.xy):
        return Picks(xy[keep], score[keep], None if contrast is None else contrast[keep])
    keep, added = _obey_labels(xy, keep, labels, SAME_POSITION * peaks.radius_px)
    known = np.isfinite(labels.score[added])
    unknown = lowest if np.isfinite(lowest) else 0.0
    score = np.concatenate([score[keep], np.where(known, labels.score[added], unknown)])
    order = np.argsort(-score, kind="stable")
    if contrast is not None:
        own = labels.contrast[added].astype(np.float32)
        contrast = np.concatenate([contrast[keep], own])[order]
    return Picks(np.concatenate([xy[keep], labels.xy[added]])[order], score[order], contrast)


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

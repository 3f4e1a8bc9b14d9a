"""The peaks of a micrograph, from which its picks are selected."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.ndimage import minimum_filter

from activepick.formats.scores import score_threshold
from activepick.learning.head import Head
from activepick.learning.uncertainty import entropy
from activepick.micrograph.contrast import ContrastMap
from activepick.picking.rules import (
    LabelledPositions,
    Picks,
    accepted_peaks,
    eligible_peaks,
    select_picks,
)
from activepick.scoremap import Peaks, ScoreMap, find_peaks
from activepick.session.model.settings import Settings
from activepick.session.model.state import Label, SessionState

__all__ = [
    "PICK_COLUMNS",
    "MicrographPeaks",
    "areas_of",
    "head_digest",
    "measure_known_peaks",
    "measure_peaks",
    "positions",
]

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

PICK_COLUMNS = ("micrograph", "x", "y", "score", "contrast")

# Smallest probability of the peaks that are used for the uncertainty of a micrograph.
_CANDIDATE = 0.1


@dataclass(frozen=True, eq=False)
class MicrographPeaks:
    """The peaks of a micrograph, with the hash of the head by which they were found.

    Attributes
    ----------
    micrograph
        Number of the micrograph.
    peaks
        The peaks, with their local contrast.
    uncertainty
        Mean entropy, in nats, of the peaks that may be particles; 0 if there are none.
    head
        Hash of the head and of the settings that determine the peaks; see `head_digest`.
    at_labels
        Score (logit) and local contrast at the positions (x, y) of labels, in original pixels.
    """

    micrograph: int
    peaks: Peaks
    uncertainty: float
    head: str
    at_labels: Mapping[tuple[float, float], tuple[float, float]] = field(default_factory=dict)

    def eligible(self, state: SessionState, lowest_score: float = -np.inf) -> Mask:
        """Return which peaks satisfy all rules except the threshold.

        Parameters
        ----------
        state
            Settings, areas and left-out positions; labels are not used.
        lowest_score
            Smallest score (logit) of the peaks in the mask.

        Returns
        -------
        array of bool, shape (n,)
        """
        areas, left_out = areas_of(self.micrograph, state), state.left_out_of(self.micrograph)
        return eligible_peaks(self.peaks, state.settings.rules, areas, lowest_score, left_out)

    def accepted(self, state: SessionState) -> Mask:
        """Return a mask, shape (n,), of the peaks that satisfy all rules, regardless of labels."""
        areas, left_out = areas_of(self.micrograph, state), state.left_out_of(self.micrograph)
        return accepted_peaks(self.peaks, state.settings.rules, areas, left_out)

    def select(self, state: SessionState) -> Picks:
        """Select the picks for the settings, areas, left-out positions and labels of a state.

        See `activepick.picking.rules.select_picks`.
        """
        labels = [mark for mark in state.marks_of(self.micrograph) if mark.target is not None]
        unknown = (np.nan, np.nan)
        known = [self.at_labels.get((label.x, label.y), unknown) for label in labels]
        at_labels = np.array(known, np.float64).reshape(-1, 2)
        labelled = LabelledPositions.of(
            positions(labels),
            [label.is_particle for label in labels],
            at_labels[:, 0],
            at_labels[:, 1],
            [max(label.target or 0, 0) for label in labels] if state.settings.kinds else None,
        )
        areas, left_out = areas_of(self.micrograph, state), state.left_out_of(self.micrograph)
        return select_picks(self.peaks, state.settings.rules, labelled, areas, left_out)

    def picks(self, state: SessionState) -> pd.DataFrame:
        """Return a table of the picks for the settings, areas and labels of a state.

        Returns
        -------
        DataFrame
            Columns ``micrograph, x, y, score, contrast``: positions in original pixels, scores as
            logits. The highest score is first. In a session with kinds of particles, also
            ``rlnClassNumber``, which is 0 if the head has no kinds, and ``class``.
        """
        picks, kinds = self.select(state), state.settings.kind_names
        unknown = np.zeros(len(picks), np.int16)
        kind = (unknown if picks.kind is None else picks.kind) if kinds else None
        return replace(picks, kind=kind).table(state.names[self.micrograph], kinds)


def head_digest(head: Head, settings: Settings) -> str:
    """Return a hash of the head and of the settings that determine peaks."""
    facts = (head.spec, head.bias, head.calibration, settings.key("features", determined=False))
    digest = hashlib.blake2b(repr(facts).encode(), digest_size=16)
    digest.update(np.ascontiguousarray(head.weights, np.float64).tobytes())
    if head.kinds is not None:
        digest.update(repr(head.kinds.numbers).encode())
        digest.update(np.ascontiguousarray(head.kinds.weights, np.float64).tobytes())
        digest.update(np.ascontiguousarray(head.kinds.bias, np.float64).tobytes())
    return digest.hexdigest()


def measure_peaks(
    state: SessionState, micrograph: int, scores: ScoreMap, contrast: ContrastMap, head: Head
) -> MicrographPeaks:
    """Find the peaks of a micrograph.

    Parameters
    ----------
    state
        Labels and settings.
    micrograph
        Number of the micrograph.
    scores
        The score map of the micrograph.
    contrast
        The local contrast of the micrograph.
    head
        The head with which the score map was computed.

    Returns
    -------
    MicrographPeaks
    """
    found = find_peaks(scores, contrast.at)
    marks = positions(state.marks_of(micrograph))
    at_marks = zip(scores.at(marks).tolist(), contrast.at(marks).tolist(), strict=True)
    likely = found.separated(state.settings.separation, score_threshold(_CANDIDATE))
    return MicrographPeaks(
        micrograph=micrograph,
        peaks=found,
        uncertainty=float(entropy(found.score[likely]).mean()) if likely.any() else 0.0,
        head=head_digest(head, state.settings),
        at_labels=dict(zip(map(tuple, marks.tolist()), at_marks, strict=True)),
    )


def measure_known_peaks(
    state: SessionState,
    micrograph: int,
    scores: ScoreMap,
    contrast: ContrastMap,
    head: Head,
    known: Mask,
    spacing_px: tuple[float, float],
) -> MicrographPeaks:
    """Find the peaks in a part of a micrograph that do not depend on the other parts.

    Parameters
    ----------
    state, micrograph, scores, contrast, head
        As in `measure_peaks`. Scores outside the part can have any values.
    known
        Whether each sample of the feature map belongs to the part, shape (h, w).
    spacing_px
        Distance between two of these samples in original pixels, (x, y).

    Returns
    -------
    MicrographPeaks
        Those of the peaks of the whole micrograph that are at least one particle radius inside the
        part. Scores and contrasts at labels are left out.
    """

    def at(mask: Mask, y: NDArray[np.floating], x: NDArray[np.floating]) -> Mask:
        """Return the nearest values of the mask at original pixels."""
        places = (
            np.clip(np.rint(position / step), 0, side - 1).astype(np.intp)
            for position, step, side in zip((y, x), spacing_px[::-1], mask.shape, strict=True)
        )
        found: Mask = mask[tuple(places)]
        return found

    y, x = (np.arange(side) * scores.spacing_px for side in scores.values.shape)
    is_known = at(known, y[:, None], x[None])
    masked = replace(scores, values=np.where(is_known, scores.values, -np.float32(np.inf)))
    found = measure_peaks(state, micrograph, masked, contrast, head)
    # Scores are interpolated from samples up to two apart.
    reach = [2 * (2 + math.ceil(scores.radius_px / step)) + 1 for step in spacing_px[::-1]]
    inside = minimum_filter(known, reach, mode="nearest")
    xy = found.peaks.xy.astype(np.float64)
    return replace(found, peaks=found.peaks.take(at(inside, xy[:, 1], xy[:, 0])), at_labels={})


def positions(marks: Sequence[Label]) -> Floats:
    """Return the positions x, y of marks in original pixels, shape (n, 2)."""
    return np.array([(mark.x, mark.y) for mark in marks], np.float64).reshape(-1, 2)


def areas_of(micrograph: int, state: SessionState) -> list[Floats]:
    """Return the excluded areas of a micrograph as polygons, shape (k, 2), in original pixels."""
    return [np.array(area.vertices, np.float64) for area in state.areas.get(micrograph, ())]

"""Peaks of a micrograph, from which its picks are made at once whenever a setting changes."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from activepick import scoremap
from activepick.learning.head import Head
from activepick.learning.uncertainty import entropy
from activepick.micrograph.contrast import ContrastMap
from activepick.picking.rules import (
    LabelledPositions,
    eligible_peaks,
    score_threshold,
    select_picks,
)
from activepick.scoremap import ScoreMap, find_peaks
from activepick.session.model.settings import Settings
from activepick.session.model.state import Label, SessionState

__all__ = ["Peaks", "curate", "head_digest", "make_peaks"]

Floats = NDArray[np.float64]

# Peaks count for the uncertainty of a micrograph from this probability on.
_CANDIDATE = 0.1


@dataclass(frozen=True, eq=False)
class Peaks:
    """Peaks of the score map of one micrograph: its maxima, however close to each other.

    Attributes
    ----------
    micrograph, name
        Its number, and its name in tables.
    xy
        Positions (n, 2) in original pixels, the highest score first.
    score
        Logits (n,).
    contrast
        Local contrast (n,), float32; see `activepick.micrograph.contrast`.
    shape
        Height and width of the micrograph.
    radius_px
        Particle radius in original pixels.
    uncertainty
        Mean entropy of the peaks that may be particles.
    head
        Names the head, and all else that the peaks follow from; see `head_digest`.
    at_labels
        Score and contrast where labels lie, by position.
    plain
        The peaks alone.
    """

    micrograph: int
    name: str
    xy: NDArray[np.floating]
    score: NDArray[np.floating]
    contrast: NDArray[np.float32]
    shape: tuple[int, int]
    radius_px: float
    uncertainty: float
    head: str
    at_labels: Mapping[tuple[float, float], tuple[float, float]] = field(default_factory=dict)
    plain: scoremap.Peaks = field(init=False, repr=False)

    def __post_init__(self) -> None:
        plain = scoremap.Peaks(self.xy, self.score, self.contrast, self.radius_px, self.shape)
        object.__setattr__(self, "plain", plain)

    def apart(self, min_distance: float) -> NDArray[np.bool_]:
        """Return a mask (n,) of the peaks that keep a distance, in particle radii."""
        return self.plain.separated(min_distance)


def head_digest(head: Head, settings: Settings) -> str:
    """Name a head and the settings that decide, with it, what the peaks of a micrograph are."""
    facts = (
        head.spec,
        head.bias,
        settings.key("features", determined=False),
    )
    digest = hashlib.blake2b(repr(facts).encode(), digest_size=16)
    digest.update(np.ascontiguousarray(head.weights, np.float64).tobytes())
    return digest.hexdigest()


def make_peaks(
    state: SessionState,
    micrograph: int,
    shape: tuple[int, int],
    scores: ScoreMap,
    contrast: ContrastMap,
    head: Head,
) -> Peaks:
    """Find the peaks of a micrograph.

    Parameters
    ----------
    state
        Labels and settings.
    micrograph
        Its number.
    shape
        Its height and width.
    scores
        Its score map.
    contrast
        Its local contrast.
    head
        The head that gave the scores.
    """
    found = find_peaks(scores)
    marks = positions(state.marks_of(micrograph))
    at_marks = zip(scores.at(marks).tolist(), contrast.at(marks).tolist(), strict=True)
    apart = found.separated(state.settings.separation)
    candidates = found.score[apart & (found.score >= score_threshold(_CANDIDATE))]
    return Peaks(
        micrograph=micrograph,
        name=state.names[micrograph],
        xy=found.xy,
        score=found.score,
        contrast=contrast.at(found.xy),
        shape=shape,
        radius_px=scores.radius_px,
        uncertainty=float(entropy(candidates).mean()) if len(candidates) else 0.0,
        head=head_digest(head, state.settings),
        at_labels=dict(zip(map(tuple, marks.tolist()), at_marks, strict=True)),
    )


def curate(peaks: Peaks, state: SessionState) -> pd.DataFrame:
    """Make the picks of a micrograph from its peaks, at the settings as they are now.

    In this order: threshold, distance, margin, contrast and areas leave peaks out; then labels
    decide whatever these said. A positive label is always among the picks, a negative one never.

    Parameters
    ----------
    peaks
        Of the micrograph.
    state
        Labels, areas and settings.

    Returns
    -------
    DataFrame
        Columns ``micrograph, x, y, score, contrast``, the highest score first.
    """
    labels = [mark for mark in state.marks_of(peaks.micrograph) if mark.target is not None]
    known = [peaks.at_labels.get((label.x, label.y), (np.nan, np.nan)) for label in labels]
    at_labels = np.array(known, np.float64).reshape(-1, 2)
    picks = select_picks(
        peaks.plain,
        state.settings.rules,
        LabelledPositions.of(
            positions(labels),
            [label.target == 1 for label in labels],
            at_labels[:, 0],
            at_labels[:, 1],
        ),
        areas_of(peaks, state),
    )
    return picks.table(peaks.name)


def areas_of(peaks: Peaks, state: SessionState) -> list[Floats]:
    """Return the excluded areas of a micrograph as polygons (k, 2)."""
    areas = state.areas.get(peaks.micrograph, ())
    return [np.array(area.vertices, np.float64) for area in areas]


def above_threshold(peaks: Peaks, state: SessionState) -> NDArray[np.bool_]:
    """Mark the peaks (n,) that are picks as long as no label says anything else."""
    lowest = score_threshold(state.settings.threshold)
    return eligible(peaks, state) & (peaks.score >= lowest)


def eligible(peaks: Peaks, state: SessionState) -> NDArray[np.bool_]:
    """Mark the peaks (n,) that may be picks if their score is high enough."""
    return eligible_peaks(peaks.plain, state.settings.rules, areas_of(peaks, state))


def positions(marks: list[Label]) -> Floats:
    """Give the positions (n, 2) of marks in original pixels."""
    return np.array([(mark.x, mark.y) for mark in marks], np.float64).reshape(-1, 2)

"""Peaks of a micrograph, from which its picks are made at once whenever a setting changes."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from activepick.learning.head import Head
from activepick.learning.strategies.registry import entropy
from activepick.micrograph.contrast import ContrastMap
from activepick.picking.rules import inside, obey_labels, score_threshold
from activepick.scoremap.maxima import keep_distance
from activepick.scoremap.score_map import ScoreMap
from activepick.session.model.settings import Settings
from activepick.session.model.state import Label, SessionState

__all__ = ["Peaks", "curate", "head_digest", "make_peaks"]

Floats = NDArray[np.float64]

# A label and a pick this close, in particle radii, are the same place.
SAME_PLACE = 0.5
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
    thinned
        What `apart` knows already.
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
    thinned: dict[float, NDArray[np.bool_]] = field(default_factory=dict, repr=False)

    def apart(self, min_distance: float) -> NDArray[np.bool_]:
        """Mark the peaks (n,) that are left when all keep a distance, in particle radii."""
        known = self.thinned.get(min_distance)
        if known is None:
            known = np.zeros(len(self.xy), bool)
            known[keep_distance(self.xy, min_distance * self.radius_px)] = True
            self.thinned.clear()  # nobody goes back to an older distance for long
            self.thinned[min_distance] = known
        return known


def head_digest(head: Head, settings: Settings) -> str:
    """Name a head and the settings that decide, with it, what the peaks of a micrograph are."""
    facts = (
        head.spec,
        head.bias,
        settings.diameter_angstrom,
        settings.pixel_size_angstrom,
        settings.inverted,
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
    found, values = scores.maxima
    xy, distance = scores.to_original(found), state.settings.min_distance
    marks = positions(state.marks_of(micrograph))
    at_marks = zip(scores.at(marks).tolist(), contrast.at(marks).tolist(), strict=True)
    apart = np.zeros(len(xy), bool)
    apart[scores.maxima_apart(distance)] = True
    candidates = values[apart & (values >= score_threshold(_CANDIDATE))]
    return Peaks(
        micrograph=micrograph,
        name=state.names[micrograph],
        xy=xy,
        score=values,
        contrast=contrast.at(xy),
        shape=shape,
        radius_px=scores.radius_px,
        uncertainty=float(entropy(candidates).mean()) if len(candidates) else 0.0,
        head=head_digest(head, state.settings),
        at_labels=dict(zip(map(tuple, marks.tolist()), at_marks, strict=True)),
        thinned={distance: apart},
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
    lowest = score_threshold(state.settings.threshold)
    keep, added = chosen(peaks, state)
    unknown = (lowest if np.isfinite(lowest) else 0.0, np.nan)
    known = [peaks.at_labels.get((label.x, label.y), unknown) for label in added]
    extra = np.array(known, np.float64).reshape(-1, 2)
    score = np.concatenate([peaks.score[keep], extra[:, 0]])
    order = np.argsort(-score, kind="stable")
    xy = np.concatenate([peaks.xy[keep], positions(added)])[order]
    contrast = np.concatenate([peaks.contrast[keep], extra[:, 1].astype(np.float32)])
    return pd.DataFrame(
        {
            "micrograph": pd.Series([peaks.name] * len(order), dtype=str),
            "x": xy[:, 0],
            "y": xy[:, 1],
            "score": score[order],
            "contrast": contrast[order],
        }
    )


def chosen(peaks: Peaks, state: SessionState) -> tuple[NDArray[np.bool_], list[Label]]:
    """Decide which peaks (n,) are picks, and which labels are besides; see `curate`."""
    keep = above_threshold(peaks, state)
    labels = [mark for mark in state.marks_of(peaks.micrograph) if mark.target is not None]
    if not labels:
        return keep, []
    positive = np.array([label.target == 1 for label in labels])
    reach = SAME_PLACE * peaks.radius_px
    keep, added = obey_labels(peaks.xy, keep, positions(labels), positive, reach)
    return keep, [labels[k] for k in added]


def above_threshold(peaks: Peaks, state: SessionState) -> NDArray[np.bool_]:
    """Mark the peaks (n,) that are picks as long as nobody says anything else."""
    keep = eligible(peaks, state)
    lowest = score_threshold(state.settings.threshold)
    keep[np.searchsorted(-peaks.score, -lowest, side="right") :] = False
    return keep


def eligible(peaks: Peaks, state: SessionState) -> NDArray[np.bool_]:
    """Mark the peaks (n,) that may be picks if their score is high enough."""
    settings = state.settings
    keep = peaks.apart(settings.min_distance).copy()
    keep &= inside(peaks.xy, peaks.shape, settings.edge_margin * peaks.radius_px)
    if settings.lowest_contrast is not None:
        keep &= peaks.contrast >= settings.lowest_contrast
    if settings.highest_contrast is not None:
        keep &= peaks.contrast <= settings.highest_contrast
    areas = state.areas.get(peaks.micrograph, ())
    if areas:
        from matplotlib.path import Path as Outline
    for area in areas:
        keep &= ~Outline(np.array(area.vertices)).contains_points(peaks.xy)
    return keep


def positions(marks: list[Label]) -> Floats:
    """Give the positions (n, 2) of marks in original pixels."""
    return np.array([(mark.x, mark.y) for mark in marks], np.float64).reshape(-1, 2)

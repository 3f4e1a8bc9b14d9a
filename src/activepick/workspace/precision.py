"""How many of the picks are particles, from a random sample that a person looked at."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.stats import beta

from activepick.scoremap import SAME_POSITION
from activepick.session.model.state import ScoredPosition, SessionState
from activepick.workspace.peaks import Peaks, above_threshold, positions

__all__ = ["PrecisionEstimate", "estimate", "sample"]

_CONFIDENCE = 0.95


@dataclass(frozen=True)
class PrecisionEstimate:
    """Share of particles among the picks that nobody looked at.

    Attributes
    ----------
    mean
        Share of particles in the sample.
    low, high
        Where the true share lies with 95 % confidence (Jeffreys interval; Brown, Cai and DasGupta,
        Statistical Science 16, 101, 2001).
    n
        Size of the sample.
    """

    mean: float
    low: float
    high: float
    n: int


def estimate(state: SessionState, peaks: Mapping[int, Peaks]) -> PrecisionEstimate | None:
    """Estimate the precision from the audits that are picks by the head as it is now.

    What was sampled and is no pick any more says nothing about the picks that there are, and is
    left out.

    Parameters
    ----------
    state
        Audits and settings.
    peaks
        By number.

    Returns
    -------
    PrecisionEstimate or None
        None when there is no such audit.
    """
    right = total = 0
    for number, one in peaks.items():
        audits = [m for m in state.marks_of(number) if m.source == "audit" and m.target is not None]
        picks = one.xy[above_threshold(one, state)] if audits else np.empty((0, 2))
        if len(picks):
            gaps = np.asarray(cKDTree(picks).query(positions(audits))[0])
            valid = gaps <= SAME_POSITION * one.radius_px
            total += int(valid.sum())
            right += sum(audit.target == 1 for audit, ok in zip(audits, valid, strict=True) if ok)
    if not total:
        return None
    wrong, tail = total - right, (1 - _CONFIDENCE) / 2
    low, high = beta.ppf([tail, 1 - tail], right + 0.5, wrong + 0.5)
    return PrecisionEstimate(
        right / total, float(low) if right else 0.0, float(high) if wrong else 1.0, total
    )


def sample(state: SessionState, peaks: Mapping[int, Peaks], count: int) -> list[ScoredPosition]:
    """Draw picks that nobody looked at, each with the same chance.

    Parameters
    ----------
    state
        Marks and settings.
    peaks
        By number.
    count
        How many; fewer when there are not that many.

    Returns
    -------
    list of (micrograph, x, y, score)
        By micrograph.
    """
    numbers = sorted(peaks)
    fresh = [_fresh(state, peaks[number]) for number in numbers]
    ends = np.cumsum([0, *(len(rows) for rows in fresh)])
    rng = np.random.default_rng([state.settings.seed, state.next_id])
    drawn = np.sort(rng.choice(ends[-1], min(count, ends[-1]), replace=False))
    places = []
    for k in drawn:
        which = int(np.searchsorted(ends, k, side="right")) - 1
        one, row = peaks[numbers[which]], fresh[which][k - ends[which]]
        x, y = one.xy[row].tolist()
        places.append((numbers[which], x, y, float(one.score[row])))
    return places


def _fresh(state: SessionState, peaks: Peaks) -> NDArray[np.intp]:
    """Give the rows of the picks of a micrograph that are far from all marks."""
    keep = above_threshold(peaks, state)
    marks = state.marks_of(peaks.micrograph)
    if marks:
        gaps = np.asarray(cKDTree(positions(marks)).query(peaks.xy)[0])
        keep &= gaps > SAME_POSITION * peaks.radius_px
    return np.flatnonzero(keep)

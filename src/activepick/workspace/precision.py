"""Estimate the precision of picks from a labelled random sample."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

from activepick.scoremap import SAME_POSITION, far_from
from activepick.session.model.state import ScoredPosition, SessionState
from activepick.workspace.peaks import MicrographPeaks, positions

__all__ = ["PrecisionEstimate", "estimate_precision", "sample_picks"]

_CONFIDENCE = 0.95


@dataclass(frozen=True)
class PrecisionEstimate:
    """Estimated share of particles among the picks without a label.

    Attributes
    ----------
    mean
        Share of particles in the sample.
    low, high
        Limits of the true share with 95 % confidence (Jeffreys interval; Brown, Cai and DasGupta,
        Statistical Science 16, 101, 2001).
    n
        Number of picks in the sample.
    """

    mean: float
    low: float
    high: float
    n: int


def estimate_precision(
    state: SessionState, peaks: Iterable[MicrographPeaks]
) -> PrecisionEstimate | None:
    """Estimate the precision from the answered audit questions at positions that are still picks.

    Positions that are not picks any more are left out, because they are not a sample of the current
    picks.

    Parameters
    ----------
    state
        Answers to audit questions, and settings.
    peaks
        Peaks of the micrographs.

    Returns
    -------
    PrecisionEstimate or None
        None if there are no such answers.
    """
    right = total = 0
    for one in peaks:
        marks = state.marks_of(one.micrograph)
        audits = [m for m in marks if m.source == "audit" and m.target is not None]
        picks = one.peaks.xy[one.accepted(state)] if audits else np.empty((0, 2))
        if len(picks):
            valid = ~far_from(positions(audits), picks, SAME_POSITION * one.peaks.radius_px)
            total += int(valid.sum())
            right += sum(audit.is_particle for audit, ok in zip(audits, valid, strict=True) if ok)
    if not total:
        return None
    wrong, tail = total - right, (1 - _CONFIDENCE) / 2
    low, high = betaincinv(right + 0.5, wrong + 0.5, [tail, 1 - tail])
    return PrecisionEstimate(
        right / total, float(low) if right else 0.0, float(high) if wrong else 1.0, total
    )


def sample_picks(
    state: SessionState, peaks: Iterable[MicrographPeaks], count: int
) -> list[ScoredPosition]:
    """Draw a random sample of the picks without a mark, all with the same probability.

    Parameters
    ----------
    state
        Marks and settings.
    peaks
        Peaks of the micrographs; only those of one micrograph are in use at a time.
    count
        Size of the sample; it is smaller if there are fewer picks.

    Returns
    -------
    list of (micrograph, x, y, score)
        Positions in original pixels and scores (logits), sorted by micrograph.
    """
    rng = np.random.default_rng([state.settings.seed, state.next_id])
    sample: list[tuple[float, ScoredPosition]] = []
    # Each pick gets a random number; the picks with the smallest numbers are the sample.
    for one in peaks:
        free = _free_picks(state, one)
        numbers = rng.random(len(free))
        for k in np.argsort(numbers)[:count]:
            (x, y), score = one.peaks.xy[free[k]].tolist(), one.peaks.score[free[k]]
            sample.append((float(numbers[k]), (one.micrograph, x, y, float(score))))
        sample = sorted(sample)[:count]
    return sorted(position for _, position in sample)


def _free_picks(state: SessionState, one: MicrographPeaks) -> NDArray[np.intp]:
    """Return the indices of the picks of a micrograph without a mark at the same position."""
    keep = one.accepted(state)
    marks = positions(state.marks_of(one.micrograph))
    keep &= far_from(one.peaks.xy, marks, SAME_POSITION * one.peaks.radius_px)
    return np.flatnonzero(keep)

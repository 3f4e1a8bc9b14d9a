"""Choose the micrograph to show next."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from activepick.session.model.state import SessionState

__all__ = ["Offer", "next_offer"]

# A value differs from those of all seen micrographs if its distance from each exceeds this share of
# the range of all values.
_GAP = 0.25
# Scores are compared only if at least this number of micrographs was seen.
_KNOWN = 3


@dataclass(frozen=True)
class Offer:
    """A micrograph to show next.

    Attributes
    ----------
    micrograph
        Number of the micrograph.
    reason
        "defocus" or "scores": its defocus or its scores differ from those of all seen micrographs;
        "unsure": the head is most uncertain on it; "apart": it is far from all seen micrographs in
        the list.
    """

    micrograph: int
    reason: Literal["defocus", "scores", "unsure", "apart"]


def next_offer(
    state: SessionState, levels: Mapping[int, float], uncertainties: Mapping[int, float]
) -> Offer | None:
    """Choose the next micrograph from those that have not been seen.

    Parameters
    ----------
    state
        The session.
    levels
        Mean score of the peaks of the pretrained head, by the number of the micrograph, where it is
        known.
    uncertainties
        Mean entropy of the head over the peaks, in nats, by the number of the micrograph, where it
        is known.

    Returns
    -------
    Offer or None
        None if all micrographs were seen or rejected.
    """
    entries = state.micrographs
    labelled = {label.micrograph for label in state.labels.values()}
    fresh = [i for i, e in entries.items() if e.status == "unseen" and i not in labelled]
    if not fresh:
        return None
    seen = [i for i, e in entries.items() if i not in fresh and e.status != "rejected"]
    defocus = {i: e.defocus_angstrom for i, e in entries.items() if e.defocus_angstrom is not None}
    unlike = _unlike(defocus, seen, fresh, known=1)
    if unlike is not None:
        return Offer(unlike, "defocus")
    unlike = _unlike(levels, seen, fresh, known=_KNOWN)
    if unlike is not None:
        return Offer(unlike, "scores")
    known = [i for i in fresh if i in uncertainties]
    if known:
        return Offer(max(known, key=lambda i: uncertainties[i]), "unsure")
    if not seen:
        return Offer(fresh[0], "apart")
    return Offer(max(fresh, key=lambda i: min(abs(i - j) for j in seen)), "apart")


def _unlike(
    values: Mapping[int, float], seen: list[int], fresh: list[int], known: int
) -> int | None:
    """Return the unseen micrograph with the most different value; None if all are similar."""
    old = [values[i] for i in seen if i in values]
    gaps = {i: min(abs(values[i] - v) for v in old) for i in fresh if old and i in values}
    if not gaps or len(old) < known:
        return None
    best = max(gaps, key=lambda i: gaps[i])
    span = max(values.values()) - min(values.values())
    return best if span > 0 and gaps[best] > _GAP * span else None

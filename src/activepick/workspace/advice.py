"""Advise whether more labels are likely to improve the picks."""

from activepick.learning.stopping import ROUNDS, changed_positions, settled
from activepick.session.model.state import SessionState
from activepick.wording import counted
from activepick.workspace.peaks import MicrographPeaks
from activepick.workspace.precision import PrecisionEstimate

__all__ = ["advice", "changed_picks"]

# Precision below which picks are poor.
_POOR = 0.7


def changed_picks(
    state: SessionState, before: MicrographPeaks, after: MicrographPeaks
) -> tuple[int, int]:
    """Count the picks of a micrograph that differ between two heads.

    Parameters
    ----------
    state
        Labels and settings, which are used for both heads.
    before, after
        Peaks of the two heads on the same micrograph.

    Returns
    -------
    changed : int
        Number of picks of both heads for which the other head has no pick at the same position.
    total : int
        Total number of picks of both heads.
    """
    radius_px = after.peaks.radius_px
    return changed_positions(before.select(state).xy, after.select(state).xy, radius_px)


def advice(state: SessionState, precision: PrecisionEstimate | None) -> str:
    """Return advice on whether more labels are likely to improve the picks.

    Parameters
    ----------
    state
        Labels and rounds.
    precision
        Estimated precision of the picks; None if there is no estimate.

    Returns
    -------
    str
        Sentences for the user.
    """
    return " ".join(filter(None, (_on_labels(state), _on_precision(precision))))


def _on_labels(state: SessionState) -> str:
    count = len(state.labels)
    particles = sum(label.is_particle for label in state.labels.values())
    if not count:
        return "Answer some questions: ten answers already make the picks better."
    if particles in (0, count):
        missing = "non-particle" if particles else "particle"
        return f"Continue: no {missing} has been labelled yet."
    rounds = state.rounds
    changes = [record.changed for record in rounds]
    known = [share for share in changes[-ROUNDS:] if share is not None]
    if not known:
        return f"Continue: {counted(count, 'label')} so far."
    share = _percent(known[-1])
    if settled(changes):
        sentence = f"The last {ROUNDS} rounds changed {share} of the picks: more labels on these "
        return sentence + "micrographs help little. Go to another one, or pick all."
    return f"Continue: the last round changed {share} of the picks."


def _on_precision(precision: PrecisionEstimate | None) -> str:
    if precision is None:
        return ""
    sentence = (
        f"Of the picks without a label, {_percent(precision.mean)} are particles "
        f"({_percent(precision.low)} to {_percent(precision.high)}, from {precision.n} answers)."
    )
    if precision.high < _POOR:
        sentence += " Raise the threshold, or label more."
    return sentence


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share == 0 or share >= 0.01 else "less than 1 %"

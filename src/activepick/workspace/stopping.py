"""Whether it pays to go on."""

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from activepick.scoremap import SAME_POSITION
from activepick.session.model.state import SessionState
from activepick.workspace.peaks import Peaks, curate
from activepick.workspace.precision import PrecisionEstimate

__all__ = ["advice", "change"]

# Rounds that change a smaller share of the picks than this are not worth a person's time.
_LITTLE = 0.03
# So many of them have to follow each other.
_ROUNDS = 2
# Picks of which fewer are particles than this are poor.
_POOR = 0.7


def change(state: SessionState, before: Peaks, after: Peaks) -> tuple[int, int]:
    """Compare the picks of two heads on a micrograph, both at the settings and labels of now.

    Parameters
    ----------
    state
        Labels and settings.
    before, after
        Peaks of the same micrograph.

    Returns
    -------
    changed : int
        Picks of either that have no partner within half a radius in the other.
    total : int
        Picks of both.
    """
    old, new = (_xy(curate(peaks, state)) for peaks in (before, after))
    if not len(old) or not len(new):
        return len(old) + len(new), len(old) + len(new)
    reach = SAME_POSITION * after.radius_px
    lost = int((cKDTree(new).query(old)[0] > reach).sum())
    found = int((cKDTree(old).query(new)[0] > reach).sum())
    return lost + found, len(old) + len(new)


def advice(state: SessionState, precision: PrecisionEstimate | None) -> str:
    """Say in a plain sentence or two whether more labels are worth while.

    Parameters
    ----------
    state
        Labels and rounds.
    precision
        Of the picks, where it was looked at.
    """
    return " ".join(filter(None, (_on_labels(state), _on_precision(precision))))


def _on_labels(state: SessionState) -> str:
    count = len(state.labels)
    particles = sum(label.target == 1 for label in state.labels.values())
    if not count:
        return "Answer some questions: ten answers already make the picks better."
    if particles in (0, count):
        missing = "something that is not a particle" if particles else "a particle"
        return f"Go on: among the {count} labels {missing} is still missing."
    rounds = state.rounds
    known = [record.changed for record in rounds[-_ROUNDS:] if record.changed is not None]
    if not known:
        return f"Go on: {count} labels so far."
    share = _percent(known[-1])
    if len(known) == _ROUNDS and max(known) < _LITTLE:
        sentence = f"The last {_ROUNDS} rounds changed {share} of the picks: more labels on these "
        return sentence + "micrographs help little. Look at another one, or pick all."
    return f"Go on: the last round changed {share} of the picks."


def _on_precision(precision: PrecisionEstimate | None) -> str:
    if precision is None:
        return ""
    sentence = (
        f"Of the picks that nobody looked at, {_percent(precision.mean)} are particles "
        f"({_percent(precision.low)} to {_percent(precision.high)}, from {precision.n})."
    )
    if precision.high < _POOR:
        sentence += " Raise the threshold, or label more."
    return sentence


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share == 0 or share >= 0.01 else "less than 1 %"


def _xy(picks: pd.DataFrame) -> "np.ndarray[tuple[int, ...], np.dtype[np.float64]]":
    return picks[["x", "y"]].to_numpy(np.float64)

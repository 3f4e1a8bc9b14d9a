"""Rows and columns of the table of micrographs."""

from collections.abc import Callable
from dataclasses import dataclass
from math import log
from typing import Any

__all__ = [
    "COLUMNS",
    "CONTRAST",
    "DEFOCUS",
    "LABELS",
    "MEAN_SCORE",
    "NAME",
    "PICKS",
    "STATE",
    "UNSURE",
    "USE",
    "Column",
    "Row",
]


@dataclass(frozen=True)
class Row:
    """A row: one micrograph.

    Attributes
    ----------
    number
        Number of the micrograph in the session.
    name
        File name.
    state
        "unseen", "seen", "done" or "rejected".
    labels
        Number of labels.
    picks
        Number of picks at the current settings; None if unknown.
    uncertainty
        Mean entropy of its peaks in nats, 0 to log 2; None if unknown.
    note
        Reason why the micrograph cannot be used; empty if it can be used.
    defocus_angstrom
        Mean defocus in Å; None if unknown.
    contrast
        Local contrast that 5 % of the candidates exceed; None if unknown.
    mean_score
        Mean score (logit) of the picks; None if unknown.
    """

    number: int
    name: str
    state: str
    labels: int = 0
    picks: int | None = None
    uncertainty: float | None = None
    note: str = ""
    defocus_angstrom: float | None = None
    contrast: float | None = None
    mean_score: float | None = None

    @property
    def rejected(self) -> bool:
        """Whether the micrograph is rejected."""
        return self.state == "rejected"

    @property
    def unsure(self) -> float | None:
        """Uncertainty as a share of its maximum, 0 to 1; None if unknown."""
        return None if self.uncertainty is None else self.uncertainty / log(2)


@dataclass(frozen=True)
class Column:
    """A column: title, tool tip, text of a cell, and sort key."""

    title: str
    tip: str
    text: Callable[[Row], str]
    key: Callable[[Row], Any]


MARKS = {"unseen": "", "seen": "○", "done": "✓", "rejected": ""}
STATES = tuple(MARKS)
USE, STATE, NAME, LABELS, PICKS, UNSURE, DEFOCUS, CONTRAST, MEAN_SCORE = range(9)


def _number(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def _known(value: float | None) -> float:
    """Return a sort key by which unknown values come before all others."""
    return float("-inf") if value is None else value


COLUMNS = (
    Column(
        "Use",
        "Uncheck a micrograph to exclude it",
        lambda row: "",
        lambda row: row.rejected,
    ),
    Column(
        "",
        "○ seen, ✓ done, ! error",
        lambda row: "!" if row.note else MARKS.get(row.state, ""),
        lambda row: (not row.note, STATES.index(row.state) if row.state in MARKS else -1),
    ),
    Column(
        "Micrograph",
        "File name, without the beginning and end that all names share",
        lambda row: row.name,
        lambda row: row.name.casefold(),
    ),
    Column(
        "Labels",
        "Number of labels",
        lambda row: f"{row.labels}" if row.labels else "",
        lambda row: row.labels,
    ),
    Column(
        "Picks",
        "Number of picks at the current threshold",
        lambda row: "" if row.picks is None else f"{row.picks:,}",
        lambda row: -1 if row.picks is None else row.picks,
    ),
    Column(
        "Unsure",
        "Uncertainty of the peaks: 0 % if all are certain, 100 % if all probabilities are 0.5",
        lambda row: "" if row.unsure is None else f"{row.unsure:.0%}",
        lambda row: -1.0 if row.unsure is None else row.unsure,
    ),
    Column(
        "Defocus (µm)",
        "Mean defocus, if the list of micrographs contains it",
        lambda row: _number(row.defocus_angstrom and row.defocus_angstrom / 1e4, ".2f"),
        lambda row: _known(row.defocus_angstrom),
    ),
    Column(
        "Contrast",
        "Local contrast that is exceeded by 5 % of the candidates: high with ice or carbon",
        lambda row: _number(row.contrast, ".2f"),
        lambda row: _known(row.contrast),
    ),
    Column(
        "Mean score",
        "Mean score (logit) of the picks",
        lambda row: _number(row.mean_score, ".2f"),
        lambda row: _known(row.mean_score),
    ),
)

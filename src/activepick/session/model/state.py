"""What a session knows at one moment; nothing here ever changes, a change gives a new one."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

from pydantic import Field

from activepick.session.model.settings import Record, Settings

__all__ = [
    "Area",
    "Label",
    "MicrographEntry",
    "Progress",
    "Question",
    "RoundRecord",
    "SessionState",
    "Source",
    "Target",
]

Progress = Literal["unseen", "seen", "done", "rejected"]
Source = Literal["query", "click", "suggestion", "import", "audit", "gallery"]
# 1 particle, 0 not a particle, 2 not a particle either but carbon or empty ice. None: a person
# looked and left it open. It trains nothing and is not asked about again.
Target = Literal[0, 1, 2] | None


class MicrographEntry(Record):
    """A micrograph of a session.

    Attributes
    ----------
    id
        Its number in the session, from 1.
    relative
        Path from the session's folder with forward slashes, for folders that are moved together;
        None where there is none (another drive).
    absolute
        Path when it was added, for a session that is moved alone.
    fingerprint
        Of its content, by which a changed file is noticed.
    progress
        How far the person is with it.
    defocus_angstrom
        Where somebody knows it.
    """

    id: int = Field(ge=1)
    relative: str | None
    absolute: str
    fingerprint: str
    progress: Progress = "unseen"
    defocus_angstrom: float | None = None

    @property
    def name(self) -> str:
        """File name with extension."""
        return (self.relative or self.absolute).replace("\\", "/").rpartition("/")[2]


class Label(Record):
    """What a person said about a place.

    Attributes
    ----------
    id
        Stays the same through all changes; never used twice.
    micrograph
        The micrograph's number.
    x, y
        Original pixels.
    target
        1 particle, 0 not a particle, 2 carbon or empty ice, None left open. The head takes 2 for 0.
    source
        Where the place came from. What was answered in an audit holds in the picks as any label,
        but never trains: it could not tell any more how good the picks are that nobody looked at.
    """

    id: int = Field(ge=1)
    micrograph: int = Field(ge=1)
    x: float
    y: float
    target: Target
    source: Source = "click"


class Question(Record):
    """A place that is proposed for labelling. Its answer is a label with the same `id`.

    Attributes
    ----------
    id, micrograph, x, y
        As in `Label`.
    score
        The head's logit when it was asked.
    suggestion
        An answer that waits to be accepted; None where a person is asked.
    purpose
        "learn", or "audit": part of a random sample of the picks.
    """

    id: int = Field(ge=1)
    micrograph: int = Field(ge=1)
    x: float
    y: float
    score: float
    suggestion: Target = None
    purpose: Literal["learn", "audit"] = "learn"


class Area(Record):
    """A part of a micrograph in which nothing is picked.

    Attributes
    ----------
    vertices
        Of a polygon, (x, y) in original pixels.
    """

    vertices: tuple[tuple[float, float], ...] = Field(min_length=3)


class RoundRecord(Record):
    """How things stood at the end of a round.

    Attributes
    ----------
    labels, particles
        Labels that trained the head, and how many of them are particles.
    picks
        On the micrographs that were compared.
    changed
        Share of the picks that changed since the round before; None for the first.
    ap
        Average precision where the truth is known.
    """

    labels: int
    particles: int
    picks: int
    changed: float | None = None
    ap: float | None = None


@dataclass(frozen=True)
class SessionState:
    """Everything in a session but its history.

    Attributes
    ----------
    settings
        How it picks.
    micrographs
        By number, in the order in which they were added.
    marks
        Labels and places left open, by `id`.
    asked
        The last round of questions, answered or not.
    next_id
        The next `id` of a label or question.
    areas
        By the micrograph's number, what is left out of it; no entry where that is nothing.
    rounds
        How learning went on.
    """

    settings: Settings
    micrographs: Mapping[int, MicrographEntry] = field(default_factory=dict)
    marks: Mapping[int, Label] = field(default_factory=dict)
    asked: tuple[Question, ...] = ()
    next_id: int = 1
    areas: Mapping[int, tuple[Area, ...]] = field(default_factory=dict)
    rounds: tuple[RoundRecord, ...] = ()

    def with_(self, **facts: Any) -> "SessionState":
        """Give a state in which some facts are others."""
        new = replace(self, **facts)
        if "names" in self.__dict__ and "micrographs" not in facts:
            # For thousands of micrographs they take longer to make than a click may.
            new.__dict__["names"] = self.names
        return new

    @cached_property
    def labels(self) -> Mapping[int, Label]:
        """What trains the head: the marks with an answer, by `id`, in order of `id`."""
        return {i: self.marks[i] for i in sorted(self.marks) if _trains(self.marks[i])}

    @cached_property
    def audits(self) -> Mapping[int, Label]:
        """What was answered in audits, by `id`, in order of `id`."""
        marks = self.marks
        answered = (i for i in sorted(marks) if marks[i].target is not None)
        return {i: marks[i] for i in answered if marks[i].source == "audit"}

    @cached_property
    def _by_micrograph(self) -> Mapping[int, list[Label]]:
        groups: dict[int, list[Label]] = {}
        for _, mark in sorted(self.marks.items()):
            groups.setdefault(mark.micrograph, []).append(mark)
        return groups

    def marks_of(self, micrograph: int) -> list[Label]:
        """All marks of a micrograph, also audits and places left open, in order of `id`."""
        return list(self._by_micrograph.get(micrograph, []))

    def labels_of(self, micrograph: int) -> list[Label]:
        """Labels of a micrograph that train, in order of `id`."""
        return [m for m in self._by_micrograph.get(micrograph, []) if _trains(m)]

    def skipped_of(self, micrograph: int) -> list[Label]:
        """Places of a micrograph that were left open, in order of `id`."""
        return [m for m in self._by_micrograph.get(micrograph, []) if m.target is None]

    @cached_property
    def questions(self) -> tuple[Question, ...]:
        """Questions of the last round that wait for an answer."""
        return tuple(q for q in self.asked if q.id not in self.marks)

    @cached_property
    def names(self) -> Mapping[int, str]:
        """Name of each micrograph in tables: the file name, with folders where it is not unique."""
        entries = self.micrographs.values()
        count = Counter(entry.name for entry in entries)
        return {e.id: e.name if count[e.name] == 1 else e.relative or e.absolute for e in entries}


def _trains(mark: Label) -> bool:
    return mark.target is not None and mark.source != "audit"

"""The state of a session. It is immutable: each change creates a new state."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, Field, PlainSerializer, ValidationInfo

from activepick.session.model.settings import Record, Settings

__all__ = [
    "EMPTY",
    "NOT_A_PARTICLE",
    "XY",
    "Area",
    "Fingerprint",
    "Label",
    "LeftOut",
    "MicrographEntry",
    "Position",
    "Question",
    "RoundRecord",
    "ScoredPosition",
    "SessionState",
    "Source",
    "Status",
    "Target",
    "is_particle",
    "particle_kind",
]

# A position in original pixels; with the number of the micrograph; and with the score there.
XY: TypeAlias = tuple[float, float]
Position: TypeAlias = tuple[int, float, float]
ScoredPosition: TypeAlias = tuple[int, float, float, float]

# Files are called by it, so that it may hold nothing that leads out of their folder.
Fingerprint = Annotated[str, Field(pattern=r"^[0-9a-f]{1,64}$")]
Status = Literal["unseen", "seen", "done", "rejected"]
Source = Literal["query", "click", "suggestion", "import", "audit", "gallery", "class", "patch"]
NOT_A_PARTICLE, EMPTY = 0, -1
# Numbers of targets in files: sessions from before there were kinds have 2 for `EMPTY`.
_EMPTY_IN_FILES = 2
FROM_FILE = {"from": "file"}


def _target_from_file(value: object, info: ValidationInfo) -> object:
    if info.context != FROM_FILE or type(value) is not int or value in (0, 1):
        return value
    if value == _EMPTY_IN_FILES:
        return EMPTY
    return value - 1 if value > 0 else _INVALID


def _target_for_file(target: int | None) -> int | None:
    if target is None or target in (0, 1):
        return target
    return _EMPTY_IN_FILES if target == EMPTY else target + 1


_INVALID = -2
# 1 particle, or the number of its kind; 0 not a particle; -1 not a particle but carbon or empty
# ice; None skipped: a skipped position is not used for training and is not asked again.
Target: TypeAlias = Annotated[
    Annotated[int, Field(ge=EMPTY, le=9999)] | None,
    BeforeValidator(_target_from_file),
    PlainSerializer(_target_for_file, when_used="json"),
]


# Positions that are left out of the picks, by class of picks and by number of the micrograph.
LeftOut: TypeAlias = Mapping[str, Mapping[int, tuple[XY, ...]]]


class MicrographEntry(Record):
    """A micrograph of a session.

    Attributes
    ----------
    id
        Its number in the session, from 1.
    relative
        Path relative to the session's folder with forward slashes, which stays valid if both are
        moved together; None if there is none (another drive).
    absolute
        Path when it was added, which stays valid if only the session is moved.
    fingerprint
        Hash of its content, by which a changed file is detected.
    status
        "unseen", "seen", "done" or "rejected".
    defocus_angstrom
        Mean defocus in Å; None if it is not known.
    """

    id: int = Field(ge=1)
    relative: str | None
    absolute: str
    fingerprint: Fingerprint
    status: Status = "unseen"
    defocus_angstrom: float | None = None

    @property
    def name(self) -> str:
        """File name with extension."""
        return (self.relative or self.absolute).replace("\\", "/").rpartition("/")[2]


class Label(Record):
    """A position that was labelled, or skipped.

    Attributes
    ----------
    id
        Number that never changes and is never used again.
    micrograph
        Number of the micrograph.
    x, y
        Position in original pixels.
    target
        1 particle or the number of its kind, 0 not a particle, -1 carbon or empty ice, None
        skipped. The head is trained with 0 for -1.
    source
        Origin of the position. Labels of audits are applied to picks like all others, but they are
        not used for training, which would bias the estimate of the precision.
    weight
        Weight in the training, from above 0 to 1. It is below 1 for labels that follow from the
        answer to a class of picks, because they were not checked one by one.
    class_id
        The class of picks whose answer the label follows from
        (`activepick.workspace.classification`); None for a label that was given by itself.
    """

    id: int = Field(ge=1)
    micrograph: int = Field(ge=1)
    x: float
    y: float
    target: Target
    source: Source = "click"
    weight: float = Field(default=1.0, gt=0, le=1)
    class_id: str | None = Field(default=None, min_length=1, max_length=64)

    def with_target(self, target: Target) -> "Label":
        """Return the label with another target, which is now an answer of its own."""
        return self.model_copy(update={"target": target, "weight": 1.0, "class_id": None})

    @property
    def is_particle(self) -> bool:
        """Whether it is a particle of any kind."""
        return is_particle(self.target)

    @property
    def particle_kind(self) -> int:
        """Number of its kind of particle; 0 if it is not a particle."""
        return particle_kind(self.target)


class Question(Record):
    """A position that is proposed for labelling. Its answer is a label with the same `id`.

    Attributes
    ----------
    id, micrograph, x, y
        As in `Label`.
    score
        Score (logit of the probability) there when the question was asked.
    suggestion
        Proposed answer; None for a plain question.
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
        Corners of a polygon, (x, y) in original pixels.
    """

    vertices: tuple[tuple[float, float], ...] = Field(min_length=3)


class RoundRecord(Record):
    """Statistics of labels and picks at the end of a round.

    Attributes
    ----------
    labels, particles
        Number of training labels, and of particles among them.
    picks
        Number of picks on the micrographs that were compared.
    changed
        Share of the picks that changed since the previous round; None in the first round.
    ap
        Average precision; None if the truth is not known.
    """

    labels: int
    particles: int
    picks: int
    changed: float | None = None
    ap: float | None = None


@dataclass(frozen=True)
class SessionState:
    """The whole state of a session except its history.

    Attributes
    ----------
    settings
        The settings.
    micrographs
        Micrographs by number, in the order in which they were added.
    marks
        Labels and skipped positions by `id`.
    asked
        The last round of questions, answered or not.
    next_id
        The next `id` of a label or question.
    areas
        Excluded areas by the number of the micrograph; no entry where there is none.
    left_out
        Members of classes of picks at which there are no picks, unless a label says that there is a
        particle.
    rounds
        Records of the rounds so far.
    last_kind
        Largest number of a kind of particle so far, also of removed kinds.
    """

    settings: Settings
    micrographs: Mapping[int, MicrographEntry] = field(default_factory=dict)
    marks: Mapping[int, Label] = field(default_factory=dict)
    asked: tuple[Question, ...] = ()
    next_id: int = 1
    areas: Mapping[int, tuple[Area, ...]] = field(default_factory=dict)
    left_out: LeftOut = field(default_factory=dict)
    rounds: tuple[RoundRecord, ...] = ()
    last_kind: int = 1

    def with_(self, **facts: Any) -> "SessionState":
        """Return a copy of the state with some attributes replaced."""
        new = replace(self, **facts)
        if "micrographs" not in facts:
            self._pass_names(new)
        return new

    def with_status(self, micrograph: int, status: Status) -> "SessionState":
        """Return a copy of the state with another status of a micrograph."""
        entry = self.micrographs[micrograph].model_copy(update={"status": status})
        new = replace(self, micrographs={**self.micrographs, micrograph: entry})
        self._pass_names(new)
        return new

    def _pass_names(self, other: "SessionState") -> None:
        """Pass names that are already computed to a state with the same micrographs.

        For thousands of micrographs, computing the names is too slow for a click.
        """
        if "names" in self.__dict__:
            other.__dict__["names"] = self.names

    @cached_property
    def labels(self) -> Mapping[int, Label]:
        """Labels that are used for training, by `id`, in order of `id`."""
        return {i: self.marks[i] for i in sorted(self.marks) if _trains(self.marks[i])}

    @cached_property
    def audits(self) -> Mapping[int, Label]:
        """Answers in audits by `id`, in order of `id`."""
        marks = self.marks
        answered = (i for i in sorted(marks) if marks[i].target is not None)
        return {i: marks[i] for i in answered if marks[i].source == "audit"}

    @cached_property
    def class_answers(self) -> Mapping[str, Target]:
        """The answer to each class of picks that was answered, by `Label.class_id`."""
        marks = self.marks.values()
        return {mark.class_id: mark.target for mark in marks if mark.class_id is not None}

    @cached_property
    def _by_micrograph(self) -> Mapping[int, list[Label]]:
        groups: dict[int, list[Label]] = {}
        for _, mark in sorted(self.marks.items()):
            groups.setdefault(mark.micrograph, []).append(mark)
        return groups

    def marks_of(self, micrograph: int) -> list[Label]:
        """Return all marks of a micrograph, with audits and skipped positions, in order of `id`."""
        return list(self._by_micrograph.get(micrograph, []))

    def labels_of(self, micrograph: int) -> list[Label]:
        """Return the training labels of a micrograph, in order of `id`."""
        return [m for m in self._by_micrograph.get(micrograph, []) if _trains(m)]

    def left_out_of(self, micrograph: int) -> tuple[XY, ...]:
        """Return the positions on a micrograph that are left out of the picks."""
        return tuple(xy for own in self.left_out.values() for xy in own.get(micrograph, ()))

    @cached_property
    def questions(self) -> tuple[Question, ...]:
        """Open questions of the last round, without those on rejected micrographs."""
        return tuple(q for q in self.asked if q.id not in self.marks and self.is_used(q.micrograph))

    def is_used(self, micrograph: int) -> bool:
        """Return whether a micrograph is in the session and not rejected."""
        entry = self.micrographs.get(micrograph)
        return entry is not None and entry.status != "rejected"

    @cached_property
    def names(self) -> Mapping[int, str]:
        """Names of the micrographs in tables: the file name, with folders if it is not unique."""
        entries = self.micrographs.values()
        count = Counter(entry.name for entry in entries)
        return {e.id: e.name if count[e.name] == 1 else e.relative or e.absolute for e in entries}


def particle_kind(target: Target) -> int:
    """Return the number of the kind of particle of an answer; 0 for other answers."""
    return max(target or 0, 0)


def is_particle(target: Target) -> bool:
    """Return whether an answer is "particle", of any kind."""
    return target is not None and target > 0


def _trains(mark: Label) -> bool:
    return mark.target is not None and mark.source != "audit"

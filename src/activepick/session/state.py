"""What a session knows at one moment; nothing here ever changes, a change gives a new one."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from pydantic import Field

from activepick.session.settings import Record, Settings

__all__ = [
    "Label",
    "MicrographEntry",
    "Progress",
    "Question",
    "SessionState",
    "Source",
    "Target",
]

Progress = Literal["unseen", "seen", "done", "rejected"]
Source = Literal["query", "click", "suggestion", "import"]
# None: a person looked and left it open. It trains nothing and is not asked about again.
Target = Literal[0, 1] | None


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
        1 particle, 0 not a particle, None left open.
    source
        Where the place came from.
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
    """

    id: int = Field(ge=1)
    micrograph: int = Field(ge=1)
    x: float
    y: float
    score: float


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
    """

    settings: Settings
    micrographs: Mapping[int, MicrographEntry] = field(default_factory=dict)
    marks: Mapping[int, Label] = field(default_factory=dict)
    asked: tuple[Question, ...] = ()
    next_id: int = 1

    @cached_property
    def labels(self) -> Mapping[int, Label]:
        """What trains the head: the marks with an answer, by `id`, in order of `id`."""
        return {i: self.marks[i] for i in sorted(self.marks) if self.marks[i].target is not None}

    @cached_property
    def _by_micrograph(self) -> Mapping[int, list[Label]]:
        groups: dict[int, list[Label]] = {}
        for _, mark in sorted(self.marks.items()):
            groups.setdefault(mark.micrograph, []).append(mark)
        return groups

    def labels_of(self, micrograph: int) -> list[Label]:
        """Labels of a micrograph, in order of `id`."""
        return [m for m in self._by_micrograph.get(micrograph, []) if m.target is not None]

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

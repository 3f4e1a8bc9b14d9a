"""Everything that can be done to a session, one class an action."""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field, TypeAdapter, ValidationError

from activepick.errors import SessionError
from activepick.session.model.settings import Record
from activepick.session.model.state import (
    Area,
    Label,
    MicrographEntry,
    Progress,
    Question,
    RoundRecord,
    Target,
)

__all__ = [
    "Action",
    "AddLabels",
    "AddMicrographs",
    "AskQuestions",
    "ClearLabels",
    "Lost",
    "Move",
    "MoveLabels",
    "NoteRound",
    "ReclassLabels",
    "Redo",
    "RelinkMicrograph",
    "RemoveLabels",
    "ReplaceLabels",
    "SetAreas",
    "SetProgress",
    "SetSettings",
    "SetSuggestion",
    "Undo",
    "UndoableAction",
    "parse_action",
]


class AddMicrographs(Record):
    """Take micrographs into the session."""

    kind: Literal["add_micrographs"] = "add_micrographs"
    micrographs: tuple[MicrographEntry, ...]


class SetProgress(Record):
    """Say how far the person is with a micrograph."""

    kind: Literal["set_progress"] = "set_progress"
    micrograph: int
    progress: Progress


class RelinkMicrograph(Record):
    """Say where a micrograph lies now, and that its content is meant."""

    kind: Literal["relink_micrograph"] = "relink_micrograph"
    micrograph: int
    relative: str | None
    absolute: str
    fingerprint: str


class SetSettings(Record):
    """Change settings; those not named stay."""

    kind: Literal["set_settings"] = "set_settings"
    changes: dict[str, Any]


class AskQuestions(Record):
    """Put a new round of questions in the place of the last one."""

    kind: Literal["ask_questions"] = "ask_questions"
    questions: tuple[Question, ...]


class AddLabels(Record):
    """Add labels, or places left open."""

    kind: Literal["add_labels"] = "add_labels"
    labels: tuple[Label, ...]


class RemoveLabels(Record):
    """Remove labels."""

    kind: Literal["remove_labels"] = "remove_labels"
    ids: tuple[int, ...]


class Move(Record):
    """Where a label goes, in original pixels."""

    id: int
    x: float
    y: float


class MoveLabels(Record):
    """Move labels."""

    kind: Literal["move_labels"] = "move_labels"
    moves: tuple[Move, ...]


class ReclassLabels(Record):
    """Give labels another answer."""

    kind: Literal["reclass_labels"] = "reclass_labels"
    ids: tuple[int, ...]
    target: Target


class ClearLabels(Record):
    """Remove all labels and open places of one micrograph, or of all (None)."""

    kind: Literal["clear_labels"] = "clear_labels"
    micrograph: int | None


class ReplaceLabels(Record):
    """Remove labels and add others, as one action."""

    kind: Literal["replace_labels"] = "replace_labels"
    ids: tuple[int, ...]
    labels: tuple[Label, ...]


class SetAreas(Record):
    """Say what is left out of a micrograph, instead of what was so far."""

    kind: Literal["set_areas"] = "set_areas"
    micrograph: int
    areas: tuple[Area, ...]


class SetSuggestion(Record):
    """Give an open question another suggestion, or none."""

    kind: Literal["set_suggestion"] = "set_suggestion"
    question: int
    target: Target


class NoteRound(Record):
    """Note how things stand at the end of a round."""

    kind: Literal["note_round"] = "note_round"
    record: RoundRecord


class Undo(Record):
    """Take back the action with the number `of`."""

    kind: Literal["undo"] = "undo"
    of: int


class Redo(Record):
    """Do again what was taken back last, the action with the number `of`."""

    kind: Literal["redo"] = "redo"
    of: int


class Lost(Record):
    """Stands in a repaired journal where a line was damaged; does nothing."""

    kind: Literal["lost"] = "lost"
    text: str


# What concerns a person's work on places, and can be taken back.
UndoableAction: TypeAlias = (
    AddLabels
    | RemoveLabels
    | MoveLabels
    | ReclassLabels
    | ClearLabels
    | ReplaceLabels
    | SetAreas
    | SetSuggestion
)
Action: TypeAlias = (
    AddMicrographs
    | SetProgress
    | RelinkMicrograph
    | SetSettings
    | AskQuestions
    | UndoableAction
    | NoteRound
    | Undo
    | Redo
    | Lost
)

_ADAPTER: TypeAdapter[Action] = TypeAdapter(Annotated[Action, Field(discriminator="kind")])


def parse_action(value: object) -> Action:
    """Make an action from what its JSON held.

    Raises
    ------
    SessionError
        When the kind is unknown or a part is missing, wrong or unknown.
    """
    try:
        return _ADAPTER.validate_python(value, strict=False)
    except ValidationError as error:
        first = error.errors()[0]
        if first["type"] == "union_tag_invalid":
            raise SessionError(f"the action {first['ctx']['tag']!r} is unknown") from None
        where = ".".join(map(str, first["loc"]))
        raise SessionError(f"the action makes no sense ({where}: {first['msg']})") from None

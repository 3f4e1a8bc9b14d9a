"""The actions that change a session, one class for each."""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field, TypeAdapter, ValidationError

from activepick.errors import SessionError
from activepick.session.model.settings import Record
from activepick.session.model.state import (
    FROM_FILE,
    Area,
    Fingerprint,
    Label,
    MicrographEntry,
    Position,
    Question,
    RoundRecord,
    Status,
    Target,
)

__all__ = [
    "Action",
    "AddLabels",
    "AddLeftOut",
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
    "SetLeftOut",
    "SetRejected",
    "SetSettings",
    "SetStatus",
    "SetSuggestion",
    "Undo",
    "UndoableAction",
    "parse_action",
]


class AddMicrographs(Record):
    """Add micrographs to the session."""

    kind: Literal["add_micrographs"] = "add_micrographs"
    micrographs: tuple[MicrographEntry, ...]


class SetStatus(Record):
    """Set the status of a micrograph; not undoable, unlike `SetRejected`."""

    kind: Literal["set_status"] = "set_status"
    micrograph: int
    status: Status


class RelinkMicrograph(Record):
    """Set the paths of a micrograph, and accept its content."""

    kind: Literal["relink_micrograph"] = "relink_micrograph"
    micrograph: int
    relative: str | None
    absolute: str
    fingerprint: Fingerprint


class SetSettings(Record):
    """Change some settings."""

    kind: Literal["set_settings"] = "set_settings"
    changes: dict[str, Any]


class AskQuestions(Record):
    """Replace the last round of questions by a new one."""

    kind: Literal["ask_questions"] = "ask_questions"
    questions: tuple[Question, ...]


class AddLabels(Record):
    """Add labels, or skipped positions."""

    kind: Literal["add_labels"] = "add_labels"
    labels: tuple[Label, ...]


class RemoveLabels(Record):
    """Remove labels."""

    kind: Literal["remove_labels"] = "remove_labels"
    ids: tuple[int, ...]


class Move(Record):
    """The new position of a label in original pixels."""

    id: int
    x: float
    y: float


class MoveLabels(Record):
    """Move labels."""

    kind: Literal["move_labels"] = "move_labels"
    moves: tuple[Move, ...]


class ReclassLabels(Record):
    """Change the target of labels."""

    kind: Literal["reclass_labels"] = "reclass_labels"
    ids: tuple[int, ...]
    target: Target


class ClearLabels(Record):
    """Remove all labels and skipped positions of one micrograph, or of all (None)."""

    kind: Literal["clear_labels"] = "clear_labels"
    micrograph: int | None


class ReplaceLabels(Record):
    """Remove labels and add others in one action."""

    kind: Literal["replace_labels"] = "replace_labels"
    ids: tuple[int, ...]
    labels: tuple[Label, ...]


class SetAreas(Record):
    """Replace the excluded areas of a micrograph."""

    kind: Literal["set_areas"] = "set_areas"
    micrograph: int
    areas: tuple[Area, ...]


# A class of picks, as in `Label.class_id`.
ClassId = Annotated[str, Field(min_length=1, max_length=64)]


class SetLeftOut(Record):
    """Replace the members of classes of picks that are left out of the picks."""

    kind: Literal["set_left_out"] = "set_left_out"
    classes: dict[ClassId, tuple[Position, ...]]


class AddLeftOut(Record):
    """Leave further members of left-out classes out of the picks.

    It cannot be undone by itself, since it follows from the answer to the class.
    """

    kind: Literal["add_left_out"] = "add_left_out"
    classes: dict[ClassId, tuple[Position, ...]]


class SetRejected(Record):
    """Reject a micrograph, or un-reject it."""

    kind: Literal["set_rejected"] = "set_rejected"
    micrograph: int
    rejected: bool


class SetSuggestion(Record):
    """Change or remove the suggestion of an open question."""

    kind: Literal["set_suggestion"] = "set_suggestion"
    question: int
    target: Target


class NoteRound(Record):
    """Record the end of a round."""

    kind: Literal["note_round"] = "note_round"
    record: RoundRecord


class Undo(Record):
    """Undo the action with the number `of`."""

    kind: Literal["undo"] = "undo"
    of: int


class Redo(Record):
    """Redo the action with the number `of`, which was undone last."""

    kind: Literal["redo"] = "redo"
    of: int


class Lost(Record):
    """Replace a damaged line of a repaired journal; without effect."""

    kind: Literal["lost"] = "lost"
    text: str


# Actions on labels, areas, left-out classes, rejections and suggestions, which can be undone.
UndoableAction: TypeAlias = (
    AddLabels
    | RemoveLabels
    | MoveLabels
    | ReclassLabels
    | ClearLabels
    | ReplaceLabels
    | SetAreas
    | SetLeftOut
    | SetRejected
    | SetSuggestion
)
Action: TypeAlias = (
    AddMicrographs
    | SetStatus
    | RelinkMicrograph
    | SetSettings
    | AskQuestions
    | UndoableAction
    | AddLeftOut
    | NoteRound
    | Undo
    | Redo
    | Lost
)

_ADAPTER: TypeAdapter[Action] = TypeAdapter(Annotated[Action, Field(discriminator="kind")])


def parse_action(value: object) -> Action:
    """Return the action that JSON describes.

    Parameters
    ----------
    value
        The parsed JSON.

    Raises
    ------
    SessionError
        If the type of the action is unknown, or a value is missing, invalid or unknown.
    """
    try:
        return _ADAPTER.validate_python(value, strict=False, context=FROM_FILE)
    except ValidationError as error:
        first = error.errors()[0]
        if first["type"] == "union_tag_invalid":
            raise SessionError(f"the action {first['ctx']['tag']!r} is unknown") from None
        where = ".".join(map(str, first["loc"]))
        raise SessionError(f"the action is not valid ({where}: {first['msg']})") from None

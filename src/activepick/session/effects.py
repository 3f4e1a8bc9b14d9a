"""What an action does to the state."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from activepick.errors import SessionError
from activepick.session import actions as a
from activepick.session.settings import checked_settings
from activepick.session.state import Label, MicrographEntry, SessionState

__all__ = ["Change", "after_change", "after_other", "change_of"]


@dataclass(frozen=True)
class Change:
    """What an action does to labels: all that undo, redo and a display need.

    Attributes
    ----------
    before, after
        The labels that differ, by `id`; None where there is none.
    """

    before: Mapping[int, Label | None]
    after: Mapping[int, Label | None]

    def reversed(self) -> "Change":
        """Give the change that takes this one back."""
        return Change(self.after, self.before)

    def __bool__(self) -> bool:
        return bool(self.before)


def change_of(state: SessionState, action: a.LabelAction) -> Change:
    """Give what an action would do to the labels.

    Raises
    ------
    SessionError
        When it speaks of a label or micrograph that is not there.
    """
    after: dict[int, Label | None]
    match action:
        case a.AddLabels(labels=labels):
            after = {label.id: label for label in labels}
            taken = sorted(after.keys() & state.marks.keys())
            if taken or len(after) < len(labels):
                raise SessionError(f"there is a label {taken[0] if taken else labels[0].id} twice")
            for label in labels:
                _micrograph(state, label.micrograph)
        case a.RemoveLabels(ids=ids):
            after = {label.id: None for label in _labels(state, ids)}
        case a.MoveLabels(moves=moves):
            moved = zip(_labels(state, (move.id for move in moves)), moves, strict=True)
            after = {m.id: label.model_copy(update={"x": m.x, "y": m.y}) for label, m in moved}
        case a.ReclassLabels(ids=ids, target=target):
            after = {
                label.id: label.model_copy(update={"target": target})
                for label in _labels(state, ids)
            }
        case a.ClearLabels(micrograph=micrograph):
            if micrograph is not None:
                _micrograph(state, micrograph)
            after = {
                label.id: None
                for label in state.marks.values()
                if micrograph in (None, label.micrograph)
            }
    before = {i: state.marks.get(i) for i in after}
    differs = [i for i in after if after[i] != before[i]]
    return Change({i: before[i] for i in differs}, {i: after[i] for i in differs})


def after_change(state: SessionState, change: Change) -> SessionState:
    """Give the state with other labels."""
    marks = {**state.marks}
    for i, label in change.after.items():
        if label is None:
            marks.pop(i, None)
        else:
            marks[i] = label
    return replace(state, marks=marks, next_id=max([state.next_id, *(i + 1 for i in change.after)]))


def after_other(state: SessionState, action: a.Action) -> SessionState:
    """Give the state after an action that does not touch labels.

    Raises
    ------
    SessionError
        When it speaks of a micrograph that is not there, or adds one that is.
    SettingsError
        When a setting makes no sense.
    """
    match action:
        case a.AddMicrographs(micrographs=entries):
            added = {**state.micrographs}
            for entry in entries:
                if entry.id in added:
                    raise SessionError(f"there is a micrograph {entry.id} already")
                added[entry.id] = entry
            return replace(state, micrographs=added)
        case a.SetProgress(micrograph=number, progress=progress):
            return _with_entry(state, number, progress=progress)
        case a.RelinkMicrograph(micrograph=number):
            facts = action.model_dump(include={"relative", "absolute", "fingerprint"})
            return _with_entry(state, number, **facts)
        case a.SetSettings(changes=changes):
            merged = {**state.settings.model_dump(), **changes}
            return replace(state, settings=checked_settings(merged))
        case a.AskQuestions(questions=questions):
            for question in questions:
                _micrograph(state, question.micrograph)
                if question.id in state.marks:
                    raise SessionError(f"there is a label {question.id} already")
            next_id = max([state.next_id, *(q.id + 1 for q in questions)])
            return replace(state, asked=questions, next_id=next_id)
        case _:
            return state


def _with_entry(state: SessionState, number: int, **facts: object) -> SessionState:
    entry = _micrograph(state, number).model_copy(update=facts)
    return replace(state, micrographs={**state.micrographs, number: entry})


def _micrograph(state: SessionState, number: int) -> MicrographEntry:
    entry = state.micrographs.get(number)
    if entry is None:
        raise SessionError(f"there is no micrograph {number} in this session")
    return entry


def _labels(state: SessionState, ids: Iterable[int]) -> list[Label]:
    ids = list(ids)
    missing = [i for i in ids if i not in state.marks]
    if missing:
        raise SessionError(f"there is no label {missing[0]} in this session")
    if len(set(ids)) < len(ids):
        raise SessionError("the same label is named twice")
    return [state.marks[i] for i in ids]

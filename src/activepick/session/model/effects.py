"""The effects of actions on the state."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from activepick.errors import SessionError
from activepick.session.model import actions as a
from activepick.session.model.settings import checked_settings
from activepick.session.model.state import (
    XY,
    Area,
    Label,
    LeftOut,
    MicrographEntry,
    Position,
    SessionState,
    Status,
    Target,
)

__all__ = ["Change", "after_change", "after_other", "change_of"]


@dataclass(frozen=True)
class Change:
    """The change that an action makes, as far as it can be undone.

    Attributes
    ----------
    before, after
        Labels that differ, by `id`; None if there is no label.
    areas_before, areas_after
        Areas that differ, by the number of the micrograph.
    suggested_before, suggested_after
        Suggestions that differ, by the `id` of the question.
    left_out_before, left_out_after
        Left-out positions that differ, by class of picks and number of the micrograph.
    status_before, status_after
        Status of the micrographs that were rejected or un-rejected, by their number.
    """

    before: Mapping[int, Label | None] = field(default_factory=dict)
    after: Mapping[int, Label | None] = field(default_factory=dict)
    areas_before: Mapping[int, tuple[Area, ...]] = field(default_factory=dict)
    areas_after: Mapping[int, tuple[Area, ...]] = field(default_factory=dict)
    suggested_before: Mapping[int, Target] = field(default_factory=dict)
    suggested_after: Mapping[int, Target] = field(default_factory=dict)
    left_out_before: LeftOut = field(default_factory=dict)
    left_out_after: LeftOut = field(default_factory=dict)
    status_before: Mapping[int, Status] = field(default_factory=dict)
    status_after: Mapping[int, Status] = field(default_factory=dict)

    @property
    def areas(self) -> frozenset[int]:
        """Numbers of the micrographs whose areas differ."""
        return frozenset(self.areas_after)

    @property
    def suggestions(self) -> frozenset[int]:
        """Ids of the questions whose suggestions differ."""
        return frozenset(self.suggested_after)

    def reversed(self) -> "Change":
        """Return the change that undoes this one."""
        return Change(
            self.after,
            self.before,
            self.areas_after,
            self.areas_before,
            self.suggested_after,
            self.suggested_before,
            self.left_out_after,
            self.left_out_before,
            self.status_after,
            self.status_before,
        )

    def __bool__(self) -> bool:
        return bool(
            self.before
            or self.areas_before
            or self.suggested_before
            or self.left_out_before
            or self.status_before
        )


def change_of(state: SessionState, action: a.UndoableAction) -> Change:
    """Return the change that an action would make.

    Raises
    ------
    SessionError
        If it refers to a label, question or micrograph that does not exist.
    """
    after: dict[int, Label | None]
    match action:
        case a.SetAreas(micrograph=number, areas=areas):
            _micrograph(state, number)
            old = state.areas.get(number, ())
            return Change() if areas == old else Change({}, {}, {number: old}, {number: areas})
        case a.SetLeftOut(classes=classes):
            new = {name: _by_micrograph(state, picks) for name, picks in classes.items()}
            previous = {name: state.left_out.get(name, {}) for name in classes}
            other = [name for name in classes if new[name] != previous[name]]
            return Change(
                left_out_before={name: previous[name] for name in other},
                left_out_after={name: new[name] for name in other},
            )
        case a.SetRejected(micrograph=number, rejected=rejected):
            status = _micrograph(state, number).status
            if (status == "rejected") is rejected:
                return Change()
            changed: Status = "rejected" if rejected else "seen"
            return Change(status_before={number: status}, status_after={number: changed})
        case a.SetSuggestion(question=number, target=target):
            found = next((q for q in state.questions if q.id == number), None)
            if found is None:
                raise SessionError(f"question {number} is not open")
            was, now = {number: found.suggestion}, {number: target}
            return Change() if was == now else Change(suggested_before=was, suggested_after=now)
        case a.AddLabels(labels=labels):
            after = _added(state, labels)
        case a.ReplaceLabels(ids=ids, labels=labels):
            after = {**{label.id: None for label in _labels(state, ids)}, **_added(state, labels)}
        case a.RemoveLabels(ids=ids):
            after = {label.id: None for label in _labels(state, ids)}
        case a.MoveLabels(moves=moves):
            moved = zip(_labels(state, (move.id for move in moves)), moves, strict=True)
            after = {m.id: label.model_copy(update={"x": m.x, "y": m.y}) for label, m in moved}
        case a.ReclassLabels(ids=ids, target=target):
            after = {label.id: label.with_target(target) for label in _labels(state, ids)}
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
    """Return the state after a change of `change_of`, or its reversed change."""
    for number, status in change.status_after.items():
        state = state.with_status(number, status)
    facts: dict[str, Any] = {}
    if change.after:
        merged = {**state.marks, **change.after}
        facts["marks"] = {i: label for i, label in merged.items() if label is not None}
        facts["next_id"] = max([state.next_id, *(i + 1 for i in change.after)])
    if change.areas_after:
        areas = {**state.areas, **change.areas_after}
        facts["areas"] = {number: those for number, those in areas.items() if those}
    if change.left_out_after:
        left_out = {**state.left_out, **change.left_out_after}
        facts["left_out"] = {name: own for name, own in left_out.items() if own}
    if change.suggested_after:
        # Questions of earlier rounds no longer need suggestions.
        suggested = change.suggested_after
        facts["asked"] = tuple(
            q.model_copy(update={"suggestion": suggested[q.id]}) if q.id in suggested else q
            for q in state.asked
        )
    return state.with_(**facts)


def after_other(state: SessionState, action: a.Action) -> SessionState:
    """Return the state after any other action.

    Raises
    ------
    SessionError
        If it refers to a micrograph or left-out class that does not exist, or adds a micrograph
        that exists.
    SettingsError
        If a setting is unknown or its value is invalid.
    """
    match action:
        case a.AddMicrographs(micrographs=entries):
            added = {**state.micrographs}
            for entry in entries:
                if entry.id in added:
                    raise SessionError(f"micrograph {entry.id} exists already")
                added[entry.id] = entry
            return state.with_(micrographs=added)
        case a.SetStatus(micrograph=number, status=status):
            _micrograph(state, number)
            return state.with_status(number, status)
        case a.RelinkMicrograph(micrograph=number):
            facts = action.model_dump(include={"relative", "absolute", "fingerprint"})
            entry = _micrograph(state, number).model_copy(update=facts)
            return state.with_(micrographs={**state.micrographs, number: entry})
        case a.SetSettings(changes=changes):
            settings = checked_settings({**state.settings.model_dump(), **changes})
            numbers = (*state.settings.kind_names, *settings.kind_names)
            return state.with_(settings=settings, last_kind=max(state.last_kind, *numbers, 1))
        case a.AskQuestions(questions=questions):
            for question in questions:
                _micrograph(state, question.micrograph)
                if question.id in state.marks:
                    raise SessionError(f"label {question.id} exists already")
            next_id = max([state.next_id, *(q.id + 1 for q in questions)])
            return state.with_(asked=questions, next_id=next_id)
        case a.AddLeftOut(classes=classes):
            left_out = {**state.left_out}
            for name, picks in classes.items():
                known = left_out.get(name)
                if known is None:
                    raise SessionError(f"the class {name} is not left out")
                left_out[name] = {**known, **_by_micrograph(state, picks, known)}
            return state.with_(left_out=left_out)
        case a.NoteRound(record=record):
            return state.with_(rounds=(*state.rounds, record))
        case _:
            return state


def _micrograph(state: SessionState, number: int) -> MicrographEntry:
    entry = state.micrographs.get(number)
    if entry is None:
        raise SessionError(f"there is no micrograph {number} in this session")
    return entry


def _by_micrograph(
    state: SessionState,
    picks: Iterable[Position],
    known: Mapping[int, tuple[XY, ...]] = MappingProxyType({}),
) -> dict[int, tuple[XY, ...]]:
    """Return positions by the number of their micrograph, appended to the known ones."""
    groups: dict[int, list[XY]] = {}
    for number, x, y in picks:
        if number not in groups:
            _micrograph(state, number)
            groups[number] = list(known.get(number, ()))
        groups[number].append((x, y))
    return {number: tuple(own) for number, own in groups.items()}


def _added(state: SessionState, labels: Iterable[Label]) -> dict[int, Label | None]:
    after: dict[int, Label | None] = {}
    for label in labels:
        _micrograph(state, label.micrograph)
        if label.id in after or label.id in state.marks:
            raise SessionError(f"label {label.id} is added twice")
        after[label.id] = label
    return after


def _labels(state: SessionState, ids: Iterable[int]) -> list[Label]:
    ids = list(ids)
    missing = [i for i in ids if i not in state.marks]
    if missing:
        raise SessionError(f"there is no label {missing[0]} in this session")
    if len(set(ids)) < len(ids):
        raise SessionError("the same label is given twice")
    return [state.marks[i] for i in ids]

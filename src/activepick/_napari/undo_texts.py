"""Sentences about actions that were undone or redone."""

from collections.abc import Mapping, Sequence

from activepick.session import Label, Target
from activepick.session.model.effects import Change
from activepick.session.model.state import EMPTY, NOT_A_PARTICLE, SessionState

__all__ = ["place_of_change", "undo_text"]

_PARTICLE = ("particle", "particles")
# Singular and plural of other labels.
_OTHERS: Mapping[Target, tuple[str, str]] = {
    NOT_A_PARTICLE: ("non-particle", "non-particles"),
    EMPTY: ("empty position", "empty positions"),
    None: ("skipped position", "skipped positions"),
}


def undo_text(verb: str, change: Change, state: SessionState) -> str:
    """Return a sentence about an action that was undone or redone.

    Parameters
    ----------
    verb
        "Undone" or "Redone".
    change
        The change that the action itself makes.
    state
        The session, for the names of micrographs.
    """
    return f"{verb}: {_what(change, state.settings.kind_names)}{_where(change, state)}"


def place_of_change(change: Change) -> tuple[int, tuple[float, float] | None] | None:
    """Return the micrograph and position of a change.

    Parameters
    ----------
    change
        The change.

    Returns
    -------
    micrograph, position
        Number of the micrograph, and (x, y) in original pixels of its first label, or None if no
        label differs there. None if the change concerns no micrograph.
    """
    labels = [label for label in (*change.after.values(), *change.before.values()) if label]
    if labels:
        return labels[0].micrograph, (labels[0].x, labels[0].y)
    return next(((number, None) for number in (*change.areas_after, *change.status_after)), None)


def _what(change: Change, kinds: Mapping[int, str]) -> str:
    if change.areas_after:
        return "excluded areas"
    if change.status_after:
        return "rejection" if "rejected" in change.status_after.values() else "un-rejection"
    if change.left_out_after:
        count = len(change.left_out_after)
        which = "class" if count == 1 else f"{count} classes"
        back = not any(change.left_out_after.values())
        return f"{which} put back into the picks" if back else f"{which} left out of the picks"
    if change.suggested_after:
        return "suggestion"
    before = [label for label in change.before.values() if label is not None]
    after = [label for label in change.after.values() if label is not None]
    if not before:
        return _count(after, kinds)
    if not after:
        return f"{_count(before, kinds)} removed"
    if len(before) < len(change.before):
        return f"{_count(before, kinds)} replaced"
    if any((a.x, a.y) != (b.x, b.y) for a, b in zip(before, after, strict=True)):
        return f"{_count(after, kinds)} moved"
    return f"{_count(before, kinds)} changed to {_count(after, kinds)}"


def _count(labels: Sequence[Label], kinds: Mapping[int, str]) -> str:
    """Return the numbers of labels with each answer, such as "particle" or "2 particles"."""
    parts = []
    used = sorted({label.target for label in labels if label.target and label.is_particle})
    names: dict[Target, tuple[str, str]] = {
        k: (kinds[k], kinds[k]) if k in kinds else _PARTICLE for k in used
    }
    for target, (one, several) in (names | dict(_OTHERS)).items():
        count = sum(label.target == target for label in labels)
        if count:
            parts.append(
                one if count == len(labels) == 1 else f"{count} {several if count > 1 else one}"
            )
    return ", ".join(parts)


def _where(change: Change, state: SessionState) -> str:
    labels = [label for label in (*change.after.values(), *change.before.values()) if label]
    numbers = {label.micrograph for label in labels} | change.areas | change.status_after.keys()
    preposition = "of" if change.status_after else "on"
    if len(numbers) > 1:
        return f" {preposition} {len(numbers)} micrographs"
    return "".join(f" {preposition} {state.names[number]}" for number in numbers)

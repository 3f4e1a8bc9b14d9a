"""The kinds of particles of a session."""

import re
from collections.abc import Sequence
from typing import Any

from activepick.errors import SessionError, SettingsError
from activepick.session.action_log import ActionLog
from activepick.session.model import actions as a
from activepick.session.model.settings import NAME_OF_KIND, ParticleKind

__all__ = ["COLOURS", "KEYS", "Kinds", "kinds_of"]

# Colours of new kinds; the first is the colour of particles in the window. They are colours of
# Okabe and Ito (2008) that no other labels have, and a purple, and are distinguishable for people
# with colour vision deficiencies.
COLOURS = ("#56b4e9", "#cc79a7", "#009e73", "#7570b3", "#d55e00")
# Keys of new kinds; the first is the key of particles. The window does not use the others.
KEYS = ("F", "C", "K", "L", "M")
_FIRST_NAME = "particle"
_LONGEST_NAME = 60


class Kinds:
    """Adds, changes and removes the kinds of particles of a session.

    The kinds themselves are in `Settings.kinds`, which is empty if kinds are not distinguished.
    Methods raise the errors of `Session.do`, such as `SettingsError` for a name that is used twice.

    Parameters
    ----------
    log
        The session.
    """

    def __init__(self, log: ActionLog) -> None:
        self._log = log

    def add(self, name: str, key: str | None = None, colour: str | None = None) -> int:
        """Add a kind of particles and return its number.

        The first call results in two kinds: the existing particles, with the number 1 and the name
        "particle", and the new kind.

        Parameters
        ----------
        name
            Name of the kind.
        key, colour
            Letter of the key that answers with this kind, and the colour of its circles, #rrggbb.
            By default, ones that no other kind has.

        Raises
        ------
        SessionError
            If there are already as many kinds as keys.
        """
        with self._log.exclusive():
            kinds = self._log.state.settings.kinds or kinds_of([_FIRST_NAME])
            _check_number(len(kinds) + 1)
            # Labels of a removed kind can be restored by undo, so no number is used again.
            used = [self._log.state.last_kind, *(k.number for k in kinds)]
            used += [mark.target or 0 for mark in self._log.state.marks.values()]
            keys = {kind.key for kind in kinds}
            free_key = next(k for k in KEYS if k not in keys)
            colours = {kind.colour for kind in kinds}
            free_colour = next((c for c in COLOURS if c not in colours), COLOURS[-1])
            new = {
                "number": max(used) + 1,
                "name": name.strip(),
                "key": key or free_key,
                "colour": colour or free_colour,
            }
            self._set([*(kind.model_dump() for kind in kinds), new])
        return int(str(new["number"]))

    def change(self, number: int, **facts: Any) -> None:
        """Change the name, key, colour or threshold of a kind.

        Parameters
        ----------
        number
            Number of the kind.
        **facts
            New values by name, as in `ParticleKind`.

        Raises
        ------
        SessionError
            If there is no such kind.
        """
        with self._log.exclusive():
            self._require(number)
            self._set(
                [
                    {**kind.model_dump(), **(facts if kind.number == number else {})}
                    for kind in self._log.state.settings.kinds
                ]
            )

    def remove(self, number: int) -> None:
        """Remove a kind. If only one is left, kinds are no longer distinguished.

        Parameters
        ----------
        number
            Number of the kind.

        Raises
        ------
        SessionError
            If there is no such kind, it is the first one, or it has labels.
        """
        with self._log.exclusive():
            state = self._log.state
            self._require(number)
            name = state.settings.kind_names[number]
            if number == 1:
                raise SessionError(
                    f"{name} is the first kind of particle, which cannot be removed: rename it."
                )
            if any(mark.target == number for mark in state.marks.values()):
                raise SessionError(
                    f"There are labels of {name}: change or remove them before you remove the kind."
                )
            left = [k.model_dump() for k in state.settings.kinds if k.number != number]
            # Suggestions of this kind cannot be accepted any more.
            for question in state.questions:
                if question.suggestion == number:
                    self._log.do(a.SetSuggestion(question=question.id, target=None))
            self._set(left if len(left) > 1 else [])

    def _require(self, number: int) -> None:
        if number not in self._log.state.settings.kind_names:
            raise SessionError(f"There is no kind of particle {number} in this session.")

    def _set(self, kinds: Sequence[dict[str, Any]]) -> None:
        for fact in ("name", "key"):
            values = [str(kind[fact]).casefold() for kind in kinds]
            if len(set(values)) < len(values):
                raise SettingsError(f"Two kinds of particles have the same {fact}: choose another.")
        if any(not re.match(NAME_OF_KIND, kind["name"]) for kind in kinds):
            raise SettingsError(
                "The name of a kind of particle must not be empty or contain , or =."
            )
        self._log.do(a.SetSettings(changes={"kinds": list(kinds)}))


def kinds_of(names: Sequence[str]) -> tuple[ParticleKind, ...]:
    """Return kinds of particles with the numbers from 1, and default keys and colours.

    Raises
    ------
    SessionError
        If there are more names than keys, or a session cannot have a kind with such a name.
    """
    _check_number(len(names))
    for name in names:
        if len(name) > _LONGEST_NAME or not re.fullmatch(NAME_OF_KIND, name):
            raise SessionError(
                f"{name!r} cannot be the name of a kind of particle in a session: it must have at "
                f"most {_LONGEST_NAME} characters, and no comma or =."
            )
    rows = zip(names, KEYS, COLOURS, strict=False)
    return tuple(
        ParticleKind(number=number, name=name, key=key, colour=colour)
        for number, (name, key, colour) in enumerate(rows, 1)
    )


def _check_number(count: int) -> None:
    if count > len(KEYS):
        raise SessionError(f"A session can have at most {len(KEYS)} kinds of particles.")

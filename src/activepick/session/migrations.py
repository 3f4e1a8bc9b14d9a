"""Sessions of older versions become sessions of this one.

The old journal is kept beside the new one. A step sees the header and the actions and gives new
ones; a migration that was interrupted begins again from the kept journal.
"""

import contextlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from activepick.atomic import replacing
from activepick.errors import SessionError
from activepick.session.store.header import JOURNAL, SCHEMA_VERSION, write_header
from activepick.session.store.journal_lines import encode_line, read_lines

__all__ = ["MIGRATIONS", "migrate"]

Facts = dict[str, Any]
# From a version to the next one: header and actions in, header and actions out.
Step = Callable[[Facts, list[Facts]], tuple[Facts, list[Facts]]]


def _from_0(header: Facts, actions: list[Facts]) -> tuple[Facts, list[Facts]]:
    """Before the first release: one label an action, classes by name, units not in the names."""
    settings = dict(header["settings"])
    settings["diameter_angstrom"] = settings.pop("diameter")
    if "pixel_size" in settings:
        settings["pixel_size_angstrom"] = settings.pop("pixel_size")
    targets = {"particle": 1, "other": 0}

    def label(old: Facts) -> Facts:
        return {
            "id": old["id"],
            "micrograph": old["micrograph"],
            "x": old["x"],
            "y": old["y"],
            "target": targets[old["class"]],
        }

    new = [
        {"kind": "add_labels", "labels": [label(action)]} if action["kind"] == "add" else action
        for action in actions
    ]
    return {**header, "settings": settings}, new


def _from_1(header: Facts, actions: list[Facts]) -> tuple[Facts, list[Facts]]:
    """Before areas, suggestions, audits and rounds: all of these begin empty."""
    return header, actions


def _from_2(header: Facts, actions: list[Facts]) -> tuple[Facts, list[Facts]]:
    """Before labels told carbon and empty ice from other junk: none of them does."""
    return header, actions


MIGRATIONS: Mapping[int, Step] = {0: _from_0, 1: _from_1, 2: _from_2}


def migrate(folder: Path, header: Facts, steps: Mapping[int, Step] = MIGRATIONS) -> Facts:
    """Bring a session of an older version up to date; the caller holds its lock.

    Parameters
    ----------
    folder
        The session.
    header
        What its `session.json` says.
    steps
        By the version that each begins with.

    Returns
    -------
    dict
        The new header, which is on disk.

    Raises
    ------
    SessionError
        When the old journal is damaged.
    OSError
        When the folder cannot be written to; the old session is whole then.
    """
    old = int(header["schema_version"])
    kept = folder / f"journal.v{old}.jsonl"
    if not kept.exists():
        with replacing(kept) as temporary:
            temporary.write_bytes((folder / JOURNAL).read_bytes())
    actions = _actions(kept, old)
    new = dict(header)
    try:
        for version in range(old, SCHEMA_VERSION):
            new, actions = steps[version](new, actions)
    except (KeyError, TypeError, ValueError) as error:
        raise SessionError(
            f"{kept} cannot be brought up to date ({type(error).__name__}: {error}): it is damaged "
            "or from a version that never was released."
        ) from error
    with replacing(folder / JOURNAL) as temporary:
        temporary.write_bytes(b"".join(encode_line(n, a) for n, a in enumerate(actions, 1)))
    new["schema_version"] = SCHEMA_VERSION
    write_header(folder, new)
    return new


def _actions(path: Path, version: int) -> list[Facts]:
    data = path.read_bytes()
    if version > 0:
        text = read_lines(data)
        if not text.torn:
            raise SessionError(f"{path}: line {len(text.lines) + 1} is damaged.")
        return text.actions
    actions: list[Facts] = []
    for number, line in enumerate(data.splitlines(), 1):
        with contextlib.suppress(ValueError):
            actions.append(dict(json.loads(line)["action"]))
            continue
        if number < len(data.splitlines()):
            raise SessionError(f"{path}: line {number} is damaged.")
    return actions

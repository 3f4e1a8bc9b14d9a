"""Read and repair the folder of a session."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import activepick
from activepick.atomic import replacing
from activepick.errors import ActivepickError, SessionError, SettingsError
from activepick.files import read_whole
from activepick.session.model.actions import parse_action
from activepick.session.model.history import History
from activepick.session.model.settings import checked_settings
from activepick.session.model.state import SessionState
from activepick.session.store.header import HEADER, JOURNAL, read_header, write_header
from activepick.session.store.journal_lines import (
    JournalText,
    bare_line,
    decode_line,
    encode_line,
    read_lines,
)

__all__ = ["Opened", "read_session", "repair_journal"]

# Number of bytes of a short line, and the largest number of lines lost without a trace.
_SHORTEST, _MOST_MISSING = 50, 1000
# What programs for texts make of line ends, and put before the first line.
_LINE_END, _MARK = re.compile(rb"\r\n|\n|\r"), b"\xef\xbb\xbf"


@dataclass
class Opened:
    """The content of the folder of a session.

    Attributes
    ----------
    header
        The content of `session.json`.
    history
        The state, with undo and redo.
    lines
        The valid lines of the journal.
    written
        Number of lines that are complete on disk.
    notices
        Sentences for the user.
    """

    header: dict[str, Any]
    history: History
    lines: list[bytes]
    written: int
    notices: list[str]


def read_session(folder: Path, writing: bool = False) -> Opened:
    """Read a session.

    Parameters
    ----------
    folder
        The session.
    writing
        Whether files may be changed: the version in the header, and an incomplete last line.

    Raises
    ------
    SessionError
        If it is not a session, is damaged, or has another schema.
    OSError
        If a file cannot be written.
    """
    header = _read_header(folder, writing)
    path = folder / JOURNAL
    data = _read(path)
    text = read_lines(data)
    if not text.torn:
        raise SessionError(_damage(path, text), "repair")
    notices = []
    if text.rest:
        notices.append(
            f"{path}: the last line ({len(text.rest)} bytes) was incomplete when the program "
            "ended, and is left out. It had not been acknowledged."
        )
        if writing:
            _keep(folder / "journal.torn", text.rest)
    history = _first_state(folder, header)
    for number, facts in enumerate(text.actions, 1):
        try:
            history.apply(number, parse_action(facts))
        except ActivepickError as error:
            raise SessionError(
                f"{path}: line {number} cannot be used: {error}. This is activepick "
                f"{activepick.__version__}; the session was last written by "
                f"{header.get('activepick')}. Update activepick if that is newer, or "
                "repair the session (activepick session repair), which leaves such lines out.",
                "repair",
            ) from error
    good, whole = data[: len(data) - len(text.rest)], len(text.lines)
    if not good.endswith(b"\n") and whole:
        whole -= 1  # the last line lacks its newline: it is written again
    if b"\r\n" in good:
        notices.append(
            f"{path}: its line ends were converted to those of Windows by another program."
        )
        if writing:
            with replacing(path) as temporary:
                temporary.write_bytes(b"".join(text.lines[:whole]))
    return Opened(header, history, text.lines, whole, notices)


def repair_journal(folder: Path) -> list[str]:
    """Replace lines that are damaged or cannot be applied by `Lost`, and keep the old journal.

    Returns
    -------
    list of str
        Sentences for the user; empty if nothing was damaged.

    Raises
    ------
    SessionError
        If it is not a session, or the journal is missing.
    OSError
        If a file cannot be written.
    """
    header = _read_header(folder, writing=True)
    path = folder / JOURNAL
    data = _read(path)
    history = _first_state(folder, header)
    lines: list[bytes] = []
    # A line number that was read adds no more lines than the damaged bytes could have contained.
    highest = len(data) // _SHORTEST + _MOST_MISSING

    def lose(piece: bytes) -> None:
        text = piece.decode("utf-8", "replace")
        lines.append(encode_line(len(lines) + 1, {"kind": "lost", "text": text}))

    damaged: list[bytes] = []
    for piece in _LINE_END.split(data.removeprefix(_MARK)):
        facts = decode_line(piece)
        if facts is None or not len(lines) < facts[0] <= highest:
            damaged.append(piece)
            continue
        number, action = facts
        while len(lines) < number - 1:
            lose(damaged.pop(0) if damaged else b"")
        damaged.clear()
        try:
            history.apply(number, parse_action(action))
            lines.append(bare_line(piece) + b"\n")
        except ActivepickError:
            lose(piece)
    new = b"".join(lines)
    if new == data:
        return []
    kept = _keep(folder / "journal.damaged.jsonl", data)
    with replacing(path) as temporary:
        temporary.write_bytes(new)
    return [f"{path} was damaged and has been repaired; the damaged file is kept as {kept.name}."]


def _first_state(folder: Path, header: Mapping[str, Any]) -> History:
    try:
        return History(SessionState(checked_settings(header["settings"])))
    except SettingsError as error:
        raise SessionError(
            f"{folder / HEADER} cannot be used: {error} Restore it from a backup; the labels "
            "are in "
            f"{JOURNAL} beside it."
        ) from error


def _read_header(folder: Path, writing: bool) -> dict[str, Any]:
    header = read_header(folder)
    if writing and header.get("activepick") != activepick.__version__:
        header["activepick"] = activepick.__version__
        write_header(folder, header)
    return header


def _read(path: Path) -> bytes:
    try:
        return read_whole(path)
    except FileNotFoundError:
        raise SessionError(
            f"{path} is missing, and with it all labels: restore it from a backup."
        ) from None
    except OSError as error:
        raise SessionError(f"{path} cannot be read: {error.strerror}.") from error


def _damage(path: Path, text: JournalText) -> str:
    good = len(text.lines)
    return (
        f"{path}: line {good + 1} is damaged. Nothing was changed. Restore the file from a "
        "backup, or repair the session (activepick session repair), which leaves out the damaged "
        "lines and keeps the damaged file beside the new one. There are "
        f"{good} actions before the damage."
    )


def _keep(path: Path, data: bytes) -> Path:
    """Write data to the first numbered name that does not exist, and return its path."""
    names = (path.with_name(f"{path.stem}-{k}{path.suffix}") for k in count(1))
    free = next(name for name in names if not os.path.lexists(name))
    with replacing(free) as temporary:
        temporary.write_bytes(data)
    return free

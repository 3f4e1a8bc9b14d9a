"""Encode and decode the lines of a journal.

Each line is one action; lines are numbered from 1 and have a checksum.

A line is JSON: ``{"sum":"0a1b2c3d","n":17,"time":"...","action":{...}}``. The sum is the CRC-32 of
the rest of the line. A line without a newline is incomplete. Line ends of Windows, which some
programs create when they copy text files, are accepted.
"""

import json
import re
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from activepick.json_text import parse_json
from activepick.session.model.actions import Action

__all__ = ["JournalText", "bare_line", "decode_line", "encode_line", "read_lines"]

_START = b'{"sum":"'
_BODY = len(_START) + 8 + len(b'",')


def encode_line(number: int, action: Action | dict[str, Any], time: str | None = None) -> bytes:
    """Return the line of an action, with its newline.

    Parameters
    ----------
    number
        Number of the line, from 1.
    action
        The action, or the content of its JSON.
    time
        Time of the action (ISO 8601); by default the current time.
    """
    facts = action if isinstance(action, dict) else action.model_dump(mode="json")
    time = time or datetime.now(UTC).isoformat(timespec="milliseconds")
    line = {"n": number, "time": time, "action": facts}
    body = json.dumps(line, separators=(",", ":"), allow_nan=False).encode()[1:]
    return b'%s%08x",%s\n' % (_START, zlib.crc32(body), body)


def decode_line(line: bytes) -> tuple[int, dict[str, Any]] | None:
    """Return the number and action of a line, with or without line end; None if damaged."""
    line = bare_line(line)
    body = line[_BODY:]
    if line[:_BODY] != b'%s%08x",' % (_START, zlib.crc32(body)):
        return None
    try:
        facts = parse_json(b"{" + body)
        number, action = facts["n"], facts["action"]
    except (ValueError, KeyError, TypeError):
        return None
    return (number, action) if type(number) is int and isinstance(action, dict) else None


def bare_line(line: bytes) -> bytes:
    """Return a line without its line end."""
    return line.removesuffix(b"\n").removesuffix(b"\r")


@dataclass(frozen=True)
class JournalText:
    """The content of a journal file.

    Attributes
    ----------
    lines
        The valid lines from the start of the file, each with a newline.
    actions
        The parsed JSON of their actions.
    rest
        The bytes after them.
    torn
        Whether the rest is empty or an incomplete last line without newline.
    """

    lines: list[bytes]
    actions: list[dict[str, Any]]
    rest: bytes
    torn: bool


def read_lines(data: bytes) -> JournalText:
    """Parse a journal up to its end or the first damaged line."""
    lines: list[bytes] = []
    actions: list[dict[str, Any]] = []
    pieces = [piece for piece in re.split(rb"(?<=\n)", data) if piece]
    for k, piece in enumerate(pieces):
        facts = decode_line(piece)
        if facts is None or facts[0] != len(lines) + 1:
            # An interrupted write leaves the start of a line, or zeros. A line with a line end was
            # on disk, and so was one with a wrong byte in place of the line end.
            # Line ends of other systems are the work of another program.
            torn = k == len(pieces) - 1 and not piece.endswith(b"\n")
            torn = torn and b"\r" not in piece and decode_line(piece[:-1]) is None
            return JournalText(lines, actions, b"".join(pieces[k:]), torn)
        # A last line that lacks only its newline was applied, although it was not acknowledged.
        lines.append(bare_line(piece) + b"\n")
        actions.append(facts[1])
    return JournalText(lines, actions, b"", True)

"""What is remembered of a micrograph that is done, and the file in which it stands."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Entry", "read_entries"]


@dataclass(frozen=True)
class Entry:
    """A micrograph that is done.

    Attributes
    ----------
    name
        As in tables.
    key
        `Micrograph.content_key` when it was read.
    picks
        How many.
    pixel_size_angstrom
        Å per pixel.
    """

    name: str
    key: str
    picks: int
    pixel_size_angstrom: float


def read_entries(path: Path) -> dict[str, Entry]:
    """Read what is done, by name, without the lines that an interruption cut off."""
    try:
        lines: Iterable[bytes] = path.read_bytes().split(b"\n")
    except OSError:
        return {}
    entries = {}
    for line in lines:
        try:
            facts = json.loads(line)
            entry = Entry(
                str(facts["name"]),
                str(facts["key"]),
                int(facts["picks"]),
                float(facts["pixel_size_angstrom"]),
            )
        except (ValueError, TypeError, KeyError, RecursionError, OverflowError):
            continue
        entries[entry.name] = entry
    return entries

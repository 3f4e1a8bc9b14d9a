"""cryoSPARC's group files (``.csg``), which name the dataset of each slot of a group of results.

They are YAML files with a ``metafile`` for each slot below ``results``; ``>`` in
front of a name stands for the folder of the group file:

    results:
      location:
        metafile: '>J9_passthrough_particles_selected.cs'
        num_items: 456024
        type: particle.location
"""

import re
from pathlib import Path

from activepick.errors import TableError
from activepick.formats.project_files import find_in_project
from activepick.formats.text import read_text

__all__ = ["dataset_with", "is_group", "sniff"]

_RESULTS = re.compile(rb"^results:[ \t]*\r?$", re.MULTILINE)
# Blanks at the end of a line are cut off before.
_SLOT = re.compile(r"([ \t]+)(\w+):")
_METAFILE = re.compile(r"([ \t]+)metafile:[ \t]*(['\"]?)(.+?)\2")


def sniff(head: bytes) -> bool:
    """Return whether it is a group file."""
    return _RESULTS.search(head) is not None and b"metafile:" in head


def is_group(path: Path) -> bool:
    """Return whether a file is a group file, by its name."""
    return path.suffix.lower() == ".csg"


def dataset_with(path: Path, *slots: str) -> Path:
    """Return the dataset that contains a slot: the file itself unless it is a group file.

    Parameters
    ----------
    path
        A ``.cs`` or a ``.csg`` file.
    slots
        The slots, of which the first one that the group has is taken.

    Raises
    ------
    TableError
        When a group file names no dataset for any of them, or that file is not there.
    """
    if not is_group(path):
        return path
    named = _datasets(read_text(path))
    slot = next((slot for slot in slots if slot in named), None)
    if slot is None:
        have = ", ".join(list(named)[:12])[:300] or "none"
        raise TableError(
            f"{path}: a group file of cryoSPARC without the slot {' or '.join(slots)} (it has "
            f"{have}); give the .cs file that has it"
        )
    name = named[slot].removeprefix(">")
    found = find_in_project(name, path)
    if found is None:
        raise TableError(
            f"{path}: a group file of cryoSPARC that refers to {name[:200]} for the slot {slot}, "
            "but that file is not in its folder; copy it there, or give that file itself"
        )
    return found


def _datasets(text: str) -> dict[str, str]:
    """Return the file of each slot as the group file names it."""
    found: dict[str, str] = {}
    slot, indent, is_inside = "", "", False
    for line in map(str.rstrip, text.split("\n")):
        if line[:1].strip():  # a key of the whole file
            is_inside = line == "results:"
        elif is_inside and (match := _METAFILE.fullmatch(line)) and len(match[1]) > len(indent):
            found.setdefault(slot, match[3])
        elif is_inside and (match := _SLOT.fullmatch(line)):
            indent, slot = match[1], match[2]
    found.pop("", None)
    return found

"""Record of a run, stored next to its output, with which the run is continued and can be repeated.

``OUT.run/`` contains ``settings.json`` (the request and the version of the program),
``head.safetensors`` (the head that was used), ``picked.jsonl`` (one line for each micrograph whose
picks have been written), ``failed.csv`` (the other micrographs, each with the reason) and, if the
output is one file, ``parts/``. A line is written after the picks that it describes, so that the
record is correct at any time.
"""

import csv
import io
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import activepick
from activepick.atomic import replacing
from activepick.errors import HeadError
from activepick.files import check_folders, naming, open_in_place, read_whole
from activepick.json_text import parse_json

if TYPE_CHECKING:
    from activepick.learning.head import Head

__all__ = ["Entry", "RunRecord", "record_folder"]

FORMAT = 1


@dataclass(frozen=True)
class Entry:
    """A micrograph whose picks have been written.

    Attributes
    ----------
    name
        Name of the micrograph in tables.
    key
        `Micrograph.content_key` of the file that was read.
    picks
        Number of picks.
    pixel_size_angstrom
        Pixel size of the micrograph in Å.
    expected_particles
        Expected number of particles among the picks: the sum of their probabilities.
    """

    name: str
    key: str
    picks: int
    pixel_size_angstrom: float
    expected_particles: float = 0.0


def record_folder(out: Path) -> Path:
    """Return the folder in which the record of an output file or folder is kept."""
    whole = out.absolute()
    return whole.with_name(f"{whole.name}.run")


class RunRecord:
    """The record of a run; nothing is written to disk before `start`.

    Parameters
    ----------
    folder
        See `record_folder`.
    request
        All settings that affect the picks, as JSON. A record with another request is not continued.
    fresh
        Whether to pick all micrographs again.

    Attributes
    ----------
    folder
        Folder of the record.
    head
        Head of the run that is continued; None in a new run.
    entries
        Micrographs whose picks have been written, by name.
    failures
        Reasons of failures, by name of the micrograph.

    Raises
    ------
    OSError
        If the folder, or one in it, is a link.
    """

    def __init__(self, folder: Path, request: Mapping[str, Any], *, fresh: bool = False) -> None:
        self.folder = folder
        self.entries: dict[str, Entry] = {}
        self.failures: dict[str, str] = {}
        self.head: Head | None = None
        # Files must not be written through a link with this name or in this folder.
        check_folders(folder.parent, self.parts / "any")
        # Converted to JSON and back, so that a tuple equals the list that is read from the file.
        self._request = json.loads(json.dumps(dict(request)))
        if fresh or _read_settings(self._settings).get("request") != self._request:
            return
        from activepick.learning.head_file import load_head

        try:
            self.head = load_head(self.folder / "head.safetensors")
        except HeadError:
            return
        self.entries = _read_entries(self._picked)

    @property
    def _settings(self) -> Path:
        return self.folder / "settings.json"

    @property
    def _picked(self) -> Path:
        return self.folder / "picked.jsonl"

    @property
    def parts(self) -> Path:
        """Folder for the picks of each micrograph if the output is one file."""
        return self.folder / "parts"

    def start(self, head: "Head", facts: Mapping[str, Any]) -> None:
        """Write the record of a new run; the record of a run that is continued is kept.

        Parameters
        ----------
        head
            The head that is used.
        facts
            Other values that are needed to repeat the run, as JSON.

        Raises
        ------
        OSError
            If the record cannot be written.
        """
        if self.head is not None:
            return
        from activepick.learning.head_file import save_head

        # In this order, so that the folder never contains settings with the picks of another run.
        self._settings.unlink(missing_ok=True)
        self._picked.unlink(missing_ok=True)
        shutil.rmtree(self.parts, ignore_errors=True)
        save_head(head, self.folder / "head.safetensors")
        self.head = head
        settings = {
            "format": FORMAT,
            "activepick": activepick.__version__,
            "request": self._request,
            **facts,
        }
        with replacing(self._settings) as temporary:
            temporary.write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")

    def add(self, entry: Entry) -> None:
        """Add a micrograph whose picks have been written; return when the entry is on disk.

        Raises
        ------
        OSError
            If the line cannot be written.
        """
        line = json.dumps(asdict(entry)).encode() + b"\n"
        handle = open_in_place(self._picked, os.O_RDWR | os.O_APPEND | os.O_CREAT)
        with naming(self._picked), os.fdopen(handle, "a+b", buffering=0) as file:
            if file.seek(0, os.SEEK_END):
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":
                    line = b"\n" + line  # the last write was interrupted
            file.write(line)
            os.fsync(file.fileno())
        self.entries[entry.name] = entry
        self.failures.pop(entry.name, None)

    def write_failures(self) -> Path | None:
        """Write ``failed.csv`` and return its path, or remove it if there are no failures."""
        path = self.folder / "failed.csv"
        if not self.failures:
            path.unlink(missing_ok=True)
            return None
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(("micrograph", "reason"))
        writer.writerows(self.failures.items())
        with replacing(path) as temporary:
            # Names that cannot be encoded are written with escape sequences.
            temporary.write_text(text.getvalue(), encoding="utf-8", errors="backslashreplace")
        return path


def _read_settings(path: Path) -> dict[str, Any]:
    try:
        settings = parse_json(read_whole(path))
    except (OSError, ValueError):
        return {}
    return settings if isinstance(settings, dict) and settings.get("format") == FORMAT else {}


def _read_entries(path: Path) -> dict[str, Entry]:
    """Return the entries by name; lines that are incomplete after an interruption are ignored."""
    try:
        lines = read_whole(path).split(b"\n")
    except OSError:
        return {}
    entries = {}
    for line in lines:
        try:
            facts = parse_json(line)
            entry = Entry(
                str(facts["name"]),
                str(facts["key"]),
                int(facts["picks"]),
                float(facts["pixel_size_angstrom"]),
                float(facts["expected_particles"]),
            )
        except (ValueError, TypeError, KeyError, OverflowError):
            continue
        entries[entry.name] = entry
    return entries

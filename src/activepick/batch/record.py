"""What a run has done, beside its output: enough to continue it, to repeat it, and to check it.

``OUT.run/`` holds ``settings.json`` (what was asked for, and the program's version),
``head.safetensors`` (what decided), ``picked.jsonl`` (a line for each micrograph that is written),
``failed.csv`` (the others, each with the reason) and, where the output is one file, ``parts/``.
A line is written after the picks that it speaks of, so that what it says is true at any moment.
"""

import csv
import io
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import activepick
from activepick.atomic import replacing
from activepick.batch.entry import Entry, read_entries
from activepick.errors import HeadError

if TYPE_CHECKING:
    from activepick.learning.head import Head

__all__ = ["RunRecord", "record_folder"]

FORMAT = 1


def record_folder(out: Path) -> Path:
    """Give the folder beside an output file or folder in which its record is kept."""
    whole = out.absolute()
    return whole.with_name(f"{whole.name}.run")


class RunRecord:
    """The record of a run; nothing is made on disk before `start`.

    Parameters
    ----------
    folder
        See `record_folder`.
    request
        What was asked for, as JSON: all that changes picks. A record of another request counts as
        none.
    fresh
        Whether to forget what was done.

    Attributes
    ----------
    folder
        Where it is.
    head
        The head of the run that is continued, None in a new one.
    entries
        What is done, by name.
    failures
        Reasons by name.
    """

    def __init__(self, folder: Path, request: Mapping[str, Any], *, fresh: bool = False) -> None:
        self.folder = folder
        self.entries: dict[str, Entry] = {}
        self.failures: dict[str, str] = {}
        self.head: Head | None = None
        # Through JSON, so that a tuple equals the list that is read back.
        self._request = json.loads(json.dumps(dict(request)))
        if fresh or _read_settings(self._settings).get("request") != self._request:
            return
        from activepick.learning.head_file import load_head

        try:
            self.head = load_head(self.folder / "head.safetensors")
        except HeadError:
            return
        self.entries = read_entries(self._picked)

    @property
    def _settings(self) -> Path:
        return self.folder / "settings.json"

    @property
    def _picked(self) -> Path:
        return self.folder / "picked.jsonl"

    @property
    def parts(self) -> Path:
        """Folder for the picks of each micrograph where the output is one file."""
        return self.folder / "parts"

    def start(self, head: "Head", facts: Mapping[str, Any]) -> None:
        """Make the record of a new run; one that is continued stays.

        Parameters
        ----------
        head
            What decides.
        facts
            What else a person should know who repeats the run, as JSON.

        Raises
        ------
        HeadError, OSError
            When it cannot be written.
        """
        if self.head is not None:
            return
        from safetensors import SafetensorError

        from activepick.learning.head_file import save_head

        # In this order, so that settings never stand beside what others have done.
        self._settings.unlink(missing_ok=True)
        self._picked.unlink(missing_ok=True)
        shutil.rmtree(self.parts, ignore_errors=True)
        path = self.folder / "head.safetensors"
        try:
            save_head(head, path)
        except SafetensorError as error:  # its way of saying that the disk is full
            raise HeadError(f"{path} cannot be written ({error}): is the disk full?") from error
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
        """Remember that the picks of a micrograph are written; on disk when this returns.

        Raises
        ------
        OSError
            When the line cannot be written.
        """
        line = json.dumps(asdict(entry)).encode() + b"\n"
        with self._picked.open("a+b", buffering=0) as file:
            if file.seek(0, os.SEEK_END):
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":
                    line = b"\n" + line  # an interrupted write left half a line
            file.write(line)
            os.fsync(file.fileno())
        self.entries[entry.name] = entry
        self.failures.pop(entry.name, None)

    def report(self) -> Path | None:
        """Write the list of failures, or remove it where there are none; give its path."""
        path = self.folder / "failed.csv"
        if not self.failures:
            path.unlink(missing_ok=True)
            return None
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(("micrograph", "reason"))
        writer.writerows(self.failures.items())
        with replacing(path) as temporary:
            # A name that is no text in any encoding is still to be reported.
            temporary.write_text(text.getvalue(), encoding="utf-8", errors="backslashreplace")
        return path


def _read_settings(path: Path) -> dict[str, Any]:
    try:
        settings = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return settings if isinstance(settings, dict) and settings.get("format") == FORMAT else {}

"""Peaks of many micrographs: in memory, and those of whole datasets also on disk."""

import contextlib
import threading
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from activepick.atomic import replacing
from activepick.session.model.state import MicrographEntry
from activepick.workspace.peaks import Peaks

__all__ = ["PeakStore"]


class PeakStore:
    """The newest peaks of each micrograph, by its content.

    Parameters
    ----------
    folder
        Where the files lie, one a micrograph; they can be deleted at any time. None for memory
        alone.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._known: dict[str, Peaks] = {}
        self._looked: set[str] = set()
        self._on_disk: dict[str, str] = {}
        self._lock = threading.Lock()

    def get(self, entry: MicrographEntry, name: str) -> Peaks | None:
        """Give the newest peaks of a micrograph, of whatever head; the first time from disk.

        Parameters
        ----------
        entry
            The micrograph.
        name
            Its name in tables.
        """
        key = entry.fingerprint
        with self._lock:
            found = self._known.get(key)
            look = found is None and key not in self._looked
            self._looked.add(key)
        if look and self._folder is not None:
            found = _read(self._folder / f"{key}.npz")
            if found is not None:
                with self._lock:
                    self._on_disk[key] = found.head
                    found = self._known.setdefault(key, found)
        return None if found is None else self._named(entry, name, found)

    def known(
        self, entries: Iterable[MicrographEntry], names: Mapping[int, str]
    ) -> dict[int, Peaks]:
        """Give the peaks in memory, by the micrograph's number; nothing is read.

        Parameters
        ----------
        entries
            The micrographs.
        names
            Their names in tables, by number.
        """
        found = {}
        for entry in entries:
            peaks = self._known.get(entry.fingerprint)
            if peaks is not None:
                found[entry.id] = self._named(entry, names[entry.id], peaks)
        return found

    def has_on_disk(self, entry: MicrographEntry, head: str) -> bool:
        """Tell whether the peaks of a micrograph by a head are on disk."""
        return self._on_disk.get(entry.fingerprint) == head

    def put(self, entry: MicrographEntry, peaks: Peaks, *, on_disk: bool = False) -> Peaks:
        """Take new peaks of a micrograph; gives them as they are kept.

        What goes to disk is made compact in memory as well: it is one of thousands. What cannot be
        written (full disk, no rights) is kept in memory: files save time only.
        """
        key = entry.fingerprint
        if on_disk:
            xy, score = peaks.xy.astype(np.float32), peaks.score.astype(np.float32)
            peaks = replace(peaks, xy=xy, score=score)
        with self._lock:
            self._known[key] = peaks
        if on_disk and self._folder is not None:
            with contextlib.suppress(OSError):
                _write(self._folder / f"{key}.npz", peaks)
                self._on_disk[key] = peaks.head
        return peaks

    def _named(self, entry: MicrographEntry, name: str, peaks: Peaks) -> Peaks:
        """Give peaks with the number and name that the micrograph has in this session."""
        if peaks.micrograph != entry.id or peaks.name != name:
            peaks = replace(peaks, micrograph=entry.id, name=name)
            self._known[entry.fingerprint] = peaks
        return peaks


def _write(path: Path, peaks: Peaks) -> None:
    labels = [(*place, *values) for place, values in peaks.at_labels.items()]
    with replacing(path) as temporary:
        np.savez(
            temporary,
            xy=peaks.xy,
            score=peaks.score,
            contrast=peaks.contrast,
            shape=np.array(peaks.shape),
            numbers=np.array([peaks.radius_px, peaks.uncertainty]),
            head=np.array(peaks.head),
            labels=np.array(labels, np.float64).reshape(-1, 4),
        )


def _read(path: Path) -> Peaks | None:
    """Read a file; None where there is none, or nothing of use in it."""
    try:
        with np.load(path, allow_pickle=False) as file:
            height, width = map(int, file["shape"])
            radius, uncertainty = map(float, file["numbers"])
            return Peaks(
                micrograph=0,
                name="",
                xy=file["xy"],
                score=file["score"],
                contrast=file["contrast"],
                shape=(height, width),
                radius_px=radius,
                uncertainty=uncertainty,
                head=str(file["head"]),
                at_labels={(x, y): (s, c) for x, y, s, c in file["labels"].tolist()},
            )
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None

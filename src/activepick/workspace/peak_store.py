"""Store the peaks of all micrographs of a session on disk, and some of them in memory."""

import contextlib
import math
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from zipfile import ZIP_STORED

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from activepick.atomic import replacing
from activepick.files import open_to_read
from activepick.micrograph.guard import MAX_SIDE_PX
from activepick.progress import Progress
from activepick.scoremap import Peaks
from activepick.session.model.state import MicrographEntry, SessionState
from activepick.workspace.last_used import LastUsed
from activepick.workspace.peaks import PICK_COLUMNS, MicrographPeaks

__all__ = ["PeakStore", "stored_picks"]

# Number of micrographs whose peaks stay in memory; the peaks of one take about 0.1 MB.
_KEEP = 64


class PeakStore:
    """The newest peaks of each micrograph, by the fingerprint of its content.

    Peaks that cannot be written (full disk, no permission) are kept in memory: the files only save
    time.

    Parameters
    ----------
    folder
        Folder with one file for each micrograph. The files may be deleted at any time.
    writable
        Whether files may be written.
    keep
        Number of micrographs in memory. The peaks of the least recently used micrograph are written
        to its file and dropped.
    kept
        Function that returns whether the peaks of a micrograph, given by its fingerprint, always
        stay in memory.
    """

    def __init__(
        self,
        folder: Path,
        *,
        writable: bool = True,
        keep: int = _KEEP,
        kept: Callable[[str], bool] | None = None,
    ) -> None:
        self._folder = folder
        self._writable = writable
        self._kept = kept or (lambda key: False)
        self._held: LastUsed[MicrographPeaks] = LastUsed(keep, self._stays)
        # Hash of the head of the peaks on disk by fingerprint, where known; "" if there is no file.
        self._on_disk: dict[str, str] = {}
        self._unwritten: set[str] = set()
        self._lock = threading.Lock()

    def held(self, entry: MicrographEntry) -> MicrographPeaks | None:
        """Return the peaks of a micrograph if they are in memory, without reading a file."""
        return _numbered(entry, self._held.peek(entry.fingerprint))

    def get(self, entry: MicrographEntry) -> MicrographPeaks | None:
        """Return the newest peaks of a micrograph, of any head, from memory or from disk.

        None if there are none or their file is damaged. They are computed and written again then.
        """
        key = entry.fingerprint
        found = self._held.get(key)
        if found is None and self._on_disk.get(key) != "":
            found = _read(self._file(key))
            self._on_disk[key] = "" if found is None else found.head
            if found is not None:
                self._hold(key, found)
        return _numbered(entry, found)

    def put(self, entry: MicrographEntry, peaks: MicrographPeaks, *, on_disk: bool = False) -> None:
        """Replace the peaks of a micrograph.

        Parameters
        ----------
        entry
            The micrograph.
        peaks
            The new peaks.
        on_disk
            Whether to write them to disk immediately; otherwise they are written when they are
            dropped from memory.
        """
        if on_disk:
            self._write(entry.fingerprint, peaks)
        self._hold(entry.fingerprint, peaks)

    def flush(self) -> None:
        """Write all peaks that are only in memory to disk."""
        if self._writable:
            for key, peaks in self._held.items():
                self._write(key, peaks)

    def _hold(self, key: str, peaks: MicrographPeaks) -> None:
        dropped = self._held.put(key, peaks)
        while dropped:
            other, old = dropped.pop()
            if not self._write(other, old):
                dropped += self._held.put(other, old)

    def _stays(self, key: str) -> bool:
        return key in self._unwritten or self._kept(key)

    def _write(self, key: str, peaks: MicrographPeaks) -> bool:
        """Write peaks if they are not on disk, and return whether they are on disk now."""
        with self._lock:
            if self._on_disk.get(key) == peaks.head:
                return True
            with contextlib.suppress(OSError):
                # If the folder of the session was deleted, it is not created again.
                if self._writable and self._folder.parent.is_dir():
                    _write(self._file(key), peaks, self._folder.parent)
                    self._on_disk[key] = peaks.head
                    self._unwritten.discard(key)
                    return True
            self._unwritten.add(key)
            return False

    def _file(self, key: str) -> Path:
        return self._folder / f"{key}.npz"


def stored_picks(
    state: SessionState,
    store: PeakStore,
    entries: Sequence[MicrographEntry],
    progress: Progress | None = None,
) -> tuple[pd.DataFrame, list[MicrographEntry]]:
    """Return the picks of micrographs with stored peaks of any head.

    Parameters
    ----------
    state
        Labels, areas and settings.
    store
        The peaks.
    entries
        The micrographs.
    progress
        Called with the fraction done; may raise an exception to cancel.

    Returns
    -------
    picks : DataFrame
        Columns ``micrograph, x, y, score, contrast``: original pixels and logits.
    missing : list of MicrographEntry
        Micrographs without stored peaks.
    """
    tables, missing = [], []
    for k, entry in enumerate(entries):
        if progress is not None:
            progress(k / len(entries))
        peaks = store.get(entry)
        if peaks is None:
            missing.append(entry)
        else:
            tables.append(peaks.picks(state))
    filled = [table for table in tables if len(table)] or tables[:1]
    if not filled:
        none = {column: pd.Series(dtype=float) for column in PICK_COLUMNS}
        return pd.DataFrame({**none, "micrograph": pd.Series(dtype=str)}), missing
    return pd.concat(filled, ignore_index=True), missing


def _numbered(entry: MicrographEntry, peaks: MicrographPeaks | None) -> MicrographPeaks | None:
    """Return peaks with the number of the micrograph in this session."""
    if peaks is None or peaks.micrograph == entry.id:
        return peaks
    return replace(peaks, micrograph=entry.id)


def _write(path: Path, one: MicrographPeaks, session: Path) -> None:
    labels = [(*position, *values) for position, values in one.at_labels.items()]
    assert one.peaks.contrast is not None
    # A head without kinds has an array without elements.
    kind = np.empty(0, np.int16) if one.peaks.kind is None else one.peaks.kind
    # The folder of the session may have been made by another person.
    with replacing(path, within=session) as temporary:
        np.savez(
            temporary,
            xy=one.peaks.xy,
            score=one.peaks.score,
            contrast=one.peaks.contrast,
            shape=np.array(one.peaks.shape),
            border=np.array(one.peaks.border),
            numbers=np.array([one.peaks.radius_px, one.uncertainty]),
            head=np.array(one.head),
            labels=np.array(labels, np.float64).reshape(-1, 4),
            kind=kind,
        )


def _read(path: Path) -> MicrographPeaks | None:
    """Read a file of peaks; return None if it does not exist or is damaged."""
    try:
        # The file is not opened by numpy, which would block on a named pipe.
        with open_to_read(path) as opened, np.load(opened, allow_pickle=False) as file:
            # The store writes uncompressed files. Compressed ones, which may be huge, are not read.
            if any(member.compress_type != ZIP_STORED for member in file.zip.infolist()):
                return None
            return _parsed(file)
    except Exception:  # damaged archives raise exceptions of many kinds
        return None


def _parsed(file: Mapping[str, NDArray[Any]]) -> MicrographPeaks:
    """Return the peaks that the arrays of a file describe.

    Raises
    ------
    Exception
        Of any type if an array is missing or invalid.
    """
    xy, score, contrast = (file[name] for name in ("xy", "score", "contrast"))
    height, width = map(int, file["shape"])
    left, top, right, bottom = map(int, file["border"])
    radius, uncertainty = map(float, file["numbers"])
    head, labels = file["head"], file["labels"]
    # Peaks that were stored before there were kinds have no such array.
    kind = file["kind"] if "kind" in file else np.empty(0, np.int16)
    has_kinds = len(kind) > 0
    n = len(score)
    if (
        (xy.shape, score.shape, contrast.shape) != ((n, 2), (n,), (n,))
        or any(values.dtype != np.float32 for values in (xy, score, contrast))
        or not all(np.isfinite(values).all() for values in (xy, score, contrast))
        or (np.diff(score) > 0).any()
        or not (1 <= height <= MAX_SIDE_PX and 1 <= width <= MAX_SIDE_PX)
        or not (0 <= min(left, top, right, bottom) <= max(left, top, right, bottom) <= MAX_SIDE_PX)
        or not (0 < radius < math.inf and math.isfinite(uncertainty))
        or kind.dtype != np.int16
        or kind.shape not in ((0,), (n,))
        or head.dtype.kind != "U"
        or labels.dtype != np.float64
        or labels.shape[1:] != (4,)
        or not np.isfinite(labels[:, :2]).all()
    ):
        raise ValueError("no peaks of a micrograph")
    return MicrographPeaks(
        micrograph=0,
        peaks=Peaks(
            xy,
            score,
            contrast,
            radius,
            (height, width),
            (left, top, right, bottom),
            kind if has_kinds else None,
        ),
        uncertainty=uncertainty,
        head=str(head),
        at_labels={(x, y): (s, c) for x, y, s, c in labels.tolist()},
    )

"""Compute the hash by which a micrograph file is recognised."""

import hashlib
import os
from pathlib import Path

from activepick.files import open_to_read
from activepick.micrograph.guard import guarded

__all__ = ["fingerprint"]

_END_BYTES = 64 * 1024
_SAMPLES, _SAMPLE_BYTES = 16, 4096


def fingerprint(path: str | os.PathLike[str], *, with_time: bool = False) -> str:
    """Return a hash that changes with the file, without reading the whole file.

    Parameters
    ----------
    path
        The file.
    with_time
        Whether the modification time is hashed, besides the size and both ends (64 KiB each),
        instead of 16 samples of 4 KiB between them. See Notes.

    Returns
    -------
    str
        32 hexadecimal digits.

    Raises
    ------
    MicrographError
        If the file cannot be read.

    Notes
    -----
    Sessions use the hash without the time: labels, heads and stored peaks must stay valid if
    micrographs are copied, moved or restored from a backup, which may change the time. A micrograph
    that is created again, for instance by another motion correction, differs in every pixel and
    therefore in the samples.

    Cached features and finished picks use the hash with the time: an edit of a few pixels in place,
    such as a masked patch of carbon, may not be covered by the samples, and outdated results would
    be used. A copy with a new time only has to be computed again. The samples are not needed in
    this case, and reading them from thousands of files on a network file system whenever a run is
    continued would take minutes.
    """
    path = Path(path)
    with guarded(path), open_to_read(path) as file:
        status = os.fstat(file.fileno())
        size = status.st_size
        facts = f"{size} {status.st_mtime_ns}" if with_time else f"{size}"
        digest = hashlib.blake2b(facts.encode(), digest_size=16)
        digest.update(file.read(_END_BYTES))
        for k in () if with_time else range(_SAMPLES):
            file.seek(size * k // _SAMPLES)
            digest.update(file.read(_SAMPLE_BYTES))
        file.seek(max(0, size - _END_BYTES))
        digest.update(file.read(_END_BYTES))
    return digest.hexdigest()

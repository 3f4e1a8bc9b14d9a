"""The one hash by which a micrograph file is recognised."""

import hashlib
import os
from pathlib import Path

from activepick.files import open_to_read
from activepick.micrograph.guard import guarded

__all__ = ["fingerprint"]

_END_BYTES = 64 * 1024
_SAMPLES, _SAMPLE_BYTES = 16, 4096


def fingerprint(path: str | os.PathLike[str], *, with_time: bool = False) -> str:
    """Return a hash of a file that changes when the file does, without reading all of it.

    Parameters
    ----------
    path
        The file.
    with_time
        What is hashed besides the size and both ends (64 KiB each): 16 samples of 4 KiB from in
        between if False, the time of the last change if True. See the notes.

    Returns
    -------
    str
        32 hexadecimal digits.

    Raises
    ------
    MicrographError
        When the file cannot be read.

    Notes
    -----
    Sessions use the hash without the time: labels, heads and stored peaks have to stay valid when
    micrographs are copied, moved or restored from a backup, which may change the time. A micrograph
    that is made again, such as by another motion correction, differs in every pixel and so in the
    samples.

    Cached features and finished picks use the hash with the time: an edit of a few pixels in place,
    such as a masked patch of carbon, may miss all samples, and results of the old pixels would be
    kept without a word; a copy with a new time only costs the time to compute them again. The
    samples add nothing to the time then, and reading them from thousands of files on a network file
    system, as a run that is continued has to, would take minutes.
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

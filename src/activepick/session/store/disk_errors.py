"""Describe errors of writing files."""

import errno
from pathlib import Path

from activepick.files import UnsafeFileError

__all__ = ["disk_sentence"]

_FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}


def disk_sentence(path: Path, error: OSError, otherwise: str) -> str:
    """Return a sentence on why a file cannot be written and what to do.

    Parameters
    ----------
    path
        The file or folder.
    error
        The error of the file system.
    otherwise
        What to do if the cause cannot be removed, as the end of the sentence.
    """
    if isinstance(error, UnsafeFileError):
        return f"{error.filename}: {error.strerror}, or {otherwise}."
    if error.errno in _FULL:
        reason = "the disk is full, or your quota is used up. Free some space"
    elif error.errno in _FORBIDDEN:
        reason = "permission denied. Ask for permission to write to its folder"
    elif error.errno == errno.ENOENT:
        reason = "its folder does not exist. Put it back"
    else:
        detail = error.strerror or str(error) or type(error).__name__
        reason = f"the file system reports an error ({detail}). Check that the disk is connected"
    return f"{path}: {reason}, or {otherwise}."

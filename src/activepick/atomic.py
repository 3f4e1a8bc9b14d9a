"""Files that are either whole or not there.

A file is written under a temporary name in the same folder, flushed to the disk, and then renamed
over the final name in one step, so that an interrupted or failed run never leaves half a file.
"""

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

__all__ = ["replacing"]


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path beside `path`, and rename it to `path` when the block succeeds.

    Parameters
    ----------
    path
        The final name. Its folder is made when it is missing.

    Yields
    ------
    Path
        A file name with the same ending in the same folder, for the block to write to.

    Raises
    ------
    OSError
        When the folder cannot be made or written to. The temporary file is removed whenever the
        block does not succeed, whatever the reason.
    """
    final = Path(path)
    final.parent.mkdir(parents=True, exist_ok=True)
    if final.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(final))
    handle, name = tempfile.mkstemp(prefix=f".{final.stem}.", suffix=final.suffix, dir=final.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        # mkstemp makes files that only their owner may read; give the usual rights instead.
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)
        temporary.replace(final)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise

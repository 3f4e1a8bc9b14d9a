"""Write files atomically: a file is complete, or it does not exist.

A file is written under a temporary name in the same folder, flushed to the disk, and then renamed
over the final name in one step, so that an interrupted or failed run never leaves half a file.
"""

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from activepick.files import check_folders, naming, open_in_place

__all__ = ["replacing"]

# Number of characters of the final name in the temporary one; longer names are not allowed.
_LONGEST_STEM = 40


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str], *, within: Path | None = None) -> Iterator[Path]:
    """Yield a temporary path beside `path`, and rename it to `path` when the block succeeds.

    Parameters
    ----------
    path
        The final name. Its folder is created if it is missing. A link with this name is
        replaced, and its target is not changed.
    within
        A folder above `path` that may come from another person. Folders between it and `path`
        must not be links.

    Yields
    ------
    Path
        A temporary file name with the same extension in the same folder, to be written by the
        block.

    Raises
    ------
    OSError
        If the folder cannot be created or written to; the error names the file. The temporary
        file is removed whenever the block raises an exception.
    """
    final = Path(path)
    if within is not None:
        check_folders(within, final)
    final.parent.mkdir(parents=True, exist_ok=True)
    if final.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(final))
    name = f".{final.stem[:_LONGEST_STEM]}.{secrets.token_hex(6)}{final.suffix}"
    temporary = final.with_name(name)
    with naming(final, temporary):
        try:
            # Created here, so that it has the permissions of an ordinary new file.
            os.close(open_in_place(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
            yield temporary
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
            temporary.replace(final)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise

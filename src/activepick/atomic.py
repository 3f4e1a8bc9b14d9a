"""Files that are either whole or not there.

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

# Of the name that is in the temporary one; more makes names that no file may have.
_LONGEST_STEM = 40


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str], *, within: Path | None = None) -> Iterator[Path]:
    """Yield a temporary path beside `path`, and rename it to `path` when the block succeeds.

    Parameters
    ----------
    path
        The final name. Its folder is made when it is missing. A link of this name is replaced,
        and what it points to stays as it is.
    within
        A folder above `path` that may be from another person: no folder below it may be a link.

    Yields
    ------
    Path
        A file name with the same ending in the same folder, for the block to write to.

    Raises
    ------
    OSError
        When the folder cannot be made or written to, with the name of the file. The temporary file
        is removed whenever the block does not succeed, whatever the reason.
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
            # Made here, so that it has the rights of any new file.
            os.close(open_in_place(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
            yield temporary
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
            temporary.replace(final)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise

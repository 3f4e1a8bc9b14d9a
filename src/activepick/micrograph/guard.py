"""Detect damaged files before memory is allocated, and convert errors of libraries."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from activepick.errors import MicrographError
from activepick.files import UnsafeFileError

__all__ = ["MAX_SIDE_PX", "MicrographWarning", "check_size", "guarded"]

MAX_SIDE_PX = 65_536
MAX_PIXELS = 2**30
# Deflate cannot compress by more than a factor of about 1030; a header that claims more is wrong.
# Noise is compressed by a factor of 10 at most, so that a large image with a far higher factor is
# not a micrograph.
MAX_COMPRESSION = 2_000
MAX_COMPRESSION_OF_LARGE, LARGE_BYTES = 100, 2**26


class MicrographWarning(UserWarning):
    """A micrograph that had to be read in a way that may be wrong.

    Parameters
    ----------
    kind
        The sentence, without the name of the file.
    file
        The file. Its name is put before the sentence.
    """

    def __init__(self, kind: str, *, file: Path) -> None:
        super().__init__(f"{file}: {kind}")
        self.kind = kind


@contextlib.contextmanager
def guarded(path: Path) -> Iterator[None]:
    """Convert exceptions of libraries into a `MicrographError` that names the file.

    Raises
    ------
    MicrographError
        For every exception that is raised in the block.
    """
    try:
        yield
    except MicrographError:
        raise
    except UnsafeFileError as error:
        raise MicrographError(f"{path}: {error.strerror}.") from None
    except FileNotFoundError:
        raise MicrographError(f"{path} does not exist: check the name and the folder.") from None
    except PermissionError:
        raise MicrographError(
            f"{path} cannot be read: permission denied. Ask its owner for permission to read it."
        ) from None
    except (EOFError, IndexError):
        raise MicrographError(f"{path} is truncated or damaged: copy it again.") from None
    # Readers raise many types of errors for damaged files (struct.error, KeyError, zlib.error,
    # ...).
    except Exception as error:
        reason = str(error).strip().rstrip(".") or type(error).__name__
        raise MicrographError(
            f"{path} cannot be read ({reason}): it may be damaged, copy or convert it again."
        ) from error


def check_size(path: Path, shape: tuple[int, int], claimed_bytes: int, compressed: bool) -> None:
    """Check that a size is plausible for a micrograph and for the size of its file.

    Parameters
    ----------
    path
        The file.
    shape
        Height and width that the header claims.
    claimed_bytes
        Number of bytes of the whole file if it is not compressed, otherwise of its pixels.
    compressed
        Whether the pixels are compressed.

    Raises
    ------
    MicrographError
        If the size is implausible or the file is too short for it.
    """
    height, width = shape
    size = f"{width} x {height} pixels"
    if height < 1 or width < 1 or max(shape) > MAX_SIDE_PX or height * width > MAX_PIXELS:
        raise MicrographError(
            f"{path} has {size} according to its header, which no micrograph has: it is damaged or "
            "not a micrograph."
        )
    file_bytes = path.stat().st_size
    ratio = MAX_COMPRESSION_OF_LARGE if claimed_bytes > LARGE_BYTES else MAX_COMPRESSION
    if compressed and claimed_bytes > ratio * file_bytes:
        raise MicrographError(
            f"{path} has {size} according to its header, but only {file_bytes} bytes: it is "
            "truncated or damaged, copy it again."
        )
    if not compressed and claimed_bytes > file_bytes:
        raise MicrographError(
            f"{path} is truncated: {size} need {claimed_bytes} bytes, but the file has "
            f"{file_bytes}. Copy it again."
        )

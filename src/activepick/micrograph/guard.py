"""Errors for damaged files: a sentence that names the file, before memory is allocated."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from activepick.errors import MicrographError
from activepick.files import UnsafeFileError

__all__ = ["MAX_SIDE_PX", "MicrographWarning", "check_size", "guarded"]

MAX_SIDE_PX = 65_536
MAX_PIXELS = 2**30
# Deflate cannot shrink by more than about 1030; a header that claims more is wrong. Noise shrinks
# by ten at most, so that a large image that shrinks by far more is none.
MAX_COMPRESSION = 2_000
MAX_COMPRESSION_OF_LARGE, LARGE_BYTES = 100, 2**26


class MicrographWarning(UserWarning):
    """A micrograph that had to be read in a way that may be wrong.

    Parameters
    ----------
    kind
        The sentence, which may be true of many micrographs.
    file
        The file, which is put in front of the sentence.
    """

    def __init__(self, kind: str, *, file: Path) -> None:
        super().__init__(f"{file}: {kind}")
        self.kind = kind


@contextlib.contextmanager
def guarded(path: Path) -> Iterator[None]:
    """Convert every exception of a library into a `MicrographError` that names the file.

    Raises
    ------
    MicrographError
        For every exception from within the block.
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
            f"{path} may not be read by you: ask its owner for the right to read it."
        ) from None
    except (EOFError, IndexError):
        raise MicrographError(f"{path} is truncated or damaged: copy it again.") from None
    # Readers of damaged files raise nearly everything (struct.error, KeyError, zlib.error, ...).
    except Exception as error:
        reason = str(error).strip().rstrip(".") or type(error).__name__
        raise MicrographError(
            f"{path} cannot be read ({reason}): it may be damaged, copy or convert it again."
        ) from error


def check_size(path: Path, shape: tuple[int, int], claimed_bytes: int, compressed: bool) -> None:
    """Raise an error for sizes that no micrograph has or that the file cannot hold.

    Parameters
    ----------
    path
        The file.
    shape
        Height and width that the header claims.
    claimed_bytes
        Bytes in the file if it is not compressed, bytes of its pixels otherwise.
    compressed
        Whether the pixels are compressed.

    Raises
    ------
    MicrographError
        When the size is absurd or the file is too short for it.
    """
    height, width = shape
    size = f"{width} x {height} pixels"
    if height < 1 or width < 1 or max(shape) > MAX_SIDE_PX or height * width > MAX_PIXELS:
        raise MicrographError(
            f"{path} claims {size}, which no micrograph has: it is damaged or not a micrograph."
        )
    file_bytes = path.stat().st_size
    ratio = MAX_COMPRESSION_OF_LARGE if claimed_bytes > LARGE_BYTES else MAX_COMPRESSION
    if compressed and claimed_bytes > ratio * file_bytes:
        raise MicrographError(
            f"{path} claims {size} in a file of {file_bytes} bytes: it is truncated or damaged, "
            "copy it again."
        )
    if not compressed and claimed_bytes > file_bytes:
        raise MicrographError(
            f"{path} is truncated: {size} take {claimed_bytes} bytes, but the file has "
            f"{file_bytes}. Copy it again."
        )

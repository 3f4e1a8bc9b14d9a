"""Detect signed and unsigned bytes in 8-bit MRC files."""

import math
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from activepick.micrograph.guard import MicrographWarning

__all__ = ["byte_type"]

# "IMOD" in bytes 152 to 155 of the header, followed by flags of which the lowest says that bytes
# are signed; see https://bio3d.colorado.edu/imod/doc/mrc_format.txt
IMOD_STAMP = 1146047817
IMOD_SIGNED_BYTES = 1
# Values that are read with the wrong sign form two groups at both ends of the range, so that their
# standard deviation is larger, usually by a factor of 2 to 5.
CLEAR_RATIO = 1.25


def byte_type(
    path: Path, header: np.void, sample: Callable[[], NDArray[np.uint8]]
) -> np.dtype[Any]:
    """Return the type of the bytes of an MRC file in mode 0: int8 or uint8.

    IMOD's flag is used if there is one, otherwise the minimum and maximum in the header, unless the
    values clearly contradict them (they may have been computed with the wrong type). If the header
    has none of these, the values are used.

    Parameters
    ----------
    path
        The file, for messages.
    header
        Its header, in the correct byte order.
    sample
        Function that returns some of the bytes, from all parts of the image.

    Warns
    -----
    MicrographWarning
        If header and values contradict each other, or neither is clear.
    """
    by_flag = _by_flag(header)
    if by_flag is not None:
        return by_flag
    stated, (likely, ratio) = _by_range(header), _by_values(sample())
    if likely is None or stated == likely:
        return stated or np.dtype(np.int8)
    if ratio >= CLEAR_RATIO:
        if stated is not None:
            _warn(path, likely, "the values show it, although the range in the header does not")
        return likely
    chosen = stated or np.dtype(np.int8)
    if stated is None:
        _warn(path, chosen, "neither the header nor the values show clearly what they are")
    return chosen


def _by_flag(header: np.void) -> np.dtype[Any] | None:
    order = header.dtype["mode"].byteorder
    extra = header["extra2"].tobytes()[40:48]
    stamp, flags = np.frombuffer(extra, np.dtype(np.int32).newbyteorder(order))
    if stamp != IMOD_STAMP:
        return None
    return np.dtype(np.int8 if flags & IMOD_SIGNED_BYTES else np.uint8)


def _by_range(header: np.void) -> np.dtype[Any] | None:
    """Return the type by minimum and maximum in the header; None if both are 0, i.e. missing."""
    low, high = float(header["dmin"]), float(header["dmax"])
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        return None
    if -128 <= low < 0 and high <= 127:
        return np.dtype(np.int8)
    if low >= 0 and 127 < high <= 255:
        return np.dtype(np.uint8)
    return None


def _by_values(values: NDArray[np.uint8]) -> tuple[np.dtype[Any] | None, float]:
    """Return the more likely type (None if both are equal) and the ratio of standard deviations."""
    if not (values >= 128).any():
        return None, 1.0
    signed, unsigned = float(values.view(np.int8).std()), float(values.std())
    low, high = sorted((signed, unsigned))
    return np.dtype(np.int8 if signed < unsigned else np.uint8), high / max(low, 1e-6)


def _warn(path: Path, chosen: np.dtype[Any], reason: str) -> None:
    kind, other = ("unsigned", "signed") if chosen == np.uint8 else ("signed", "unsigned")
    sentence = f"its bytes are read as {kind}, as {reason}. If they are {other}, convert the file "
    warnings.warn(MicrographWarning(sentence + "to 16 bits.", file=path), stacklevel=2)

"""The directions in the space of features in which particles differ from other objects.

They are part of the package. `benchmarks/class_descriptors.py` computes them from simulated picks
of random proteins, which do not resemble the proteins of the benchmarks.
"""

import hashlib
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from activepick.atomic import replacing

__all__ = ["DIMENSIONS", "SHIPPED", "directions", "directions_digest", "save_directions"]

SHIPPED = Path(__file__).with_suffix(".safetensors")
# Number of directions.
DIMENSIONS = 16
_NAME = "directions"


@cache
def directions() -> NDArray[np.float32]:
    """Return the directions, (C, `DIMENSIONS`), as columns."""
    return np.asarray(load_file(SHIPPED)[_NAME], np.float32)


@cache
def directions_digest() -> str:
    """Return a hash of the directions, which identifies the descriptors of stored classes."""
    return hashlib.blake2b(directions().tobytes(), digest_size=8).hexdigest()


def save_directions(columns: NDArray[np.float32], path: Path) -> None:
    """Write directions (C, d) to a safetensors file.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    with replacing(path) as temporary:
        save_file({_NAME: np.ascontiguousarray(columns, np.float32)}, temporary)

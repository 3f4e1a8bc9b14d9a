"""Determine the size of image tiles for the network."""

import math
from itertools import pairwise, product

import numpy as np
import torch

from activepick.errors import SettingsError

__all__ = ["parts", "tile_for", "tile_within"]

# Largest tile by bytes per number, in working pixels: behind the first strided layer a tile of 2048
# x 2048 with 64 features in 16 bits holds 0.13 GB.
_TILE_PX = {2: 2048, 4: 1536}
# What a tile takes at the most at one time, in numbers per working pixel: three maps of 64 features
# at half the resolution, or the last one with what it is made from (measured on a CPU, it is 81),
# and features of another orientation.
_NUMBERS = 112
# On a GPU: strips, work space of the convolutions, weights.
_FIXED_BYTES = 1 << 30
_LARGEST, _SMALLEST = 6144, 64


def tile_for(
    device: torch.device,
    dtype: torch.dtype,
    *,
    dense: bool = False,
    memory_gib: float | None = None,
) -> int:
    """Return the largest edge of a tile in working pixels.

    Parameters
    ----------
    device, dtype
        Where the network runs, and in which precision.
    dense
        Whether features come at a smaller stride than the network's own, which takes four times the
        memory.
    memory_gib
        What may be taken of a GPU, in GiB; by default half of what is free on it.

    Raises
    ------
    SettingsError
        If the number is not above zero.
    """
    if memory_gib is not None and not 0 < memory_gib < math.inf:
        raise SettingsError(
            f"The GPU memory to use is {memory_gib:g} GiB: give a number above 0.",
            option="--gpu-memory",
        )
    if device.type != "cuda":
        return _TILE_PX[dtype.itemsize] // (1 + dense)
    free, total = torch.cuda.mem_get_info(device)
    if memory_gib is None:
        limit = free / 2
    else:
        limit = min(memory_gib * 2**30, total)
        # PyTorch itself refuses more then, whatever a tile takes in truth.
        index = torch.cuda.current_device() if device.index is None else device.index
        torch.cuda.set_per_process_memory_fraction(limit / total, index)
    return tile_within(limit, dtype.itemsize, dense)


def tile_within(limit_bytes: float, itemsize: int, dense: bool = False) -> int:
    """Return the largest edge of a tile whose layers take no more than some bytes."""
    room = max(0.0, limit_bytes - _FIXED_BYTES)
    edge = math.sqrt(room / (_NUMBERS * itemsize * (4 if dense else 1)))
    return int(min(_LARGEST, max(_SMALLEST, edge)))


def parts(rows: slice, columns: slice, edge: int) -> list[tuple[slice, slice]]:
    """Cut a rectangle into the fewest nearly equal parts with no edge above `edge`."""

    def cut(whole: slice) -> list[slice]:
        pieces = -(-(whole.stop - whole.start) // edge)
        bounds = np.linspace(whole.start, whole.stop, pieces + 1).round().astype(int).tolist()
        return [slice(a, b) for a, b in pairwise(bounds)]

    return list(product(cut(rows), cut(columns)))

"""Determine the size of image tiles for the network."""

import math
from itertools import pairwise, product

import numpy as np
import torch

from activepick.errors import SettingsError

__all__ = ["parts", "tile_for", "tile_within"]

# Edge of the largest tile in working pixels, by bytes per number: after the first strided layer a
# tile of 2048 x 2048 with 64 features in 16 bits takes 0.13 GB.
_TILE_PX = {2: 2048, 4: 1536}
# Largest memory of a tile at one time, in numbers per working pixel: three maps of 64 features at
# half the resolution, or the last map and its input (81 as measured on a CPU), and features of
# another orientation.
_NUMBERS = 112
# Further memory on a GPU: strips, work space of the convolutions, weights.
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
        Device and precision of the network.
    dense
        Whether the stride of the features is smaller than that of the network, which takes four
        times the memory.
    memory_gib
        Memory that may be used on a GPU, in GiB; by default half of its free memory.

    Raises
    ------
    SettingsError
        If `memory_gib` is not above 0.
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
        # PyTorch then refuses to allocate more, even if a tile takes more than estimated.
        index = torch.cuda.current_device() if device.index is None else device.index
        torch.cuda.set_per_process_memory_fraction(limit / total, index)
    return tile_within(limit, dtype.itemsize, dense)


def tile_within(limit_bytes: float, itemsize: int, dense: bool = False) -> int:
    """Return the largest edge of a tile, in working pixels, whose layers fit into the limit."""
    room = max(0.0, limit_bytes - _FIXED_BYTES)
    edge = math.sqrt(room / (_NUMBERS * itemsize * (4 if dense else 1)))
    return int(min(_LARGEST, max(_SMALLEST, edge)))


def parts(rows: slice, columns: slice, edge: int) -> list[tuple[slice, slice]]:
    """Cut a rectangle into as few nearly equal parts as possible, with edges up to `edge`."""

    def cut(whole: slice) -> list[slice]:
        pieces = -(-(whole.stop - whole.start) // edge)
        bounds = np.linspace(whole.start, whole.stop, pieces + 1).round().astype(int).tolist()
        return [slice(a, b) for a, b in pairwise(bounds)]

    return list(product(cut(rows), cut(columns)))

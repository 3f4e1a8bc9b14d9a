"""Interpolate maps by cubic convolution.

The kernel is that of Keys (IEEE Trans. ASSP 29, 1153, 1981) with a = -1/2. The interpolation passes
through the samples and uses four of them along each axis. Beyond the border the outermost sample is
repeated.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

__all__ = ["resample", "sample"]


def sample(values: NDArray[np.float16], xy: NDArray[np.float64]) -> NDArray[np.float32]:
    """Interpolate a map of features at single positions.

    Parameters
    ----------
    values
        Features, shape (h, w, C).
    xy
        Positions (n, 2) as x, y in samples.

    Returns
    -------
    array of float32, shape (n, C)
    """
    rows, row_weights = _taps(xy[:, 1], values.shape[0])
    columns, column_weights = _taps(xy[:, 0], values.shape[1])
    weights = row_weights[:, :, None] * column_weights[:, None]
    width = values.shape[1]
    taps = rows[:, :, None] * width + columns[:, None]
    # The pixels of a label have most samples in common: converting them to single precision takes
    # most of the time, so that each is converted only once.
    used, places = np.unique(taps, return_inverse=True)
    samples = values[used // width, used % width].astype(np.float32)
    ends = np.arange(0, taps.size + 1, 16)
    shape = (len(xy), len(used))
    return np.asarray(csr_array((weights.ravel(), places.ravel(), ends), shape=shape) @ samples)


def resample(
    values: NDArray[np.float32], y: NDArray[np.float64], x: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Interpolate a map on a rectangular grid by two products with sparse matrices.

    Parameters
    ----------
    values
        Samples of the map, shape (h, w).
    y, x
        Rows and columns of the grid in samples, float64, shapes (n,) and (m,).

    Returns
    -------
    array of float32, shape (n, m)
    """
    rows = _matrix(y.tobytes(), values.shape[0]) @ values
    return np.asarray((_matrix(x.tobytes(), values.shape[1]) @ rows.T).T, np.float32)


# Keeps the matrices of one micrograph at two scales, which are needed after every answer.
@lru_cache(maxsize=8)
def _matrix(positions: bytes, n: int) -> csr_array:
    """Return the matrix that interpolates n samples at positions.

    Parameters
    ----------
    positions
        Positions in samples, float64, as bytes.
    n
        Number of samples.
    """
    position = np.frombuffer(positions, np.float64)
    indices, weights = _taps(position, n)
    # Samples of the border that are repeated occur more than once in a row; products add them up.
    ends = np.arange(0, indices.size + 1, indices.shape[1])
    return csr_array((weights.ravel(), indices.ravel(), ends), shape=(len(position), n))


def _taps(position: NDArray[np.float64], n: int) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Return the four samples around each position, clipped to the map, and their weights."""
    position = np.clip(position, 0, n - 1)
    first = np.floor(position)
    t = (position - first)[:, None]
    distance = np.abs(t - np.arange(-1, 3))
    near = (1.5 * distance - 2.5) * distance**2 + 1
    far = ((-0.5 * distance + 2.5) * distance - 4) * distance + 2
    weights = np.where(distance <= 1, near, far)
    indices = first.astype(np.intp)[:, None] + np.arange(-1, 3)
    return np.clip(indices, 0, n - 1), weights.astype(np.float32)

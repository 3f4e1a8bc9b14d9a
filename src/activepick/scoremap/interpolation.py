"""Interpolate maps by cubic convolution.

The kernel is that of Keys (IEEE Trans. ASSP 29, 1153, 1981) with a = -1/2. The interpolation passes
through the samples and uses four of them along each axis. Beyond the border the outermost sample is
repeated.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

__all__ = ["resample", "taps"]


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
    indices, weights = taps(position, n)
    # Samples of the border that are repeated occur more than once in a row; products add them up.
    ends = np.arange(0, indices.size + 1, indices.shape[1])
    return csr_array((weights.ravel(), indices.ravel(), ends), shape=(len(position), n))


def taps(position: NDArray[np.float64], n: int) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Return the samples between which a position lies, and their weights.

    Parameters
    ----------
    position
        Positions in samples, shape (m,).
    n
        Number of samples of the map along this axis.

    Returns
    -------
    indices : array, shape (m, 4)
        The four samples around each position, clipped to the map.
    weights : array of float32, shape (m, 4)
    """
    position = np.clip(position, 0, n - 1)
    first = np.floor(position)
    t = (position - first)[:, None]
    distance = np.abs(t - np.arange(-1, 3))
    near = (1.5 * distance - 2.5) * distance**2 + 1
    far = ((-0.5 * distance + 2.5) * distance - 4) * distance + 2
    weights = np.where(distance <= 1, near, far)
    indices = first.astype(np.intp)[:, None] + np.arange(-1, 3)
    return np.clip(indices, 0, n - 1), weights.astype(np.float32)

"""Interpolate feature maps at single positions."""

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array

from activepick.scoremap.interpolation import taps

__all__ = ["sample"]


def sample(values: NDArray[np.float16], xy: NDArray[np.float64]) -> NDArray[np.float32]:
    """Interpolate a map of features at single positions by cubic convolution.

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
    rows, row_weights = taps(xy[:, 1], values.shape[0])
    columns, column_weights = taps(xy[:, 0], values.shape[1])
    weights = row_weights[:, :, None] * column_weights[:, None]
    width = values.shape[1]
    places = rows[:, :, None] * width + columns[:, None]
    # The pixels of a label have most samples in common: converting them to single precision takes
    # most of the time, so that each is converted only once, and by PyTorch, which takes a ninth of
    # the time that NumPy takes.
    used, index = np.unique(places, return_inverse=True)
    samples = torch.from_numpy(values[used // width, used % width]).float().numpy()
    ends = np.arange(0, places.size + 1, 16)
    shape = (len(xy), len(used))
    return np.asarray(csr_array((weights.ravel(), index.ravel(), ends), shape=shape) @ samples)

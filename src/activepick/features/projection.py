"""The product of feature vectors with the weights of a head."""

from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController
from torch import Tensor

__all__ = ["project"]

# Feature vectors that are turned into float32 at a time: so few stay in the processor's cache, and
# are too few for a second thread, whose start would cost more than it saves.
_BLOCK = 128
# From 2.6 on PyTorch multiplies 16-bit matrices with vectors as fast as it can read them, and sums
# in 32 bits; before, it did so number by number.
_HALF_IS_FAST = tuple(map(int, torch.__version__.split(".")[:2])) >= (2, 6)


@cache
def _threads() -> ThreadpoolController:
    """Return the libraries whose threads can be limited; finding them takes milliseconds."""
    return ThreadpoolController()


def project(features: Tensor, weights: NDArray[np.float64]) -> Tensor:
    """Multiply each feature vector with the weights of a head.

    Weights and products are rounded to the 11 bits that the features have.

    Parameters
    ----------
    features
        float16, shape (h, w, C).
    weights
        Shape (C,).

    Returns
    -------
    Tensor
        float32, shape (h, w), on the device of the features.
    """
    rows = features.reshape(-1, features.shape[2])
    device = features.device
    if device.type != "cpu":
        out = torch.mv(rows, torch.as_tensor(weights, dtype=torch.float16, device=device)).float()
    elif _HALF_IS_FAST:
        # One thread reads as fast as the memory is. Two would wait for each other whenever the
        # machine does something else as well.
        with _threads().limit(limits=1, user_api="openmp"):
            out = torch.mv(rows, torch.as_tensor(weights, dtype=torch.float16)).float()
    else:
        vector = torch.as_tensor(weights, dtype=torch.float32)
        out = torch.empty(len(rows))
        for start in range(0, len(rows), _BLOCK):
            block = slice(start, start + _BLOCK)
            torch.mv(rows[block].float(), vector, out=out[block])
    return out.view(features.shape[:2])

"""The product of feature vectors with the weights of a head."""

import contextlib
import threading
from collections import OrderedDict

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from activepick.features.device import own_stream
from activepick.threads import one_thread

__all__ = ["Projector", "project"]

# Feature vectors that are converted to float32 at a time: few enough for the cache of the CPU, and
# too few for a second thread, whose start would take more time than it saves.
_BLOCK = 128
# Size from which a second thread is used: one thread multiplies features at half the rate at which
# it can read them, so that a second one saves time on the features of a whole micrograph.
_LARGE_BYTES = 16 << 20
# Since version 2.6, PyTorch multiplies 16-bit matrices with vectors about as fast as it can read
# them, and sums in 32 bits; earlier versions multiply one number at a time.
_HALF_IS_FAST = tuple(map(int, torch.__version__.split(".")[:2])) >= (2, 6)


def project(features: Tensor, weights: NDArray[np.float64]) -> Tensor:
    """Multiply each feature vector with the weights of a head.

    Weights and products are rounded to 11 bits, the precision of the features.

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
        is_large = rows.nbytes > _LARGE_BYTES
        with contextlib.nullcontext() if is_large else one_thread("openmp"):
            out = torch.mv(rows, torch.as_tensor(weights, dtype=torch.float16)).float()
    else:
        vector = torch.as_tensor(weights, dtype=torch.float32)
        out = torch.empty(len(rows))
        for start in range(0, len(rows), _BLOCK):
            block = slice(start, start + _BLOCK)
            torch.mv(rows[block].float(), vector, out=out[block])
    return out.view(features.shape[:2])


class Projector:
    """Projection of features that are in the memory of the computer.

    On a GPU, copies of the last used features are kept. A GPU reads its memory so fast that later
    projections take little more time than the transfer of the scores.

    Parameters
    ----------
    device
        Device on which products are computed.
    """

    # Number of copies: two scales of the two micrographs that were shown last.
    _KEPT = 4

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._copies: OrderedDict[int, tuple[NDArray[np.float16], Tensor]] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(
        self, features: NDArray[np.float16], weights: NDArray[np.float64]
    ) -> NDArray[np.float32]:
        """Multiply features (h, w, C) with weights (C,); see `project`."""
        if self._device.type == "cuda":
            try:
                with own_stream(self._device):
                    return project(self._copy(features), weights).cpu().numpy()
            except torch.OutOfMemoryError:
                self.release()
        return project(torch.from_numpy(features), weights).numpy()

    def release(self) -> None:
        """Release the memory of the GPU."""
        with self._lock:
            self._copies.clear()

    def _copy(self, features: NDArray[np.float16]) -> Tensor:
        with self._lock:
            known = self._copies.get(id(features))
            if known is None:
                copy = torch.from_numpy(features).to(self._device)
                # The array is kept too, so that no other array gets the same id.
                known = self._copies[id(features)] = features, copy
            self._copies.move_to_end(id(features))
            while len(self._copies) > self._KEPT:
                self._copies.popitem(last=False)
            return known[1]

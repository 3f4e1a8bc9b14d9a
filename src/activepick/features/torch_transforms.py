"""Fourier transforms on a GPU."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["TorchTransforms"]


class TorchTransforms:
    """Fourier transforms of PyTorch, with the interface of `activepick.micrograph.fourier_crop`.

    Parameters
    ----------
    device
        Device on which they are computed.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device

    def load(self, image: NDArray[np.float32]) -> Tensor:
        """Copy an image (h, w) to the device."""
        return torch.from_numpy(image).to(self._device)

    def store(self, image: Tensor) -> NDArray[np.float32]:
        """Copy an image (h, w) from the device."""
        return np.asarray(image.cpu().numpy(), np.float32)

    def zeros(self, shape: tuple[int, int]) -> Tensor:
        """Return an array of complex zeros on the device."""
        return torch.zeros(shape, dtype=torch.complex64, device=self._device)

    def real_rows(self, image: Tensor) -> Tensor:
        """Transform the rows of a real image (h, w), to (h, w // 2 + 1)."""
        spectrum: Tensor = torch.fft.rfft(image, dim=1)
        return spectrum

    def columns(self, spectrum: Tensor) -> Tensor:
        """Transform the columns of a complex array."""
        transformed: Tensor = torch.fft.fft(spectrum, dim=0)
        return transformed

    def inverse(self, spectrum: Tensor, shape: tuple[int, int]) -> Tensor:
        """Transform a spectrum back to a real image with the shape (h, w)."""
        image: Tensor = torch.fft.irfft2(spectrum, s=shape, norm="forward")
        return image

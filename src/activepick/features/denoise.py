"""Denoise images for the display with Topaz's pretrained network.

The network is described in Bepler, Kelley, Noble and Berger, Nature Communications 11, 5208 (2020).
Only the display uses it; no feature or score depends on it.
"""

from functools import lru_cache
from importlib.resources import files
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from topaz.denoising.models import UDenoiseNetSmall

from activepick.micrograph.display import DisplayImage
from activepick.progress import Progress

__all__ = ["denoised_image"]

_MODEL, _WIDTH, _TOP_WIDTH = "unet_small_L1_v0.2.2.sav", 11, 5
# Side of a tile, and width of the margin around it that is added to the input, in pixels.
_TILE, _MARGIN = 384, 64
# Percentage of the grey values that are clipped at each end.
_CUT_PERCENT = 0.5


def denoised_image(image: DisplayImage, progress: Progress | None = None) -> DisplayImage:
    """Denoise an image, which takes seconds on a CPU.

    Parameters
    ----------
    image
        The image, unfiltered.
    progress
        Called with the fraction done; may raise to cancel.

    Returns
    -------
    DisplayImage
        An image of the same shape, with its own contrast limits.
    """
    pixels = image.pixels
    mean, deviation = float(pixels.mean()), max(float(pixels.std()), 1e-6)
    padded = np.pad((pixels - mean) / deviation, _MARGIN, mode="reflect")
    denoised = np.empty_like(pixels)
    network = _network()
    starts = [
        (top, left)
        for top in range(0, pixels.shape[0], _TILE)
        for left in range(0, pixels.shape[1], _TILE)
    ]
    for k, (top, left) in enumerate(starts):
        if progress is not None:
            progress(k / len(starts))
        tile = padded[top : top + _TILE + 2 * _MARGIN, left : left + _TILE + 2 * _MARGIN]
        part = denoised[top : top + _TILE, left : left + _TILE]
        part[:] = _run(network, tile)[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN]
    denoised = denoised * deviation + mean
    low, high = np.percentile(denoised, [_CUT_PERCENT, 100 - _CUT_PERCENT])
    return DisplayImage(denoised, image.spacing_px, (float(low), float(max(high, low + 1e-6))))


@lru_cache(maxsize=1)
def _network() -> torch.nn.Module:
    # Topaz's function for this does not find the file in all versions of Python.
    file = Path(str(files("topaz"))) / "pretrained" / "denoise" / _MODEL
    network: torch.nn.Module = UDenoiseNetSmall(width=_WIDTH, top_width=_TOP_WIDTH)
    network.load_state_dict(torch.load(file, map_location="cpu", weights_only=True))
    return network.eval()


def _run(network: torch.nn.Module, tile: NDArray[np.float32]) -> NDArray[np.float32]:
    with torch.inference_mode():
        values = torch.from_numpy(np.ascontiguousarray(tile, np.float32))[None, None]
        return np.asarray(network(values)[0, 0].numpy(), np.float32)

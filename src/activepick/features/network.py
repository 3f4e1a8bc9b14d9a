"""Run the layers of a backbone on a device with little memory.

The first layers work at the full resolution of the image. Run on the whole image, they take half of
the memory and a quarter of the time of all layers. Here they are run in strips that fit into the
cache of the CPU, and only on the image: in the padding their output is the response to zeros, which
is computed once.
"""

import contextlib
import copy
from collections.abc import Callable, Iterator, Sequence
from itertools import product

import torch
from torch import Tensor, nn

from activepick.features.layers import prepared, reach_of, stride_of

__all__ = ["Network"]

Report = Callable[[float], None]

# Largest output of one layer for a strip. On a CPU, blocks above 32 MB are returned to the system,
# which clears them, each time; a GPU needs larger strips to be busy.
_STRIP_BYTES = {"cpu": 16 << 20}
_STRIP_BYTES_GPU = 192 << 20
# Share of the computing time that the strips take, for the progress.
_ENTRANCE = 0.3


class Network:
    """A backbone at an output stride.

    Parameters
    ----------
    layers
        See `Backbone`; they are copied.
    by_phase
        Indices of strided layers that are computed at every sample; see `_deeper`.
    device, dtype
        Device and precision of the computation.
    """

    def __init__(
        self,
        layers: nn.Sequential,
        by_phase: Sequence[int],
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        self._by_phase = frozenset(by_phase)
        self.device = device
        self.dtype = dtype
        fast = [prepared(layer) for layer in copy.deepcopy(layers)]
        # channels-last is the layout in which CPUs and GPUs run convolutions fastest.
        self._layers = nn.Sequential(*fast).to(device, dtype)
        self._layers.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        # Output of the layers that are run in strips for an input of zeros, by device.
        self._nothing: dict[torch.device, Tensor] = {}
        self._reaches = [reach_of(fast[i:]) for i in range(len(fast))]
        strided = [i for i, layer in enumerate(self._layers) if stride_of(layer) > 1]
        # The first strided layer is the last one that is run in strips.
        self._entrance = strided[0] + 1 if strided and strided[0] not in self._by_phase else 0

    def to(self, device: torch.device | str) -> None:
        """Move the weights to a device."""
        self._layers.to(device)

    def __call__(
        self, tile: Tensor, inside: tuple[slice, slice], report: Report = lambda fraction: None
    ) -> Tensor:
        """Compute the features of a part of an image.

        Parameters
        ----------
        tile
            Shape (h, w), in any precision on any device.
        inside
            Rows and columns of the tile that belong to the image; all others are zero.
        report
            Called with the fraction done; may raise to cancel.

        Returns
        -------
        Tensor, (C, rows, columns)
            Stored with the channels last.
        """
        with torch.inference_mode(), self._exact():
            x = tile.to(self.device, self.dtype, non_blocking=True)[None, None]
            if self._entrance:
                x = self._enter(x, inside, report)
            return self._deeper(x, self._entrance, report)[0]

    def centres(self, images: Tensor) -> Tensor:
        """Compute the features (n, C) of the centres of images of the size of the receptive field.

        Parameters
        ----------
        images
            Shape (n, width, width), in any precision on any device.
        """
        with torch.inference_mode(), self._exact():
            x = images.to(self.device, self.dtype, non_blocking=True)[:, None]
            x = x.contiguous(memory_format=torch.channels_last)
            return self._deeper(x, 0, None)[:, :, 0, 0]

    @contextlib.contextmanager
    def _exact(self) -> Iterator[None]:
        """Make a GPU compute in single precision, not in TF32, if that precision was chosen."""
        if self.device.type != "cuda" or self.dtype != torch.float32:
            yield
            return
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            yield

    def _enter(self, x: Tensor, inside: tuple[slice, slice], report: Report) -> Tensor:
        """Run the first layers in strips, on the part whose input contains the image."""
        layers = self._layers[: self._entrance]
        assert isinstance(layers, nn.Sequential)
        step, reach = stride_of(layers[-1]), reach_of(list(layers))
        shape = [(size - reach) // step + 1 for size in x.shape[-2:]]
        (top, bottom), (left, right) = (
            # The sample i depends on `reach` pixels, from pixel `step * i` on.
            (max(0, -((reach - 1 - part.start) // step)), min(n, (part.stop - 1) // step + 1))
            for part, n in zip(inside, shape, strict=True)
        )
        if x.device not in self._nothing:
            self._nothing[x.device] = layers(x.new_zeros((1, 1, reach, reach)))
        nothing = self._nothing[x.device]
        out = x.new_empty((1, nothing.shape[1], *shape)).to(memory_format=torch.channels_last)
        if bottom <= top or right <= left:
            return out.copy_(nothing)
        out[:, :, :top] = nothing
        out[:, :, bottom:] = nothing
        out[:, :, top:bottom, :left] = nothing
        out[:, :, top:bottom, right:] = nothing
        columns = slice(left * step, (right - 1) * step + reach)
        row_bytes = (columns.stop - columns.start) * nothing.shape[1] * x.element_size()
        limit = _STRIP_BYTES.get(x.device.type, _STRIP_BYTES_GPU)
        rows = max(1, (limit // row_bytes - reach) // step)
        for start in range(top, bottom, rows):
            stop = min(start + rows, bottom)
            strip = x[:, :, start * step : (stop - 1) * step + reach, columns]
            out[:, :, start:stop, left:right] = layers(strip)
            report(_ENTRANCE * (stop - top) / (bottom - top))
        return out

    def _deeper(self, x: Tensor, first: int, report: Report | None) -> Tensor:
        """Run the layers from `first` on; those in `by_phase` are computed at every sample.

        A strided layer keeps every n-th sample of the grid of its input. The layer and all that
        follow it are run on the input shifted by 0 .. n-1 samples along both axes, and the results
        are interleaved. The output equals that of Topaz's dilated network.
        """
        count = len(self._layers)
        for i in range(first, count):
            layer = self._layers[i]
            if i in self._by_phase:
                n = stride_of(layer)
                # If the whole output is one sample, the input is too small for the last shifts.
                reach = self._reaches[i]
                phases = {
                    (dy, dx): self._deeper(layer(x[..., dy:, dx:]), i + 1, None)
                    for dy, dx in product(range(n), repeat=2)
                    if x.shape[-2] - dy >= reach and x.shape[-1] - dx >= reach
                }
                return _interleave(phases, n)
            x = layer(x)
            if report is not None and self._entrance:
                done = (i + 1 - self._entrance) / (count - self._entrance)
                report(_ENTRANCE + (1 - _ENTRANCE) * done)
        return x


def _interleave(phases: dict[tuple[int, int], Tensor], n: int) -> Tensor:
    sample = phases[0, 0]
    height = sum(part.shape[-2] for (_, dx), part in phases.items() if dx == 0)
    width = sum(part.shape[-1] for (dy, _), part in phases.items() if dy == 0)
    out = sample.new_empty((*sample.shape[:-2], height, width))
    for (dy, dx), part in phases.items():
        out[..., dy::n, dx::n] = part
    return out

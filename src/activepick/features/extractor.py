"""Run a backbone over a working image, tile by tile."""

import contextlib
import copy
import threading
from collections.abc import Callable, Iterator
from itertools import pairwise, product

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from activepick.errors import BackboneError, SettingsError
from activepick.features.backbone import Backbone
from activepick.features.device import choose_device, choose_precision

__all__ = ["Extractor"]

# Largest tile by bytes per number, in working pixels: the first layers of a 1024 x 1024 tile with
# 64 features in 16 bits hold 0.4 GB.
_TILE_PX = {2: 1024, 4: 768}
_SMALLEST_TILE_PX = 64


class Extractor:
    """The feature extractor: a backbone on a device, in a precision, at an output stride.

    A sample (i, j) of the output is centred on the working pixel (stride * i, stride * j). Beyond
    the image there are zeros, which is the mean of a normalised image; this is what Topaz does.

    Parameters
    ----------
    backbone
        The network; see `load_backbone`.
    stride
        Working pixels between output samples: 4 (the network's own), 2 or 1 (dense).
    device, precision
        See `choose_device` and `choose_precision`.
    tile_px
        Largest edge of a tile in working pixels; bounds the memory. By default 1024, in float32
        768. On a GPU that runs out of memory it is halved as often as needed.

    Raises
    ------
    SettingsError
        For a stride that the network cannot give, an unknown device or precision.
    """

    # Over how many orientations of the image features are averaged; see `TurningExtractor`.
    orientations = 1

    def __init__(
        self,
        backbone: Backbone,
        *,
        stride: int = 4,
        device: str = "auto",
        precision: str = "auto",
        tile_px: int | None = None,
    ) -> None:
        if stride not in (1, 2, 4) or stride > backbone.stride:
            raise SettingsError(f"An output stride of {stride} is not possible; use 4, 2 or 1.")
        self.backbone = backbone
        self.stride = stride
        self.device = choose_device(device)
        self.dtype = choose_precision(precision, self.device)
        self.tile_px = tile_px or _TILE_PX[self.dtype.itemsize]
        # channels-last is the layout in which CPUs and GPUs run convolutions fastest.
        self._layers = copy.deepcopy(backbone.layers).to(self.device, self.dtype)
        self._layers.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._using = threading.Lock()
        self._users = 0
        # The deepest strided layers are run once for each phase instead of being thinned out.
        self._by_phase: set[int] = set()
        gain = backbone.stride // stride
        for i in reversed(range(len(self._layers))):
            if gain > 1 and _stride(self._layers[i]) > 1:
                self._by_phase.add(i)
                gain //= _stride(self._layers[i])

    def with_stride(self, stride: int) -> "Extractor":
        """Give the same extractor with another output stride."""
        return Extractor(
            self.backbone,
            stride=stride,
            device=str(self.device),
            tile_px=self.tile_px,
            precision=str(self.dtype).removeprefix("torch."),
        )

    def release(self) -> None:
        """Give the device's memory back where nobody computes; the next use takes it again."""
        with self._using:
            if self._users or self.device.type == "cpu":
                return
            self._layers.to("cpu")
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    def extract(
        self, image: NDArray[np.float32], progress: Callable[[float], None] | None = None
    ) -> NDArray[np.float16]:
        """Compute the features of a working image.

        Parameters
        ----------
        image
            Normalised pixels, shape (h, w).
        progress
            Called after each tile with the fraction done. An exception that it raises stops the
            work; this is how a caller cancels.

        Returns
        -------
        array of float16
            Features last, shape (ceil(h / stride), ceil(w / stride), C).
        """
        height, width = self._output_shape(image)
        out = np.empty((height, width, self.backbone.channels), np.float16)
        for rows, columns, features in self._tiles(image, progress):
            # Half precision ends at 65504; no trained network gets near, but inf must not appear.
            tile = features.float().clamp(max=65504).half().cpu()
            out[rows, columns] = tile.permute(1, 2, 0).numpy()
        return out

    def score(
        self,
        image: NDArray[np.float32],
        weights: NDArray[np.float64],
        bias: float,
        progress: Callable[[float], None] | None = None,
    ) -> NDArray[np.float32]:
        """Compute the score map of a linear head without keeping the features.

        Parameters
        ----------
        image
            Normalised pixels, shape (h, w).
        weights, bias
            The head: shape (C,) and a number.
        progress
            As in `extract`.

        Returns
        -------
        array of float32
            Logits, shape (ceil(h / stride), ceil(w / stride)).
        """
        out = np.empty(self._output_shape(image), np.float32)
        vector = torch.as_tensor(weights, dtype=torch.float32, device=self.device)
        for rows, columns, features in self._tiles(image, progress):
            out[rows, columns] = (torch.einsum("chw,c->hw", features.float(), vector) + bias).cpu()
        return out

    def _output_shape(self, image: NDArray[np.float32]) -> tuple[int, int]:
        return -(-image.shape[0] // self.stride), -(-image.shape[1] // self.stride)

    def _tiles(
        self, image: NDArray[np.float32], progress: Callable[[float], None] | None
    ) -> Iterator[tuple[slice, slice, Tensor]]:
        """Yield the features (C, rows, columns) of all parts of the output map."""
        half = self.backbone.width // 2
        padded = F.pad(torch.from_numpy(np.ascontiguousarray(image, np.float32)), (half,) * 4)
        shape = self._output_shape(image)
        todo = _parts(slice(0, shape[0]), slice(0, shape[1]), self.tile_px // self.stride)
        done = 0
        with self._on_device():
            while todo:
                rows, columns = todo.pop()
                try:
                    features = self._run(padded, rows, columns)
                except torch.OutOfMemoryError as error:
                    self._shrink(error)
                    todo += _parts(rows, columns, self.tile_px // self.stride)
                    continue
                yield rows, columns, features
                done += (rows.stop - rows.start) * (columns.stop - columns.start)
                if progress is not None:
                    progress(done / (shape[0] * shape[1]))

    @contextlib.contextmanager
    def _on_device(self) -> Iterator[None]:
        with self._using:
            self._users += 1
            self._layers.to(self.device)  # which does something after a release only
        try:
            yield
        finally:
            with self._using:
                self._users -= 1

    def _run(self, padded: Tensor, rows: slice, columns: slice) -> Tensor:
        reach = self.backbone.width - 1
        tile = padded[
            rows.start * self.stride : (rows.stop - 1) * self.stride + 1 + reach,
            columns.start * self.stride : (columns.stop - 1) * self.stride + 1 + reach,
        ]
        batch = tile[None, None].to(self.device, self.dtype)
        with torch.inference_mode():
            return self._forward(batch.contiguous(memory_format=torch.channels_last), 0)[0]

    def _forward(self, x: Tensor, first: int) -> Tensor:
        """Run the layers from `first` on; a layer in `_by_phase` loses no sample to its stride.

        A strided layer keeps every n-th sample of its input's grid. Running it, and all that
        follows, on the input shifted by 0 .. n-1 samples along both axes, and interleaving the
        results, gives what Topaz's dilated network gives.
        """
        for i in range(first, len(self._layers)):
            layer = self._layers[i]
            if i in self._by_phase:
                n = _stride(layer)
                # The last shifts leave too little input when the whole output is one sample.
                reach = self._reach(i)
                phases = {
                    (dy, dx): self._forward(layer(x[..., dy:, dx:]), i + 1)
                    for dy, dx in product(range(n), repeat=2)
                    if x.shape[-2] - dy >= reach and x.shape[-1] - dx >= reach
                }
                return _interleave(phases, n)
            x = layer(x)
        return x

    def _reach(self, first: int) -> int:
        """Input samples that the layers from `first` on need for one output sample."""
        samples = 1
        for layer in reversed(list(self._layers)[first:]):
            samples = (samples - 1) * _stride(layer) + int(layer.kernel_size)  # type: ignore[arg-type]
        return samples

    def _shrink(self, error: Exception) -> None:
        if self.tile_px <= _SMALLEST_TILE_PX:
            raise BackboneError(
                f"The GPU has not enough memory even for tiles of {self.tile_px} pixels. Close "
                "other programs that use it, or pass --device cpu."
            ) from error
        self.tile_px //= 2
        if self.device.type == "cuda":
            torch.cuda.empty_cache()


def _stride(layer: nn.Module) -> int:
    return int(layer.stride)  # type: ignore[arg-type]


def _parts(rows: slice, columns: slice, edge: int) -> list[tuple[slice, slice]]:
    """Cut a rectangle into the fewest nearly equal parts with no edge above `edge`."""

    def cut(whole: slice) -> list[slice]:
        pieces = -(-(whole.stop - whole.start) // edge)
        bounds = np.linspace(whole.start, whole.stop, pieces + 1).round().astype(int).tolist()
        return [slice(a, b) for a, b in pairwise(bounds)]

    return list(product(cut(rows), cut(columns)))


def _interleave(phases: dict[tuple[int, int], Tensor], n: int) -> Tensor:
    sample = phases[0, 0]
    height = sum(part.shape[-2] for (_, dx), part in phases.items() if dx == 0)
    width = sum(part.shape[-1] for (dy, _), part in phases.items() if dy == 0)
    out = sample.new_empty((*sample.shape[:-2], height, width))
    for (dy, dx), part in phases.items():
        out[..., dy::n, dx::n] = part
    return out

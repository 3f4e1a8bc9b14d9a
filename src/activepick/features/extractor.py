"""Run a backbone on a working image, tile by tile."""

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from activepick.errors import BackboneError, SettingsError
from activepick.features.backbone import Backbone
from activepick.features.device import choose_device, choose_precision, own_stream
from activepick.features.layers import stride_of
from activepick.features.network import Network
from activepick.features.orientations import Orientation, orientations_of
from activepick.features.projection import Projector, project
from activepick.features.tiling import parts, tile_for
from activepick.progress import Progress, part_of

__all__ = ["Extractor", "OnPart"]

# Called with the features (h, w, C) of an image, of which only a part is computed, and a mask
# (h, w) of this part.
OnPart = Callable[[NDArray[np.float16], NDArray[np.bool_]], None]

_SMALLEST_TILE_PX = 64
# Rows of features that are converted at a time: few enough for the cache of a CPU, or enough to
# keep a GPU busy.
_BLOCK_ROWS = {"cpu": 32}
_BLOCK_ROWS_GPU = 256


class Extractor:
    """Feature extractor: a backbone with a device, a precision and an output stride.

    The output sample (i, j) is centred on the working pixel (stride * i, stride * j). The image is
    padded with zeros, the mean of a normalised image, as in Topaz.

    Parameters
    ----------
    backbone
        The network; see `load_backbone`.
    stride
        Working pixels between output samples: 4 (the stride of the network), 2 or 1 (dense).
    device, precision
        See `choose_device` and `choose_precision`.
    tile_px
        Largest edge of a tile in working pixels, which limits the memory. See `tile_for` for the
        default. It is halved each time a GPU runs out of memory.
    memory_gib
        Memory that the network may use on a GPU, in GiB; by default half of the free memory.
        Ignored on other devices.

    Raises
    ------
    SettingsError
        If the stride, the device or the precision is not supported.
    BackboneError
        If the GPU cannot be used.
    """

    def __init__(
        self,
        backbone: Backbone,
        *,
        stride: int = 4,
        device: str = "auto",
        precision: str = "auto",
        tile_px: int | None = None,
        memory_gib: float | None = None,
    ) -> None:
        if stride not in (1, 2, 4) or stride > backbone.stride:
            raise SettingsError(f"An output stride of {stride} is not supported; use 4, 2 or 1.")
        self.backbone = backbone
        self.stride = stride
        self.device = choose_device(device)
        self.dtype = choose_precision(precision, self.device)
        self.memory_gib = memory_gib
        # The deepest strided layers are run once for each phase, so that no sample is dropped.
        by_phase = []
        gain = backbone.stride // stride
        for i in reversed(range(len(backbone.layers))):
            if gain > 1 and stride_of(backbone.layers[i]) > 1:
                by_phase.append(i)
                gain //= stride_of(backbone.layers[i])
        self.tile_px = tile_px or tile_for(
            self.device, self.dtype, dense=bool(by_phase), memory_gib=memory_gib
        )
        self._wanted_tile_px = self.tile_px
        with _refusing(self.device):
            self._network = Network(backbone.layers, by_phase, self.device, self.dtype)
        self.projector = Projector(self.device)
        self._using = threading.Lock()
        self._users = 0

    def with_stride(self, stride: int) -> "Extractor":
        """Return the same extractor with another output stride."""
        return Extractor(
            self.backbone,
            stride=stride,
            device=str(self.device),
            memory_gib=self.memory_gib,
            precision=str(self.dtype).removeprefix("torch."),
        )

    def limit_memory(self, memory_gib: float) -> None:
        """Limit the memory in GiB that the network uses on a GPU."""
        self.memory_gib = memory_gib
        self.tile_px = tile_for(
            self.device,
            self.dtype,
            dense=self.stride < self.backbone.stride,
            memory_gib=memory_gib,
        )
        self._wanted_tile_px = self.tile_px

    def release(self) -> None:
        """Release the memory of the device if nothing runs; the next use allocates it again."""
        with self._using:
            if self._users or self.device.type == "cpu":
                return
            self._network.to("cpu")
        self.projector.release()
        if self.device.type == "cuda":
            # Work space of matrix products, which PyTorch otherwise keeps for each stream.
            getattr(torch._C, "_cuda_clearCublasWorkspaces", lambda: None)()
            torch.cuda.empty_cache()

    def extract(
        self,
        image: NDArray[np.float32],
        progress: Progress | None = None,
        orientations: int = 1,
        first: NDArray[np.float16] | None = None,
        on_part: OnPart | None = None,
    ) -> NDArray[np.float16]:
        """Compute the features of a working image.

        Parameters
        ----------
        image
            Normalised pixels, shape (h, w).
        progress
            Called with the fraction done; may raise to cancel.
        orientations
            Number of orientations of the image over which features are averaged: 1, 2, 4 or 8; see
            `activepick.features.orientations`.
        first
            The result for one orientation, if it is known, so that it is not computed again. It is
            used only if there are two orientations: the mean of these is computed from features in
            half precision, so that the result does not depend on whether `first` is given.
        on_part
            Called after each tile except the last one. Its arguments change after it returns.

        Returns
        -------
        array of float16
            Features, shape (ceil(h / stride), ceil(w / stride), C).

        Raises
        ------
        SettingsError
            If the number of orientations is not supported.
        BackboneError
            If the device has too little memory for the smallest tiles.
        """
        height, width = self._output_shape(image)
        out = np.zeros((height, width, self.backbone.channels), np.float16)
        done = np.zeros((height, width), bool)
        whole = torch.from_numpy(out)
        known = torch.from_numpy(first) if first is not None and orientations == 2 else None
        with torch.inference_mode(), self._on_device(), own_stream(self.device):
            for rows, columns, features in self._tiles(image, orientations, progress, known):
                for part, block in _blocks(rows, features):
                    whole[part, columns].copy_(block)
                done[rows, columns] = True
                if on_part is not None and not done.all():
                    on_part(out, done)
        return out

    def score(
        self,
        image: NDArray[np.float32],
        weights: NDArray[np.float64],
        bias: float,
        progress: Progress | None = None,
        orientations: int = 1,
    ) -> NDArray[np.float32]:
        """Compute the score map of a linear head without storing the features.

        Scores are computed from features in half precision, as `extract` returns them.

        Parameters
        ----------
        image
            Normalised pixels, shape (h, w).
        weights, bias
            Weights of a head, shape (C,), or of several heads, shape (K, C), and the bias.
        progress, orientations
            As in `extract`.

        Returns
        -------
        array of float32
            Linear scores, shape (ceil(h / stride), ceil(w / stride)), or (K, ...) for K heads.
        """
        heads = np.atleast_2d(weights)
        with torch.inference_mode(), self._on_device(), own_stream(self.device):
            # Kept on the device until the end, so that the CPU waits for the device only once.
            out = torch.empty((len(heads), *self._output_shape(image)), device=self.device)
            for rows, columns, features in self._tiles(image, orientations, progress):
                for part, block in _blocks(rows, features):
                    for own, head in zip(out, heads, strict=True):
                        own[part, columns] = project(block, head)
            scores = (out + bias).cpu().numpy()
            return scores if weights.ndim == 2 else scores[0]

    def _output_shape(self, image: NDArray[np.float32]) -> tuple[int, int]:
        return -(-image.shape[0] // self.stride), -(-image.shape[1] // self.stride)

    def _tiles(
        self,
        image: NDArray[np.float32],
        orientations: int,
        progress: Progress | None,
        first: Tensor | None = None,
    ) -> Iterator[tuple[slice, slice, Tensor]]:
        """Yield the features (rows, columns, C) of all parts of the output map.

        `first` are the features of the first orientation in half precision, if they are known.
        """
        turns = orientations_of(orientations)
        half = self.backbone.width // 2
        pixels = torch.from_numpy(np.ascontiguousarray(image, np.float32))
        if self.device.type == "cuda":
            # Rounded and padded on the GPU: on the CPU this takes as long as the network.
            pixels = pixels.to(self.device).to(self.dtype)
        padded = F.pad(pixels, (half,) * 4)
        height, width = self._output_shape(image)
        todo = parts(slice(0, height), slice(0, width), self.tile_px // self.stride)
        done = 0

        def report(rows: slice, columns: slice, fraction: float) -> None:
            if progress is not None:
                area = (rows.stop - rows.start) * (columns.stop - columns.start)
                progress((done + fraction * area) / (height * width))

        while todo:
            rows, columns = todo.pop(0)
            step = partial(report, rows, columns)
            try:
                known = None if first is None else first[rows, columns].to(self.device)
                features = self._run(padded, rows, columns, turns, step, known)
            except torch.OutOfMemoryError as error:
                self._shrink(error)
                todo[:0] = parts(rows, columns, self.tile_px // self.stride)
                continue
            yield rows, columns, features
            done += (rows.stop - rows.start) * (columns.stop - columns.start)
            report(rows, columns, 0.0)

    @contextlib.contextmanager
    def _on_device(self) -> Iterator[None]:
        with self._using:
            with _refusing(self.device):
                self._network.to(self.device)  # has an effect only after `release`
            self._users += 1
        try:
            yield
        finally:
            with self._using:
                self._users -= 1

    def _run(
        self,
        padded: Tensor,
        rows: slice,
        columns: slice,
        turns: Sequence[Orientation],
        report: Progress,
        first: Tensor | None,
    ) -> Tensor:
        """Return the mean features (rows, columns, C) of a part of the output map.

        The input of a part extends equally far beyond its first and its last sample, so that the
        samples stay in place when the input is rotated or flipped.
        """
        half, step = self.backbone.width // 2, self.stride
        place = [
            slice(part.start * step, (part.stop - 1) * step + 1 + 2 * half)
            for part in (rows, columns)
        ]
        top, left = (
            slice(max(0, half - part.start), min(part.stop, size - half) - part.start)
            for part, size in zip(place, padded.shape, strict=True)
        )
        tile = padded[place[0], place[1]]
        shape = (tile.shape[0], tile.shape[1])
        known = 0 if first is None else 1
        # A copy, because the sum replaces it.
        mean = None if first is None else first.clone()
        for number, turn in enumerate(turns[known:], known):
            inside = turn.apply_to_window((top, left), shape)
            own = part_of(report, number - known, len(turns) - known)
            features = turn.undo(self._network(turn.apply(tile), inside, own).permute(1, 2, 0))
            if len(turns) == 1:
                return features
            mean = _add(mean, features, len(turns), is_last=number == len(turns) - 1)
        assert mean is not None
        return mean

    def _shrink(self, error: Exception) -> None:
        if self.tile_px <= _SMALLEST_TILE_PX:
            tried, self.tile_px = self.tile_px, self._wanted_tile_px  # there may be more later
            raise BackboneError(
                f"The GPU has not enough memory even for tiles of {tried} pixels. Close other "
                "programs that use it, or run on the CPU.",
                option="--device cpu",
            ) from error
        self.tile_px //= 2
        if self.device.type == "cuda":
            torch.cuda.empty_cache()


@contextlib.contextmanager
def _refusing(device: torch.device) -> Iterator[None]:
    """Convert errors of a GPU that cannot be used into an error that suggests what to do."""
    try:
        yield
    except RuntimeError as error:  # the base class of torch.OutOfMemoryError
        if device.type == "cpu":
            raise
        reason = str(error).partition("\n")[0].rstrip(".")
        raise BackboneError(
            f"The GPU cannot be used: {reason}. Close other programs that use it, or run on the "
            "CPU.",
            option="--device cpu",
        ) from error


def _blocks(rows: slice, features: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """Yield some rows of features (h, w, C) at a time in half precision."""
    step = _BLOCK_ROWS.get(features.device.type, _BLOCK_ROWS_GPU)
    for start in range(0, len(features), step):
        block = features[start : start + step]
        first = rows.start + start
        # The largest number in half precision is 65504. Features of trained networks are much
        # smaller, but inf must not occur.
        half = block.float().clamp_(max=65504).half().contiguous()
        yield slice(first, first + len(block)), half


def _add(mean: Tensor | None, features: Tensor, count: int, *, is_last: bool) -> Tensor:
    """Add features (h, w, C) to those of other orientations, and divide the last sum by `count`."""
    is_first = mean is None
    if mean is None:
        # Of two orientations only one is stored before the last sum, already rounded to half
        # precision; sums of more need single precision.
        dtype = torch.float16 if count == 2 else torch.float32
        mean = torch.empty(features.shape, dtype=dtype, device=features.device)
    for rows, block in _blocks(slice(0, len(mean)), features):
        total = block if is_first else mean[rows].float().add_(block)
        mean[rows] = total.div_(count) if is_last else total
    return mean

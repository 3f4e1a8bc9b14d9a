"""Resample an image by cropping or padding its Fourier transform.

Sample 0 stays in place: pixel x of the original lies at x * n / N of the result, for sizes N and n.
An image without content at or above the new Nyquist frequency is resampled exactly.

The Nyquist term of an even size represents both +n/2 and -n/2. If an axis is cropped, it is set to
zero, because the terms of the original at these two frequencies cannot be represented separately.
If an axis is padded, the Nyquist term of the original is divided between the two. If an axis keeps
its size, the term is kept.
"""

import os
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import numpy as np
import scipy.fft
from numpy.typing import NDArray

__all__ = ["ScipyTransforms", "Transforms", "fourier_crop"]

FloatImage = NDArray[np.float32]

COLUMNS_AT_ONCE = 256
MAX_WORKERS = 4


class Transforms(Protocol):
    """Fourier transforms in single precision, and their array type.

    The arrays are those of NumPy, or of another library with the same indexing and assignment, on
    the CPU or on another device.
    """

    def load(self, image: FloatImage) -> Any:
        """Return an image as an array of the library."""
        ...

    def store(self, image: Any) -> FloatImage:
        """Return an array of the library as a NumPy array."""
        ...

    def zeros(self, shape: tuple[int, int]) -> Any:
        """Return an array of complex zeros."""
        ...

    def real_rows(self, image: Any) -> Any:
        """Transform the rows of a real image and return the non-negative frequencies."""
        ...

    def columns(self, spectrum: Any) -> Any:
        """Transform the columns of a complex array."""
        ...

    def inverse(self, spectrum: Any, shape: tuple[int, int]) -> Any:
        """Return the inverse transform, a real image of a shape, without dividing by its size."""
        ...


class ScipyTransforms:
    """SciPy's transforms, on the CPU.

    Parameters
    ----------
    workers
        Number of threads of each transform; by default the number of cores, at most 4.
    """

    def __init__(self, workers: int | None = None) -> None:
        self._workers = workers or min(MAX_WORKERS, os.cpu_count() or 1)

    def load(self, image: FloatImage) -> FloatImage:
        """Return the image itself."""
        return image

    def store(self, image: FloatImage) -> FloatImage:
        """Return the image itself, in single precision."""
        return image.astype(np.float32, copy=False)

    def zeros(self, shape: tuple[int, int]) -> NDArray[np.complex64]:
        """Return an array of complex zeros."""
        return np.zeros(shape, np.complex64)

    def real_rows(self, image: FloatImage) -> Any:
        """Transform the rows of a real image."""
        return scipy.fft.rfft(image, axis=1, workers=self._workers)

    def columns(self, spectrum: NDArray[np.complex64]) -> Any:
        """Transform the columns of a complex array."""
        return scipy.fft.fft(spectrum, axis=0, workers=self._workers)

    def inverse(self, spectrum: NDArray[np.complex64], shape: tuple[int, int]) -> Any:
        """Return the inverse transform, a real image."""
        return scipy.fft.irfft2(spectrum, s=shape, norm="forward", workers=self._workers)


def fourier_crop(
    blocks: Iterable[FloatImage],
    shape: tuple[int, int],
    sizes: Sequence[tuple[int, int]],
    transforms: Transforms | None = None,
) -> list[FloatImage]:
    """Resample an image to several sizes; it is read once and in blocks.

    Only the part of the spectrum that the largest size needs is kept in memory.

    Parameters
    ----------
    blocks
        The image from row 0 on, as blocks (rows, width), float32.
    shape
        Height and width of the image, even or odd.
    sizes
        Height and width of each result, even, smaller or larger than the image.
    transforms
        Library and device of the transforms; by default `ScipyTransforms`.

    Returns
    -------
    list of ndarray
        One image (height, width), float32, for each size, with the mean of the original.
    """
    transforms = transforms or ScipyTransforms()
    height, width = shape
    kept = (
        min(height, max(size[0] for size in sizes)),
        min(width, max(size[1] for size in sizes)),
    )
    rows, offset = _transform_rows(blocks, height, width, kept[1], transforms)
    spectrum = _transform_columns(rows, kept[0], transforms)
    del rows
    spectrum *= 1 / (height * width)
    images = []
    for n_rows, n_columns in sizes:
        resized = _resize_rows(spectrum, kept[0], n_rows, transforms)
        resized = _resize_columns(resized, kept[1], n_columns, transforms)
        image = transforms.inverse(resized, (n_rows, n_columns))
        image += offset
        images.append(transforms.store(image))
    return images


def _transform_rows(
    blocks: Iterable[FloatImage], height: int, width: int, kept: int, transforms: Transforms
) -> tuple[Any, float]:
    """Transform along x and keep the columns (height, columns) for an image of width `kept`.

    The mean of the first block is subtracted from all pixels and returned: the contrast of a
    micrograph can be a thousandth of its mean, and float32 has only seven digits.
    """
    kept_spectrum = transforms.zeros((height, kept // 2 + 1))
    offset: float | None = None
    start = 0
    for block in blocks:
        if offset is None:
            offset = float(block.mean(dtype=np.float64).astype(np.float32))
        transform = transforms.real_rows(transforms.load(block) - offset)
        stop = start + block.shape[0]
        kept_spectrum[start:stop] = transform[:, : kept // 2 + 1]
        start = stop
    if kept < width:
        kept_spectrum[:, kept // 2] = 0
    return kept_spectrum, 0.0 if offset is None else offset


def _transform_columns(rows: Any, kept: int, transforms: Transforms) -> Any:
    """Transform along y and keep the rows (kept, columns) for an image of height `kept`."""
    height, columns = rows.shape
    spectrum = transforms.zeros((kept, columns))
    for start in range(0, columns, COLUMNS_AT_ONCE):
        part = slice(start, start + COLUMNS_AT_ONCE)
        transform = transforms.columns(rows[:, part])
        spectrum[:, part] = _resize_rows(transform, height, kept, transforms)
    return spectrum


def _resize_rows(spectrum: Any, height: int, n: int, transforms: Transforms) -> Any:
    """Crop or pad axis 0, which holds all frequencies of an image of height `height`, to n."""
    if n == height:
        return spectrum
    resized = transforms.zeros((n, spectrum.shape[1]))
    smaller = min(n, height)
    # Frequencies 0 .. positive - 1 and -negative .. -1 exist in both spectra.
    positive, negative = (smaller + 1) // 2, (smaller - 1) // 2
    resized[:positive] = spectrum[:positive]
    resized[n - negative :] = spectrum[height - negative :]
    if n > height and height % 2 == 0:
        half = spectrum[height // 2] / 2
        resized[height // 2] = half
        resized[n - height // 2] = half
    return resized


def _resize_columns(spectrum: Any, width: int, n: int, transforms: Transforms) -> Any:
    """Crop or pad axis 1, the non-negative frequencies of an image of width `width`, to n."""
    if n == width:
        return spectrum
    resized = transforms.zeros((spectrum.shape[0], n // 2 + 1))
    positive = (min(n, width) + 1) // 2
    resized[:, :positive] = spectrum[:, :positive]
    if n > width and width % 2 == 0:
        resized[:, width // 2] = spectrum[:, width // 2] / 2
    return resized

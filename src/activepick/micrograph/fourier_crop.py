"""Resample an image by cropping or padding its Fourier transform.

Sample 0 stays in place: pixel x of the original lies at x * n / N of the result, for sizes N and n.
An image without content at or above the new Nyquist frequency is resampled exactly.

The Nyquist term of an even size belongs to +n/2 and -n/2 alike. When an axis is cropped it is set
to zero, because what the original holds at these two frequencies cannot be told apart any more;
when an axis is padded, the original's Nyquist term is shared by the two; when an axis keeps its
size, it is kept.
"""

import os
from collections.abc import Iterable, Sequence

import numpy as np
import scipy.fft
from numpy.typing import NDArray

__all__ = ["fourier_crop"]

FloatImage = NDArray[np.float32]
Spectrum = NDArray[np.complex64]

COLUMNS_AT_ONCE = 256
MAX_WORKERS = 4


def fourier_crop(
    blocks: Iterable[FloatImage],
    shape: tuple[int, int],
    sizes: Sequence[tuple[int, int]],
    workers: int | None = None,
) -> list[FloatImage]:
    """Resample one image to several sizes, reading it once and in blocks.

    Only the part of the spectrum that the largest of the sizes needs is ever in memory.

    Parameters
    ----------
    blocks
        The image from row 0 on, as blocks (rows, width), float32.
    shape
        Height and width of the image, even or odd.
    sizes
        Height and width of each result, even, smaller or larger than the image.
    workers
        Threads of the transforms; by default the number of cores, at most 4.

    Returns
    -------
    list of ndarray
        One image (height, width), float32, for each size, of the same mean as the original.
    """
    height, width = shape
    workers = workers or min(MAX_WORKERS, os.cpu_count() or 1)
    kept = (
        min(height, max(size[0] for size in sizes)),
        min(width, max(size[1] for size in sizes)),
    )
    rows, offset = _transform_rows(blocks, height, width, kept[1], workers)
    spectrum = _transform_columns(rows, kept[0], workers)
    del rows
    spectrum *= np.float32(1 / (height * width))
    images = []
    for n_rows, n_columns in sizes:
        resized = _resize_rows(spectrum, kept[0], n_rows)
        resized = _resize_columns(resized, kept[1], n_columns)
        image = scipy.fft.irfft2(resized, s=(n_rows, n_columns), norm="forward", workers=workers)
        image += offset
        images.append(image.astype(np.float32, copy=False))
    return images


def _transform_rows(
    blocks: Iterable[FloatImage], height: int, width: int, kept: int, workers: int
) -> tuple[Spectrum, np.float32]:
    """Transform along x and keep the columns (height, columns) of an image `kept` wide.

    The mean of the first block is subtracted from all pixels and returned: the contrast of a
    micrograph can be a thousandth of its mean, and float32 has seven digits for both.
    """
    kept_spectrum = np.empty((height, kept // 2 + 1), np.complex64)
    offset: np.float32 | None = None
    start = 0
    for block in blocks:
        if offset is None:
            offset = block.mean(dtype=np.float64).astype(np.float32)
        transform = scipy.fft.rfft(block - offset, axis=1, workers=workers)
        stop = start + block.shape[0]
        kept_spectrum[start:stop] = transform[:, : kept // 2 + 1]
        start = stop
    if kept < width:
        kept_spectrum[:, kept // 2] = 0
    return kept_spectrum, np.float32(0) if offset is None else offset


def _transform_columns(rows: Spectrum, kept: int, workers: int) -> Spectrum:
    """Transform along y and keep the rows (kept, columns) of an image `kept` high."""
    height, columns = rows.shape
    spectrum = np.empty((kept, columns), np.complex64)
    for start in range(0, columns, COLUMNS_AT_ONCE):
        part = slice(start, start + COLUMNS_AT_ONCE)
        transform = scipy.fft.fft(rows[:, part], axis=0, workers=workers)
        spectrum[:, part] = _resize_rows(transform, height, kept)
    return spectrum


def _resize_rows(spectrum: Spectrum, height: int, n: int) -> Spectrum:
    """Crop or pad axis 0, which holds all frequencies of an image `height` high, to n."""
    if n == height:
        return spectrum
    resized = np.zeros((n, spectrum.shape[1]), np.complex64)
    smaller = min(n, height)
    # Frequencies 0 .. positive - 1 and -negative .. -1 exist on both sides.
    positive, negative = (smaller + 1) // 2, (smaller - 1) // 2
    resized[:positive] = spectrum[:positive]
    resized[n - negative :] = spectrum[height - negative :]
    if n > height and height % 2 == 0:
        half = spectrum[height // 2] / 2
        resized[height // 2] = half
        resized[n - height // 2] = half
    return resized


def _resize_columns(spectrum: Spectrum, width: int, n: int) -> Spectrum:
    """Crop or pad axis 1, which holds the frequencies from 0 on of an image `width` wide, to n."""
    if n == width:
        return spectrum
    resized = np.zeros((spectrum.shape[0], n // 2 + 1), np.complex64)
    positive = (min(n, width) + 1) // 2
    resized[:, :positive] = spectrum[:, :positive]
    if n > width and width % 2 == 0:
        resized[:, width // 2] = spectrum[:, width // 2] / 2
    return resized

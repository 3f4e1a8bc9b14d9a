import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activepick.micrograph.fourier_crop import fourier_crop


def crop(image: np.ndarray, *sizes: tuple[int, int]) -> list[np.ndarray]:
    blocks = np.array_split(image.astype(np.float32), 5)
    return fourier_crop(blocks, image.shape, sizes)


def wave(shape, frequency, phase, size=None):
    """A cosine of `shape`, sampled at `size` points with sample 0 in place."""
    rows, columns = size or shape
    y = np.arange(rows)[:, None] / rows
    x = np.arange(columns) / columns
    return np.cos(2 * np.pi * (frequency[0] * y + frequency[1] * x) + phase)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_waves_below_nyquist_are_resampled_exactly(data):
    side = st.integers(20, 75)
    even = st.integers(5, 60).map(lambda half: 2 * half)
    shape = data.draw(st.tuples(side, side), label="shape")
    size = data.draw(st.tuples(even, even), label="size")
    limits = [(min(old, new) - 1) // 2 for old, new in zip(shape, size, strict=True)]
    frequency = [data.draw(st.integers(-limit, limit)) for limit in limits]
    phase = data.draw(st.floats(0, 6))
    (result,) = crop(1000 + wave(shape, frequency, phase), size)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, 1000 + wave(shape, frequency, phase, size), atol=2e-4)


@pytest.mark.parametrize("frequency", [(10, 0), (0, 12), (13, 3), (4, 20)])
def test_waves_at_and_above_nyquist_are_removed(frequency):
    (result,) = crop(wave((61, 64), frequency, 0.3), (20, 24))
    np.testing.assert_allclose(result, 0, atol=1e-5)


@pytest.mark.parametrize("shape", [(40, 50), (40, 24)])
def test_a_crop_to_the_same_size_changes_nothing(shape):
    image = np.random.default_rng(0).standard_normal(shape)
    (result,) = crop(image, shape)
    np.testing.assert_allclose(result, image, atol=1e-5)


@pytest.mark.parametrize("size", [(80, 120), (60, 50), (40, 70), (80, 50)])
def test_enlarging_keeps_the_samples_at_all_frequencies(size):
    # By whole factors, every old sample is also a new one: 40 -> 80, 40 -> 40, ...
    image = np.random.default_rng(0).standard_normal((20, 10))
    (result,) = crop(image, size)
    np.testing.assert_allclose(result[:: size[0] // 20, :: size[1] // 10], image, atol=1e-5)


def test_several_sizes_at_once_equal_single_crops():
    image = np.random.default_rng(0).standard_normal((61, 90))
    sizes = [(20, 30), (40, 58), (122, 180), (30, 120)]
    together = crop(image, *sizes)
    for size, result in zip(sizes, together, strict=True):
        assert result.shape == size
        np.testing.assert_allclose(result, crop(image, size)[0], atol=1e-5)


def test_a_small_contrast_on_a_large_mean_is_kept():
    contrast = wave((64, 64), (2, 3), 0)
    (result,) = crop(30000 + 8 * contrast, (32, 32))
    np.testing.assert_allclose(result - 30000, 8 * wave((64, 64), (2, 3), 0, (32, 32)), atol=0.01)

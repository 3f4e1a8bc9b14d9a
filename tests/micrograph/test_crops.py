import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from activepick.micrograph.crops import cut_crops


def ramp(height: int = 80, width: int = 100) -> np.ndarray:
    """Return an image whose value is x + 1000 y."""
    y, x = np.mgrid[:height, :width]
    return (x + 1000 * y).astype(np.float32)


def test_a_crop_is_centred_on_its_position():
    image = np.zeros((80, 100), np.float32)
    image[30, 60] = 1
    (crop,) = cut_crops(image, [[60, 30]], half_px=8.5, side=17, limits=(0, 1))
    expected = np.zeros((17, 17), np.uint8)
    expected[8, 8] = 255
    np.testing.assert_array_equal(crop, expected)


def test_rows_are_y_and_columns_are_x():
    image = np.zeros((80, 100), np.float32)
    image[20:25, :] = 1
    (crop,) = cut_crops(image, [[50, 40]], half_px=32, limits=(0, 1))
    assert (crop[13:17] > 0).all()
    assert (crop[30:] == 0).all()


@given(
    x=st.floats(20, 70),
    y=st.floats(20, 50),
    half=st.floats(3, 16),
    side=st.integers(5, 40),
)
def test_grey_values_are_interpolated_linearly(x, y, half, side):
    image = ramp()
    low, high = image.min(), image.max()
    (crop,) = cut_crops(image, [[x, y]], half, side, (low, high))
    offsets = ((np.arange(side) + 0.5) / side * 2 - 1) * half
    expected = (x + offsets) + 1000 * (y + offsets)[:, None]
    np.testing.assert_allclose(crop, 255 * (expected - low) / (high - low), atol=0.51)


def test_pixels_outside_the_image_are_mid_grey():
    crops = cut_crops(np.ones((50, 50), np.float32), [[0, 0], [500, 500]], 10, 16, (0, 1))
    assert (crops[0, :7, :7] == 128).all()
    assert (crops[0, 9:, 9:] == 255).all()
    assert (crops[1] == 128).all()


def test_a_reduced_crop_averages_pixels():
    board = (np.indices((200, 200)).sum(0) % 2).astype(np.float32)
    (crop,) = cut_crops(board, [[100, 100]], half_px=80, side=32, limits=(0, 1))
    assert abs(crop.astype(float) - 127.5).max() < 40


def test_grey_values_beyond_the_limits_are_black_and_white():
    image = np.array([[-5, 0.5, 5]], np.float32).repeat(3, axis=0)
    (crop,) = cut_crops(image, [[1, 1]], half_px=1.5, side=3, limits=(0, 1))
    np.testing.assert_array_equal(crop[1], [0, 128, 255])


def test_no_positions_give_no_crops():
    assert cut_crops(ramp(), np.empty((0, 2)), 5, 32).shape == (0, 32, 32)


def test_an_empty_crop_is_refused():
    with pytest.raises(ValueError, match="half_px is 0"):
        cut_crops(ramp(), [[5, 5]], 0)

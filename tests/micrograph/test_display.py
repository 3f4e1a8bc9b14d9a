import mrcfile
import numpy as np
import pytest

from activepick.errors import MicrographError, SettingsError
from activepick.micrograph import Micrograph
from activepick.micrograph.display import display_image


def micrograph(folder, pixels, pixel_size=2.0):
    path = folder / "m.mrc"
    with mrcfile.new(path, overwrite=True) as file:
        file.set_data(np.asarray(pixels, np.float32))
        if pixel_size:
            file.voxel_size = pixel_size
    return Micrograph(path)


def wave(shape, period_px, axis):
    return np.sin(2 * np.pi * np.indices(shape)[axis] / period_px)


def strength(pixels):
    return float(pixels.std())


def test_the_raw_image_has_the_values_of_the_file(tmp_path):
    pixels = np.random.default_rng(0).normal(50, 3, (64, 96))
    image = display_image(micrograph(tmp_path, pixels, pixel_size=None))
    assert np.allclose(image.pixels, pixels, atol=1e-3)
    assert image.spacing_px == (1, 1)
    low, high = image.limits
    assert 40 < low < 50 < high < 60


def test_large_micrographs_are_reduced_without_a_shift(tmp_path):
    height, width = 300, 501
    y, x = np.indices((height, width))
    pixels = np.exp(-((x - 400) ** 2 + (y - 120) ** 2) / 2 / 10**2)
    image = display_image(micrograph(tmp_path, pixels), max_side=128)
    assert max(image.pixels.shape) <= 128
    row, column = np.unravel_index(image.pixels.argmax(), image.pixels.shape)
    assert column * image.spacing_px[0] == pytest.approx(400, abs=4)
    assert row * image.spacing_px[1] == pytest.approx(120, abs=4)


@pytest.mark.parametrize("axis", [0, 1])
def test_filters_halve_the_amplitude_at_their_cutoff(tmp_path, axis):
    pixels = wave((256, 256), 16, axis)  # 32 Å
    file = micrograph(tmp_path, pixels)
    for filters in ((32, None), (None, 32)):
        assert strength(display_image(file, *filters).pixels) == pytest.approx(
            strength(pixels) / 2, rel=0.02
        )
    assert strength(display_image(file, 10, 1000).pixels) > 0.9 * strength(pixels)
    assert strength(display_image(file, 100, None).pixels) < 0.01
    assert strength(display_image(file, None, 4).pixels) < 0.05


def test_a_low_pass_below_two_pixels_does_nothing(tmp_path):
    pixels = np.random.default_rng(0).normal(0, 1, (64, 64))
    image = display_image(micrograph(tmp_path, pixels), 3.9)
    assert np.allclose(image.pixels, pixels - pixels.mean(), atol=1e-3)


def test_filters_need_a_pixel_size_and_a_valid_cutoff(tmp_path):
    file = micrograph(tmp_path, np.random.default_rng(0).normal(0, 1, (64, 64)), None)
    with pytest.raises(MicrographError, match="pixel size"):
        display_image(file, 20)
    with pytest.raises(SettingsError, match="above 0"):
        display_image(file, 0)


def test_one_outlier_does_not_change_the_contrast_limits(tmp_path):
    pixels = np.random.default_rng(0).normal(0, 1, (128, 128))
    pixels[60, 60] = 1e6
    low, high = display_image(micrograph(tmp_path, pixels)).limits
    assert -5 < low < 0 < high < 5

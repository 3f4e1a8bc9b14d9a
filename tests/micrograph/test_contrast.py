import numpy as np
import pytest

from activepick.micrograph.contrast import ContrastMap, contrast_map


def local_contrast(image, xy, radius):
    return ContrastMap(contrast_map(image, radius), (1.0, 1.0)).at(xy)


@pytest.fixture
def noise():
    return np.random.default_rng(0).normal(100, 1, (120, 160)).astype(np.float32)


def test_noise_has_a_contrast_of_one(noise):
    values = contrast_map(noise, 7.5)
    assert values.shape == noise.shape
    assert np.median(values) == pytest.approx(1)
    assert values.std() < 0.15


def test_the_contrast_is_the_standard_deviation_in_the_disc(noise):
    noise[30:60, 30:80] *= 1.05
    radius = 6.2
    y, x = np.indices(noise.shape)
    values = contrast_map(noise, radius)
    places = [(40, 50), (80, 60), (120, 100)]
    brute = [noise[np.hypot(x - a, y - b) <= radius].astype(float).std() for a, b in places]
    found = local_contrast(noise, places, radius)
    assert np.allclose(found / found[0], np.array(brute) / brute[0], rtol=1e-3)
    assert np.array_equal(found, [values[b, a] for a, b in places])


def test_crystals_have_high_contrast_and_empty_ice_low(noise):
    noise[20:40, 20:40] += np.random.default_rng(1).normal(0, 5, (20, 20)).astype(np.float32)
    noise[80:110, 100:140] = 100
    ice, empty, normal = local_contrast(noise, [(30, 30), (120, 95), (60, 60)], 7)
    assert ice > 3
    assert empty < 0.2
    assert 0.7 < normal < 1.3


def test_scale_and_offset_of_grey_values_do_not_change_the_contrast(noise):
    xy = [(0, 0), (159, 119), (80, 60)]
    assert np.allclose(
        local_contrast(noise, xy, 7), local_contrast(1000 - 3 * noise, xy, 7), rtol=1e-3
    )


def test_positions_outside_the_map_have_the_contrast_of_its_border():
    map = ContrastMap(np.arange(6, dtype=np.float16).reshape(2, 3), (10.0, 20.0))
    assert map.at([(0, 0), (14, 11), (999, 999), (-5, 8)]).tolist() == [0, 4, 5, 0]
    assert map.at(np.empty((0, 2))).shape == (0,)


def test_the_contrast_of_an_image_smaller_than_the_disc_is_defined(noise):
    assert np.isfinite(contrast_map(noise[:5, :9], 7)).all()

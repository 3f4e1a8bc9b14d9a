import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activepick.micrograph import Micrograph
from activepick.micrograph.normalise import grey_scale, normalise

torch = pytest.importorskip("torch")
stats = pytest.importorskip("topaz.stats")


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    # Topaz works on small arrays here, for which more threads are slower.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def two_gaussians(dark_share, distance, n=6_000, seed=0):
    random = np.random.default_rng(seed)
    background = random.normal(10, 2, n)
    dark = random.random(n) < dark_share
    return (background - distance * 2 * dark).astype(np.float32).reshape(100, -1)


def test_affine_normalisation_has_mean_0_and_standard_deviation_1():
    pixels = two_gaussians(0.2, 3)
    result = normalise(pixels, "affine")
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, (pixels - pixels.mean()) / pixels.std(), atol=1e-4)


def test_gmm_normalisation_scales_by_the_background():
    # Enough dark pixels, far enough away, to outweigh the prior.
    pixels = two_gaussians(0.3, 6, n=200_000)
    mean, deviation = grey_scale(pixels, "gmm")
    assert mean == pytest.approx(10, abs=0.02)
    assert deviation == pytest.approx(2, rel=0.01)
    np.testing.assert_allclose(normalise(pixels, "gmm"), (pixels - mean) / deviation, atol=1e-4)


@pytest.mark.parametrize("dark_share", [0.0, 0.02, 0.3])
@pytest.mark.parametrize("distance", [2, 5])
def test_gmm_agrees_with_topaz(dark_share, distance):
    pixels = two_gaussians(dark_share, distance)
    mean, deviation = grey_scale(pixels, "gmm")
    _, theirs = stats.normalize(pixels)
    assert mean == pytest.approx(theirs["mu"], abs=0.01 * theirs["std"])
    assert deviation == pytest.approx(theirs["std"], rel=0.01)


def test_gmm_agrees_with_topaz_despite_hot_pixels():
    pixels = two_gaussians(0.2, 4)
    pixels[3, :3] = 500
    mean, deviation = grey_scale(pixels, "gmm")
    _, theirs = stats.normalize(pixels)
    assert mean == pytest.approx(theirs["mu"], abs=0.01 * theirs["std"])
    assert deviation == pytest.approx(theirs["std"], rel=0.01)


def test_gmm_agrees_with_topaz_on_a_real_micrograph(real_data):
    path = min((real_data / "empiar-10146").glob("*.png"))
    # The corner keeps Topaz fast.
    pixels = Micrograph(path, 1.5).working_images(120, [10])[0].pixels[:100, :100].copy()
    mean, deviation = grey_scale(pixels, "gmm")
    _, theirs = stats.normalize(pixels)
    assert mean == pytest.approx(theirs["mu"], abs=0.01 * theirs["std"])
    assert deviation == pytest.approx(theirs["std"], rel=0.01)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.floats(-1e6, 1e6, width=32), min_size=2, max_size=30, unique=True),
    st.sampled_from(["affine", "gmm"]),
)
def test_normalised_values_are_finite_unless_the_image_is_constant(values, method):
    pixels = np.tile(np.array(values, np.float32), (20, 1))
    if pixels.std(dtype=np.float64) < 1e-30:
        return
    assert np.isfinite(normalise(pixels, method)).all()


@pytest.mark.parametrize("method", ["affine", "gmm"])
def test_a_constant_image_raises_value_error(method):
    with pytest.raises(ValueError, match="constant"):
        normalise(np.ones((10, 10), np.float32), method)


def test_an_unknown_method_raises_value_error():
    with pytest.raises(ValueError, match="unknown"):
        normalise(two_gaussians(0.1, 2), "other")

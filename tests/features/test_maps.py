import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activepick.features.cache import FeatureCache
from activepick.features.feature_map import FeatureMap, MicrographFeatures
from activepick.features.sampling import sample
from activepick.features.scales import LADDER, climb, side_by_side
from activepick.scoremap.interpolation import resample

sizes = st.integers(4, 20)
seeds = st.integers(0, 2**32 - 1)


@given(height=sizes, width=sizes, seed=seeds)
@settings(max_examples=30, deadline=None)
def test_interpolation_passes_through_the_samples(height, width, seed):
    values = np.random.default_rng(seed).standard_normal((height, width)).astype(np.float32)
    rows, columns = np.arange(height, dtype=float), np.arange(width, dtype=float)
    assert np.allclose(resample(values, rows, columns), values, atol=1e-5)
    y, x = np.mgrid[:height, :width]
    at_samples = sample(values[..., None].astype(np.float16), np.c_[x.ravel(), y.ravel()] * 1.0)
    assert np.allclose(at_samples.ravel(), values.ravel(), atol=2e-3)


def test_interpolation_is_exact_on_a_parabola_inside_and_flat_beyond_the_border():
    grid = np.arange(12.0)
    values = (grid[:, None] ** 2 + 3 * grid[None]).astype(np.float32)
    y, x = np.array([2.25, 7.5]), np.array([1.75, 9.0])
    assert np.allclose(resample(values, y, x), y[:, None] ** 2 + 3 * x[None], atol=1e-4)
    assert resample(values, np.array([50.0]), np.array([-3.0])) == pytest.approx(values[11, 0])


def random_features(seed, scales=2, channels=3, shape=(90, 120), radius=10.0):
    rng = np.random.default_rng(seed)
    maps = []
    for k in range(scales):
        spacing = (3.1 + k, 2.9 + k)
        size = (int(shape[0] / spacing[1]) + 1, int(shape[1] / spacing[0]) + 1)
        values = rng.standard_normal((*size, channels)).astype(np.float16)
        maps.append(FeatureMap(values, spacing, 10.0 * (k + 1)))
    return MicrographFeatures("m", tuple(maps), shape, radius)


@given(seed=seeds)
@settings(max_examples=20, deadline=None)
def test_score_map_is_the_head_applied_to_the_interpolated_features(seed):
    features = random_features(seed)
    rng = np.random.default_rng(seed + 1)
    weights, bias = rng.standard_normal((2, 3)), 0.7
    scores = features.score_map(weights, bias)
    rows, columns = scores.values.shape
    j, i = rng.integers(0, columns, 20), rng.integers(0, rows, 20)
    xy = scores.to_original(np.c_[j, i])
    expected = features.at(xy) @ weights.ravel() + bias
    assert np.allclose(scores.values[i, j], expected, atol=1e-2)


def test_score_map_covers_the_micrograph_at_a_seventh_of_the_radius():
    features = random_features(0, shape=(101, 71))
    scores = features.score_map(np.ones((2, 3)), 0.0)
    assert scores.spacing_px == pytest.approx(10 / 7)
    last = scores.to_original([scores.values.shape[1] - 1, scores.values.shape[0] - 1])[0]
    assert np.all(last <= [70, 100])
    assert np.all(last > [70 - 10 / 7, 100 - 10 / 7])


@pytest.mark.parametrize("best", LADDER)
def test_climb_finds_the_maximum_with_few_evaluations(best):
    asked = []

    def tails(radii):
        asked.extend(radii)
        return [-5 * abs(np.log(radius / best)) for radius in radii]

    assert climb(tails) == best
    assert len(asked) == len(set(asked))
    assert len(asked) <= 3 + abs(LADDER.index(best) - 2)
    coarse, fine = side_by_side(best)
    assert coarse == best < fine


def test_the_cache_computes_once_and_returns_the_same_features(tmp_path):
    cache = FeatureCache(tmp_path / "features")
    values = np.arange(24, dtype=np.float16).reshape(2, 3, 4)
    calls = []

    def compute():
        calls.append(1)
        return values

    for _ in range(3):
        assert np.array_equal(cache.get("a key", compute), values)
    assert len(calls) == 1
    assert np.array_equal(cache.get("another key", lambda: values + 1), values + 1)


def test_the_cache_stays_below_its_limit_and_removes_the_oldest_entries(tmp_path):
    values = np.zeros((10, 10, 10), np.float16)
    cache = FeatureCache(tmp_path, limit_bytes=3 * (values.nbytes + 200))
    for key in "abcdef":
        cache.get(key, lambda: values)
    files = list(tmp_path.glob("*.npy"))
    assert len(files) == 3
    cache.get("f", lambda: pytest.fail("the newest is still there"))


def test_a_cache_that_cannot_write_still_returns_the_features(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    values = np.ones((2, 2, 2), np.float16)
    assert np.array_equal(FeatureCache(blocked / "inside").get("k", lambda: values), values)


def test_a_damaged_cache_file_is_computed_again(tmp_path):
    cache = FeatureCache(tmp_path)
    values = np.ones((2, 2, 2), np.float16)
    cache.get("k", lambda: values)
    [file] = tmp_path.glob("*.npy")
    file.write_bytes(b"")
    assert np.array_equal(cache.get("k", lambda: values), values)


def test_projections_are_accurate_to_a_thousandth():
    rng = np.random.default_rng(0)
    values = np.maximum(rng.standard_normal((40, 50, 256)), 0).astype(np.float16)
    weights = rng.normal(0, 0.3, 256)
    exact = values.astype(np.float64) @ weights
    found = FeatureMap(values, (4.0, 4.0), 7.0).project(weights)
    assert exact.std() > 1
    assert np.abs(found - exact).max() < 1e-3 * np.abs(exact).max()

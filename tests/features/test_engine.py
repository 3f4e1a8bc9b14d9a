import numpy as np
import pytest

from activepick.features.backbone import load_backbone
from activepick.features.cache import FeatureCache
from activepick.features.engine import FeatureEngine
from activepick.features.extractor import Extractor
from activepick.micrograph import Micrograph
from activepick.simulate import SimulationSettings, simulate_dataset

RADII = (7.0, 10.0)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    settings = SimulationSettings(shape=(512, 600))
    return simulate_dataset(tmp_path_factory.mktemp("data"), 2, 3, settings)


@pytest.fixture(scope="module")
def engine(data):
    extractor = Extractor(load_backbone(), device="cpu", precision="float32")
    return FeatureEngine(extractor, data.diameter_angstrom)


def test_scores_with_and_without_stored_features_are_equal(data, engine):
    micrograph = Micrograph(data.micrographs[0])
    backbone = engine.extractor.backbone
    weights = np.stack([0.3 * backbone.weights, 0.7 * backbone.weights])
    kept = engine.features(micrograph, RADII).score_map(weights, backbone.bias)
    streamed = engine.score_map(micrograph, RADII, weights, backbone.bias)
    assert kept.values.shape == streamed.values.shape
    assert np.array_equal(kept.values, streamed.values)


def test_scales_without_weights_change_nothing(data, engine):
    micrograph = Micrograph(data.micrographs[0])
    backbone = engine.extractor.backbone
    alone = engine.score_map(micrograph, (7.0,), backbone.weights[None], backbone.bias)
    beside = np.stack([backbone.weights, np.zeros(256)])
    both = engine.score_map(micrograph, RADII, beside, backbone.bias)
    assert np.array_equal(alone.values, both.values)


def test_particles_score_higher_than_the_rest(data, engine):
    micrograph = Micrograph(data.micrographs[0])
    backbone = engine.extractor.backbone
    scores = engine.score_map(micrograph, (10.0,), backbone.weights[None], backbone.bias)
    from activepick.formats import read_table

    truth = read_table(data.truth)
    own = truth[truth["micrograph"] == micrograph.name]
    at = np.rint(own[["x", "y"]].to_numpy() / scores.spacing_px).astype(int)
    rows, columns = scores.values.shape
    at_particles = scores.values[np.clip(at[:, 1], 0, rows - 1), np.clip(at[:, 0], 0, columns - 1)]
    assert np.median(at_particles) > np.percentile(scores.values, 85)


def test_the_cache_distinguishes_features_by_their_settings(tmp_path, data, engine):
    cached = FeatureEngine(engine.extractor, engine.diameter_angstrom, cache=FeatureCache(tmp_path))
    first, second = (Micrograph(path) for path in data.micrographs)
    one = cached.features(first, RADII)
    files = set(tmp_path.glob("*.npy"))
    assert len(files) == 3  # two scales and the border
    again = cached.features(first, RADII)
    assert set(tmp_path.glob("*.npy")) == files
    assert np.array_equal(one.maps[1].values, again.maps[1].values)
    fresh = engine.features(first, RADII)
    assert np.array_equal(one.maps[0].values, fresh.maps[0].values)
    cached.features(second, RADII)
    cached.features(Micrograph(first.path, inverted=True), RADII)
    cached.features(Micrograph(first.path, pixel_size_angstrom=2.2), RADII)
    assert len(set(tmp_path.glob("*.npy"))) == 10


def test_inverted_polarity_is_detected_in_both_directions(data, engine):
    for path in data.micrographs:
        assert not engine.looks_inverted(Micrograph(path))
        assert engine.looks_inverted(Micrograph(path, inverted=True))


def test_the_polarity_of_real_micrographs_is_detected(real_data):
    extractor = Extractor(load_backbone())
    for folder, ending, size, diameter in (
        ("empiar-10017", "jpg", 1.77, 191.0),
        ("empiar-10146", "png", 1.5, 120.0),
    ):
        engine = FeatureEngine(extractor, diameter)
        for path in sorted((real_data / folder).glob(f"*.{ending}"))[:3]:
            assert not engine.looks_inverted(Micrograph(path, size))
            assert engine.looks_inverted(Micrograph(path, size, inverted=True))


def test_progress_covers_all_scales(data, engine):
    seen = []
    engine.features(Micrograph(data.micrographs[0]), RADII, seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1
    assert 0 < seen[0] < 1

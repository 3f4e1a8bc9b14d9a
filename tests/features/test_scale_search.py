import numpy as np
import pytest

from activepick.errors import BackboneError, MicrographError, SettingsError
from activepick.features.backbone import load_backbone
from activepick.features.cache import FeatureCache
from activepick.features.engine import FeatureEngine
from activepick.features.extractor import Extractor
from activepick.features.scale_search import EDGE_RADII, FirstLook, find_radius, middle
from activepick.features.scales import LADDER
from activepick.micrograph import Micrograph
from activepick.simulate import SimulationSettings, simulate_dataset


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    settings = SimulationSettings(shape=(256, 300), pixel_size_angstrom=4)
    return simulate_dataset(tmp_path_factory.mktemp("data"), 4, 3, settings)


@pytest.fixture
def files(data):
    return [Micrograph(path) for path in data.micrographs]


@pytest.fixture
def engine(tmp_path, data):
    extractor = Extractor(load_backbone("resnet16_u32"), device="cpu", precision="float32")
    return FeatureEngine(extractor, data.diameter_angstrom, cache=FeatureCache(tmp_path / "cache"))


def looks(files, diameter):
    return [FirstLook(file, diameter, "affine") for file in files]


def top_at(best, asked):
    def tail(look, radius):
        asked.append((look.micrograph.name, radius))
        return -5 * abs(np.log(radius / best))

    return tail


@pytest.mark.parametrize("best", LADDER)
def test_three_are_looked_at_once_for_each_radius(data, files, best):
    asked, fractions = [], []
    found = find_radius(looks(files, data.diameter_angstrom), top_at(best, asked), fractions.append)
    assert found == best
    assert len(asked) == len(set(asked)) <= 3 * 4
    assert {name for name, _ in asked} == {file.name for file in files[:3]}
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0, 1)


def test_the_search_with_and_without_a_cache_finds_the_same(engine, files):
    plain = FeatureEngine(engine.extractor, engine.diameter_angstrom)
    first = engine.best_radius(files)
    known = set(engine.cache.folder.iterdir())
    assert 9 <= len(known) <= 12
    assert engine.best_radius(iter(files)) == first == plain.best_radius(files)
    assert set(engine.cache.folder.iterdir()) == known


def test_what_cannot_be_read_is_passed_over(tmp_path, engine, files):
    short = tmp_path / "short.mrc"
    short.write_bytes(files[0].path.read_bytes()[:5000])
    bad = [Micrograph(tmp_path / "missing.mrc"), Micrograph(short)]
    assert engine.best_radius(bad + files) == engine.best_radius(files)
    with pytest.raises(MicrographError, match="missing"):
        engine.best_radius(bad)
    with pytest.raises(MicrographError, match="short"):
        engine.best_radius([bad[1]] * 10 + files)
    with pytest.raises(SettingsError, match="no micrograph"):
        engine.best_radius([])


def test_a_network_that_fails_is_no_fault_of_the_micrograph(data, files):
    def tail(look, radius):
        raise BackboneError("not enough memory")

    with pytest.raises(BackboneError):
        find_radius(looks(files, data.diameter_angstrom), tail)


def test_radii_at_which_a_micrograph_cannot_be_seen_are_left_out(files):
    # At a working radius of 5 a particle of 90 pixels leaves an image of 28 pixels.
    [look] = looks(files[:1], 4 * 90.0)
    assert [look.fits(radius) for radius in LADDER] == [False, True, True, True, True]
    assert find_radius([look], top_at(5.0, [])) == 7.0
    assert look.image(7.0).shape < look.image(20.0).shape
    with pytest.raises(SettingsError, match="does not fit"):
        find_radius(looks(files, 4 * 300.0), lambda look, radius: look.image(radius).max())


def test_all_radii_show_the_same_part_in_one_reading(data, files):
    diameter = data.diameter_angstrom / 3
    file = files[0]
    look = FirstLook(file, diameter, "affine")
    images = [look.image(radius) for radius in LADDER[:3]]
    for radius, image in zip(LADDER, images, strict=False):
        [whole] = file.working_images(diameter, [radius])
        assert image.shape == (min(whole.shape[0], EDGE_RADII * radius), EDGE_RADII * radius)
        assert np.allclose(image, middle(whole.pixels, round(EDGE_RADII * radius)), atol=1e-4)

import random

import numpy as np
import pytest

from activepick.errors import BackboneError, MicrographError, SettingsError
from activepick.features.backbone import load_backbone
from activepick.features.cache import FeatureCache
from activepick.features.engine import FeatureEngine
from activepick.features.extractor import Extractor
from activepick.features.scale_search import (
    EDGE_RADII,
    MiddleCrop,
    find_radius,
    middle,
    spread_out,
)
from activepick.features.scales import LADDER, best_peaks
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


def crops(files, diameter):
    def working_images(file, radii):
        return file.working_images(diameter, radii)

    return [MiddleCrop(file, diameter, working_images) for file in files]


def top_at(best, asked):
    def tail(crop, radius):
        asked.append((crop.micrograph.name, radius))
        return np.full(64, 5 - 5 * abs(np.log(radius / best)))

    return tail


@pytest.mark.parametrize("best", LADDER)
def test_three_micrographs_are_evaluated_once_at_each_radius(data, files, best):
    asked, fractions = [], []
    found = find_radius(crops(files, data.diameter_angstrom), top_at(best, asked), fractions.append)
    assert found == best
    assert len(asked) == len(set(asked)) <= 3 * 4
    assert {name for name, _ in asked} == {file.name for file in files[:3]}
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0, 1)


def test_the_search_gives_the_same_radius_with_and_without_a_cache(engine, files):
    plain = FeatureEngine(engine.extractor, engine.diameter_angstrom)
    first = engine.best_radius(files)
    known = set(engine.cache.folder.iterdir())
    assert 9 <= len(known) <= 12
    assert engine.best_radius(iter(files)) == first == plain.best_radius(files)
    assert set(engine.cache.folder.iterdir()) == known


def test_unreadable_micrographs_are_passed_over_in_the_search(tmp_path, engine, files):
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


def test_an_error_of_the_network_is_not_attributed_to_the_micrograph(data, files):
    def tail(crop, radius):
        raise BackboneError("not enough memory")

    with pytest.raises(BackboneError):
        find_radius(crops(files, data.diameter_angstrom), tail)


def test_radii_that_a_micrograph_cannot_have_are_left_out(files):
    # At a working radius of 5 a particle of 90 pixels leaves an image of 28 pixels.
    [crop] = crops(files[:1], 4 * 90.0)
    assert [crop.fits(radius) for radius in LADDER] == [False, True, True, True, True]
    assert find_radius([crop], top_at(5.0, [])) == 7.0
    assert crop.image(7.0).shape < crop.image(20.0).shape
    with pytest.raises(SettingsError, match="does not fit"):
        find_radius(crops(files, 4 * 300.0), lambda crop, radius: crop.image(radius).max())


def test_the_micrograph_is_read_once_for_all_radii_and_they_show_the_same_part(data, files):
    diameter = data.diameter_angstrom / 3
    file = files[0]
    [crop] = crops([file], diameter)
    images = [crop.image(radius) for radius in LADDER[:3]]
    for radius, image in zip(LADDER, images, strict=False):
        [whole] = file.working_images(diameter, [radius])
        assert image.shape == (min(whole.shape[0], EDGE_RADII * radius), EDGE_RADII * radius)
        assert np.allclose(image, middle(whole.pixels, round(EDGE_RADII * radius)), atol=1e-4)


def test_micrographs_without_particles_do_not_affect_the_scale(files, data):
    empty = {files[0].name, files[2].name}
    asked = []

    def best(crop, radius):
        asked.append((crop.micrograph.name, radius))
        if crop.micrograph.name in empty:  # on which a finer radius seems to be better
            return np.full(64, -5 + radius / 5)
        return np.full(64, 3 - abs(radius - 7))

    assert find_radius(crops(files, data.diameter_angstrom), best) == 7
    assert {name for name, radius in asked if radius != 10} == {files[1].name, files[3].name}
    # If there are no others, they are used.
    some = [file for file in files if file.name in empty]
    assert find_radius(crops(some, data.diameter_angstrom), best) == 20


def test_only_likely_particles_at_the_first_radius_are_compared(files, data):
    def best(crop, radius):
        # Ten particles are clearest at 7, and noise rises with the radius.
        return np.r_[np.full(10, 4 - abs(radius - 7)), np.full(54, radius / 10 - 4)]

    assert find_radius(crops(files, data.diameter_angstrom), best) == 7


def test_the_first_micrographs_are_spread_over_the_dataset_in_any_order():
    micrographs = [Micrograph(f"mics/m{k:02}.mrc") for k in range(40)]
    mixed = random.Random(0).sample(micrographs, 40)
    found = [micrograph.path.stem for micrograph in spread_out(mixed, lambda m: m.path)]
    assert found[:3] == ["m20", "m10", "m30"]
    assert sorted(found) == [micrograph.path.stem for micrograph in micrographs]
    for count in range(4):
        assert len(spread_out(micrographs[:count], lambda m: m.path)) == count


def test_the_number_of_compared_peaks_depends_on_the_area():
    scores = np.random.default_rng(0).normal(size=(100, 100)).astype(np.float32)
    found = best_peaks(scores, 4, 10.0)
    assert len(found) == round(400 * 400 / (8 * np.pi * 100))
    assert np.all(np.diff(found) <= 0)
    assert found[0] == pytest.approx(scores.max(), abs=0.5)
    y, x = np.mgrid[:100, :100] - 50.0
    one = (5 - np.hypot(x, y)).astype(np.float32)
    assert best_peaks(one, 4, 10.0).tolist() == pytest.approx([5.0] * len(found), abs=0.1)

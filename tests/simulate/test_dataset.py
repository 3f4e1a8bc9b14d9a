import json
from pathlib import Path

import mrcfile
import numpy as np
import pytest
import starfile

from activepick.errors import SettingsError
from activepick.simulate import SimulationSettings, simulate_dataset, simulated_micrographs

SMALL = SimulationSettings(shape=(256, 288), pixel_size_angstrom=2.5)


def test_files_contain_pixels_pixel_size_and_truth(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    dataset = simulate_dataset(
        tmp_path / "new" / "set",
        2,
        5,
        SMALL,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(0, 2), (1, 2), (2, 2)]
    expected = list(simulated_micrographs(SMALL, 2, 5))
    truth = starfile.read(dataset.truth, always_dict=True)
    assert list(truth) == ["particles"]
    table = truth["particles"]
    assert list(table.columns) == ["rlnMicrographName", "rlnCoordinateX", "rlnCoordinateY"]
    assert len(table) == dataset.particles == sum(len(one.truth) for one in expected)
    for path, micrograph in zip(dataset.micrographs, expected, strict=True):
        with mrcfile.open(path) as file:
            np.testing.assert_array_equal(file.data, micrograph.pixels)
            assert float(file.voxel_size.x) == pytest.approx(2.5)
            assert float(file.voxel_size.y) == pytest.approx(2.5)
            assert file.is_single_image()
        own = table[table["rlnMicrographName"] == path.name]
        np.testing.assert_allclose(
            own[["rlnCoordinateX", "rlnCoordinateY"]], micrograph.truth[["x", "y"]], atol=1e-3
        )
    assert all(mrcfile.validate(path) for path in dataset.micrographs)


def test_the_summary_contains_what_picking_needs(tmp_path: Path) -> None:
    dataset = simulate_dataset(tmp_path, 1, 0, SMALL, protein="cage")
    summary = json.loads(dataset.summary.read_text())
    assert summary["protein"] == "cage"
    assert summary["diameter_angstrom"] == dataset.diameter_angstrom == 120.0
    assert summary["pixel_size_angstrom"] == 2.5
    assert summary["micrographs"][0]["particles"] == summary["particles"] == dataset.particles


def test_particles_of_a_mixture_have_the_number_of_their_protein(tmp_path: Path) -> None:
    settings = SimulationSettings(shape=(512, 512))
    dataset = simulate_dataset(tmp_path, 2, 0, settings, mixture=["cage"])
    table = starfile.read(dataset.truth)
    assert set(table["rlnClassNumber"]) == {1, 2}
    summary = json.loads(dataset.summary.read_text())
    assert (summary["protein"], summary["mixture"]) == ("barrel", ["cage"])
    # The largest protein, here the barrel, sets the diameter and the places.
    assert dataset.diameter_angstrom == 150.0
    plain = list(simulated_micrographs(settings, 2, 0))
    places = np.concatenate([one.truth[["x", "y"]].to_numpy() for one in plain])
    np.testing.assert_allclose(table[["rlnCoordinateX", "rlnCoordinateY"]], places, atol=1e-3)
    assert {name for one in plain for name in one.truth["protein"]} == {"barrel"}


def test_a_protein_cannot_be_twice_in_a_mixture() -> None:
    with pytest.raises(SettingsError, match="twice"):
        SimulationSettings(mixture=("barrel",))


def test_a_larger_set_begins_with_the_micrographs_of_a_smaller_one() -> None:
    short = list(simulated_micrographs(SMALL, 1, 3))
    long = list(simulated_micrographs(SMALL, 2, 3))
    np.testing.assert_array_equal(short[0].pixels, long[0].pixels)
    assert not np.array_equal(long[0].pixels, long[1].pixels)


def test_four_micrographs_cover_the_range_of_defocus_and_carbon() -> None:
    for seed in range(3):
        some = list(simulated_micrographs(SMALL, 4, seed))
        defocus = [one.defocus.mean_um for one in some]
        assert max(defocus) - min(defocus) > 0.8
        assert 0.8 <= min(defocus) <= max(defocus) <= 2.5
        assert 1 <= sum(one.carbon for one in some) <= 3


def test_repeating_a_set_replaces_it_and_another_set_is_refused(tmp_path: Path) -> None:
    simulate_dataset(tmp_path, 2, 0, SMALL)
    simulate_dataset(tmp_path, 2, 1, SMALL)
    with pytest.raises(SettingsError, match=r"micrograph_002\.mrc"):
        simulate_dataset(tmp_path, 1, 0, SMALL)


@pytest.mark.parametrize(("count", "seed"), [(0, 0), (-1, 0), (1, -1)])
def test_invalid_numbers_are_refused(tmp_path: Path, count: int, seed: int) -> None:
    with pytest.raises(SettingsError):
        simulate_dataset(tmp_path, count, seed, SMALL)
    assert not list(tmp_path.iterdir())

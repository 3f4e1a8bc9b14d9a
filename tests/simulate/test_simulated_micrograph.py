from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial.distance import pdist

from activepick.errors import SettingsError
from activepick.simulate import PROTEINS, SimulationSettings, simulate_micrograph
from activepick.simulate.ice import carbon_film, coloured_noise
from activepick.simulate.placement import place

SMALL = SimulationSettings(shape=(320, 384))
CLEAN = replace(
    SMALL,
    shape=(448, 512),
    protein="cage",
    crowding=(0.15, 0.15),
    overlap_share=0.0,
    solvent_phase_rad=0.0,
    denatured_mass_per_angstrom2=0.0,
    fragments=0.0,
    aggregates=0.0,
    crystals=0.0,
    ice_gradient=0.0,
    carbon_share=0.0,
    shot_noise=False,
)


def crops(pixels: np.ndarray, truth: np.ndarray, half: int) -> np.ndarray:
    height, width = pixels.shape
    return np.array(
        [
            pixels[row - half : row + half + 1, column - half : column + half + 1]
            for column, row in np.rint(truth).astype(int)
            if half <= row < height - half and half <= column < width - half
        ]
    )


def test_the_seed_determines_the_pixels() -> None:
    first, again = (simulate_micrograph(SMALL, 7, carbon=True) for _ in range(2))
    np.testing.assert_array_equal(first.pixels, again.pixels)
    assert first.truth.equals(again.truth)
    assert len(first.orientations) == len(first.truth)
    assert not np.array_equal(first.pixels, simulate_micrograph(SMALL, 8, carbon=True).pixels)


def test_simulated_micrographs_have_shape_units_and_counts() -> None:
    micrograph = simulate_micrograph(SMALL, 1, carbon=False)
    assert micrograph.pixels.shape == (320, 384)
    assert micrograph.pixels.dtype == np.float32
    assert micrograph.pixel_size_angstrom == 2.0
    np.testing.assert_array_equal(micrograph.pixels, np.rint(micrograph.pixels))
    # 40 e/Å^2 times 4 Å^2, less what is lost in 250 to 600 Å of ice and a few crystals.
    assert 110 < np.median(micrograph.pixels) < 155


@pytest.mark.parametrize("seed", range(3))
def test_darkness_is_centred_on_the_truth(seed: int) -> None:
    micrograph = simulate_micrograph(CLEAN, seed, defocus_um=1.5)
    truth = micrograph.truth[["x", "y"]].to_numpy()
    radius = round(CLEAN.radius_px)
    background = np.median(micrograph.pixels)
    y, x = np.mgrid[: CLEAN.shape[0], : CLEAN.shape[1]]
    checked = 0
    for centre in truth:
        others = np.hypot(*(truth - centre).T)
        distance = np.hypot(x - centre[0], y - centre[1])
        inside = distance <= 1.1 * radius
        # The nearest particle outside the frame, which the truth leaves out, is far enough away.
        inner = (centre > 2.2 * radius) & (centre < np.array(CLEAN.shape[::-1]) - 2.2 * radius)
        if np.sort(others)[1] < 2.5 * radius or not inner.all():
            continue
        dark = np.clip(background - micrograph.pixels, 0, None) * inside
        found = np.array([(dark * x).sum(), (dark * y).sum()]) / dark.sum()
        assert np.hypot(*(found - centre)) < 1.0
        checked += 1
    assert checked


@pytest.mark.parametrize("protein", sorted(PROTEINS))
def test_particles_are_darker_than_their_surroundings(protein: str) -> None:
    settings = SimulationSettings(protein=protein, shape=(512, 512), crystals=0.0)
    micrograph = simulate_micrograph(settings, 2, defocus_um=2.0, carbon=False)
    truth = micrograph.truth[["x", "y"]].to_numpy()
    half = round(settings.radius_px * 0.5)
    at_truth = crops(micrograph.pixels, truth, half).mean()
    rng = np.random.default_rng(0)
    elsewhere = rng.uniform(half, 512 - half, (400, 2))
    far = np.array([np.hypot(*(truth - spot).T).min() > settings.radius_px for spot in elsewhere])
    # The standard error of these means is about 0.3 electrons.
    assert at_truth < crops(micrograph.pixels, elsewhere[far], half).mean() - 1.0


def test_centres_keep_a_margin_from_the_border() -> None:
    for seed in range(4):
        truth = simulate_micrograph(SMALL, seed, carbon=False).truth
        margin = 0.2 * SMALL.diameter_angstrom / SMALL.pixel_size_angstrom - 1
        assert truth["x"].between(margin, 383 - margin).all()
        assert truth["y"].between(margin, 319 - margin).all()


def test_some_particles_overlap_and_none_coincide() -> None:
    truth = simulate_micrograph(SimulationSettings(shape=(512, 512)), 0, carbon=False).truth
    distances = pdist(truth[["x", "y"]].to_numpy()) / SMALL.radius_px
    assert (distances < 1.7).sum() >= 3
    assert distances.min() > 0.79


@pytest.mark.parametrize("seed", range(5, 8))
def test_carbon_is_dark_and_rough_and_has_no_true_particles(seed: int) -> None:
    settings = replace(CLEAN, shape=(512, 512))
    film = simulate_micrograph(settings, seed, carbon=True)
    bare = simulate_micrograph(settings, seed, carbon=False)
    assert film.carbon
    assert not bare.carbon
    # Coarse enough that a single particle does not count as film.
    smooth = ndimage.gaussian_filter(film.pixels, 15)
    dark = smooth < 0.945 * np.median(bare.pixels)
    assert 0.02 < dark.mean() < 0.6
    assert film.pixels[dark].std() > 2 * bare.pixels.std()
    rows, columns = np.rint(film.truth[["y", "x"]].to_numpy()).astype(int).T
    assert len(rows) > 3
    assert not dark[rows, columns].any()


def test_particles_do_not_overlap_the_carbon_film() -> None:
    rng = np.random.default_rng(1)
    film = carbon_film((300, 300), 2.0, rng)
    assert 0 < film.cover.mean() < 1
    assert film.cover[film.clearance_angstrom > 50].max() < 0.01
    assert film.cover[film.clearance_angstrom < -50].min() > 0.99


def test_contaminants_are_dark_and_listed_but_not_true_particles() -> None:
    bare = simulate_micrograph(CLEAN, 3, defocus_um=1.5)
    assert not len(bare.contaminants)
    for kind, settings in (
        ("crystal", replace(CLEAN, crystals=200.0)),
        ("aggregate", replace(CLEAN, aggregates=2.0)),
        ("fragment", replace(CLEAN, fragments=2.0)),
    ):
        dirty = simulate_micrograph(settings, 3, defocus_um=1.5)
        assert dirty.pixels.mean() < bare.pixels.mean()
        assert dirty.truth.equals(bare.truth)
        found = dirty.contaminants
        assert set(found["kind"]) == {kind}
        assert (found[["x", "y"]] >= 0).all(axis=None)
        assert (found["x"] <= CLEAN.shape[1] - 1).all()
        assert (found["y"] <= CLEAN.shape[0] - 1).all()


def test_coloured_noise_is_normalised_and_can_be_smooth() -> None:
    white = coloured_noise((128, 128), 2.0, 0.0, np.random.default_rng(0))
    smooth = coloured_noise((128, 128), 2.0, 20.0, np.random.default_rng(0))
    for noise in (white, smooth):
        assert noise.std() == pytest.approx(1, abs=1e-3)
        assert noise.mean() == pytest.approx(0, abs=1e-3)
    assert np.diff(smooth, axis=0).std() < 0.5 * np.diff(white, axis=0).std()


def test_placing_keeps_a_distance_and_ends_in_a_full_field() -> None:
    allowed = np.ones((100, 100), bool)
    allowed[:, 50:] = False
    spots = place(allowed, 500, 12.0, 0.0, (5.0, 10.0), np.random.default_rng(0))
    assert 10 < len(spots) < 500
    assert pdist(spots).min() >= 12
    assert spots[:, 0].max() < 50


@pytest.mark.parametrize(
    "wrong",
    [
        {"shape": (64, 64)},
        {"pixel_size_angstrom": 20.0},
        {"defocus_um": (2.0, 1.0)},
        {"overlap_share": 1.5},
        {"aggregates": -1.0},
        {"dose_per_angstrom2": 0.0},
        {"protein": "sphinx"},
    ],
)
def test_invalid_settings_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(SettingsError):
        SimulationSettings(**wrong)  # type: ignore[arg-type]

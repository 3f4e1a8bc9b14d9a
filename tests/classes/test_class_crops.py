import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activepick.classes.crops import CropScale, cut_particles, fair_sample, flip_phases
from activepick.micrograph import Micrograph, WorkingImage
from activepick.simulate import SimulationSettings, protein_density, simulate_micrograph, write_mrc
from activepick.simulate.optics import Defocus
from activepick.simulate.projection import project

CLEAN = SimulationSettings(
    protein="trefoil",
    shape=(512, 512),
    crowding=(0.12, 0.12),
    overlap_share=0.0,
    solvent_phase_rad=0.005,
    denatured_mass_per_angstrom2=0.0,
    fragments=0.2,
    aggregates=0.2,
    crystals=0.0,
    carbon_share=0.0,
    dose_per_angstrom2=400.0,
)


@pytest.fixture(scope="module")
def micrograph():
    return simulate_micrograph(CLEAN, 4, defocus_um=4.0, carbon=False)


def test_projections_at_the_true_orientations_correlate_with_the_crops(micrograph, tmp_path):
    path = tmp_path / "one.mrc"
    write_mrc(micrograph, path)
    scale = CropScale(CLEAN.diameter_angstrom, 48)
    xy = micrograph.truth[["x", "y"]].to_numpy()
    half = 0.75 * CLEAN.diameter_angstrom / CLEAN.pixel_size_angstrom
    inside = ((xy > half) & (xy < np.array(CLEAN.shape[::-1]) - half)).all(axis=1)
    flipped = scale.crops(Micrograph(path), xy, 1e4 * micrograph.defocus.mean_um, CLEAN.microscope)
    as_it_is = scale.crops(Micrograph(path), xy)
    density = protein_density(CLEAN.protein)
    likeness = {"flipped": [], "as it is": [], "of another": []}
    rows = np.flatnonzero(inside)
    for row, other in zip(rows, np.roll(rows, 1), strict=True):
        true, false = (
            project(density.rotated(micrograph.orientations[i]), 49, scale.pixel_size_angstrom)
            for i in (row, other)
        )
        middle = np.s_[8:40, 8:40]
        for name, crop, projection in (
            ("flipped", flipped, true),
            ("as it is", as_it_is, true),
            ("of another", flipped, false),
        ):
            both = crop[row][middle].ravel(), projection[:48, :48][middle].ravel()
            likeness[name].append(np.corrcoef(*both)[0, 1])
    means = {name: np.mean(values) for name, values in likeness.items()}
    assert len(rows) >= 3
    assert means["flipped"] > 0.6
    assert means["flipped"] > means["as it is"]
    assert means["flipped"] > means["of another"] + 0.1


def test_flipping_phases_changes_only_reversed_frequencies_and_is_its_own_inverse():
    rng = np.random.default_rng(0)
    image = rng.normal(size=(64, 48)).astype(np.float32)
    optics = Defocus(2.0), CLEAN.microscope
    once = flip_phases(image, 4.0, *optics)
    np.testing.assert_allclose(flip_phases(once, 4.0, *optics), image, atol=1e-5)
    assert np.corrcoef(once.ravel(), image.ravel())[0, 1] < 0.9
    # The mean stays, so that particles stay dark.
    assert once.mean() == pytest.approx(image.mean(), abs=1e-6)


def test_crops_are_centred_bright_and_mirrored_at_the_border():
    pixels = np.random.default_rng(0).normal(0, 0.1, (80, 100)).astype(np.float32)
    pixels[38:43, 28:33] -= 5
    image = WorkingImage(pixels, (160, 200), 5.0)
    inside, border = cut_particles(image, [(60, 80), (4, 154)], 16)
    assert inside.shape == border.shape == (16, 16)
    assert inside[6:11, 6:11].min() > 10 > np.abs(inside[12:, 12:]).max()
    y, x = np.mgrid[-8:8, -8:8]
    background = inside[np.hypot(x, y) > 5]
    assert background.mean() == pytest.approx(0, abs=1e-4)
    assert background.std() == pytest.approx(1, abs=1e-3)
    # The first column of the image is column 6, and its last row is row 10.
    np.testing.assert_array_equal(border[:, 0:6], border[:, 12:6:-1])
    np.testing.assert_array_equal(border[11:16], border[9:4:-1])


@settings(max_examples=30, deadline=None)
@given(
    sizes=st.lists(st.integers(0, 60), min_size=1, max_size=8),
    count=st.integers(1, 120),
    seed=st.integers(0, 9),
)
def test_a_sample_is_spread_over_micrographs_and_scores(sizes, count, seed):
    groups = np.repeat(np.arange(len(sizes)), sizes)
    score = np.random.default_rng(seed).normal(size=len(groups))
    rows = fair_sample(groups, score, count)
    assert len(rows) == min(count, len(groups))
    assert (np.diff(rows) > 0).all()
    if len(groups) > count:
        expected = count * np.array(sizes) / len(groups)
        got = np.bincount(groups[rows], minlength=len(sizes))
        assert (np.abs(got - expected) <= 1).all()
        for number, size in enumerate(sizes):
            own = score[rows[groups[rows] == number]]
            if len(own) > 10:  # as many from the better half as from the worse one
                better = (own > np.median(score[groups == number])).mean()
                assert 0.3 < better < 0.7, size

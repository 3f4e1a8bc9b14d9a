import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from activepick.errors import SettingsError
from activepick.simulate.densities import Density, symmetry_rotations
from activepick.simulate.projection import add_projection, project
from activepick.simulate.proteins import PROTEINS, protein_density


@pytest.fixture(params=sorted(PROTEINS))
def density(request: pytest.FixtureRequest) -> Density:
    return protein_density(request.param)


def points_in(density: Density, count: int = 60) -> np.ndarray:
    rng = np.random.default_rng(3)
    return rng.normal(scale=density.diameter_angstrom / 5, size=(count, 3))


def test_at_least_three_proteins_have_symmetry() -> None:
    symmetries = {protein_density(name).symmetry for name in PROTEINS} - {"C1"}
    assert len(symmetries) >= 3


@pytest.mark.parametrize(("symmetry", "order"), [("C1", 1), ("C3", 3), ("D7", 14), ("O", 24)])
def test_each_group_has_its_order(symmetry: str, order: int) -> None:
    assert len(symmetry_rotations(symmetry)) == order


def test_every_symmetry_operator_leaves_the_density_unchanged(density: Density) -> None:
    points = points_in(density)
    expected = density.potential(points)
    assert expected.max() > 0.1
    for rotation in symmetry_rotations(density.symmetry):
        np.testing.assert_allclose(density.rotated(rotation).potential(points), expected, rtol=1e-9)


def test_another_rotation_changes_the_density(density: Density) -> None:
    points = points_in(density)
    turned = density.rotated(Rotation.from_euler("z", 0.2)).potential(points)
    assert np.abs(turned - density.potential(points)).max() > 0.01


@pytest.mark.parametrize(("protein", "fold"), [("barrel", 7), ("cage", 4), ("trefoil", 3)])
def test_a_projection_along_an_axis_has_its_symmetry(protein: str, fold: int) -> None:
    density = protein_density(protein)
    image = project(density, 81, 2.0)
    turned = density.rotated(Rotation.from_euler("z", 2 * np.pi / fold))
    np.testing.assert_allclose(project(turned, 81, 2.0), image, atol=1e-3 * image.max())
    half = density.rotated(Rotation.from_euler("z", np.pi / fold))
    assert np.abs(project(half, 81, 2.0) - image).max() > 0.05 * image.max()


def test_a_projection_is_the_integral_along_the_beam(density: Density) -> None:
    turned = density.rotated(Rotation.from_euler("zyx", [0.4, 1.1, -0.3]))
    image = project(turned, 61, 4.0)
    z = np.arange(-170.0, 171.0, 4.0)
    for row, column in [(30, 30), (25, 36), (38, 22)]:
        points = np.zeros((len(z), 3))
        points[:, 0] = (column - 30) * 4.0
        points[:, 1] = (row - 30) * 4.0
        points[:, 2] = z
        assert image[row, column] == pytest.approx(turned.potential(points).sum() * 4.0, rel=1e-3)


def test_a_projection_keeps_the_mass_and_the_diameter(density: Density) -> None:
    image = project(density.rotated(Rotation.from_euler("x", 0.7)), 161, 2.0)
    assert image.sum() * 4.0 == pytest.approx(density.weights.sum(), rel=1e-3)
    y, x = np.mgrid[-80:81, -80:81] * 2.0
    inside = np.hypot(x, y) <= density.diameter_angstrom / 2
    assert image[inside].sum() > 0.97 * image.sum()


def test_a_projection_at_the_border_is_cut_off() -> None:
    density = protein_density("cage")
    whole = np.zeros((100, 100), np.float32)
    add_projection(whole, density, 20.0, 95.5, 2.0)
    corner = np.zeros((30, 60), np.float32)
    add_projection(corner, density, 20.0 - 10, 95.5 - 70, 2.0)
    np.testing.assert_allclose(corner, whole[70:, 10:70], atol=1e-4)
    outside = np.zeros((30, 30), np.float32)
    add_projection(outside, density, 500.0, 500.0, 2.0)
    assert not outside.any()


def test_a_fragment_is_centred_on_its_centre_of_mass() -> None:
    density = protein_density("globule")
    part = density.part(density.centres_angstrom[:, 0] > 20)
    assert 0 < part.weights.sum() < density.weights.sum()
    np.testing.assert_allclose(part.weights @ part.centres_angstrom, 0, atol=1e-6)


def test_an_unknown_protein_is_refused_with_a_list_of_names() -> None:
    with pytest.raises(SettingsError, match=r"'sphinx'.*barrel"):
        protein_density("sphinx")

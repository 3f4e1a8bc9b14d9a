import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activepick.errors import SettingsError
from activepick.simulate import PROTEINS, protein_density
from activepick.simulate.densities import (
    EXTENT_SIGMAS,
    POTENTIAL_PER_DALTON,
    symmetry_rotations,
)
from activepick.simulate.random_protein import FAMILIES


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6))
def test_random_proteins_are_symmetric_and_large_enough(number):
    density = protein_density(f"random-{number}")
    family = list(FAMILIES)[number % len(FAMILIES)]
    assert density.symmetry in FAMILIES[family]
    mass = density.weights.sum() / POTENTIAL_PER_DALTON
    assert 99e3 < mass < 10e6
    distance = np.linalg.norm(density.centres_angstrom, axis=1)
    reach = distance + EXTENT_SIGMAS * density.sigmas_angstrom
    assert reach.max() == pytest.approx(density.diameter_angstrom / 2)
    points = np.random.default_rng(1).normal(scale=density.diameter_angstrom / 5, size=(20, 3))
    expected = density.potential(points)
    for rotation in symmetry_rotations(density.symmetry):
        turned = density.rotated(rotation).potential(points)
        np.testing.assert_allclose(turned, expected, rtol=1e-6, atol=1e-12)


def test_the_number_determines_the_protein():
    first, again, other = (protein_density(f"random-{n}") for n in (8, 8, 12))
    assert np.array_equal(first.centres_angstrom, again.centres_angstrom)
    assert np.array_equal(first.weights, again.weights)
    assert first.diameter_angstrom != other.diameter_angstrom


def test_no_random_protein_has_the_symmetry_of_those_that_learning_is_evaluated_on():
    drawn = {group for groups in FAMILIES.values() for group in groups}
    evaluated = {protein_density(name).symmetry for name in ("barrel", "cage", "globule")} | {"C4"}
    assert not drawn & evaluated
    assert evaluated == {"D7", "O", "D2", "C4"}


@pytest.mark.parametrize("name", ["random", "random-", "random-x", "random--1", "random-²"])
def test_other_names_are_refused(name):
    with pytest.raises(SettingsError, match="random-N"):
        protein_density(name)
    assert name not in PROTEINS

from dataclasses import replace

import numpy as np
import pytest
from safetensors import safe_open

from activepick.features.feature_spec import FeatureSpec
from activepick.features.orientations import DEFAULT_ORIENTATIONS
from activepick.learning.head import Head
from activepick.learning.simulated_prior import SHIPPED, save_directions, with_simulated_prior
from activepick.simulate import PROTEINS, protein_density


@pytest.fixture
def head():
    spec = FeatureSpec(
        "resnet16_u64", "b7b9992c91fed742", (10.0, 20.0), 4, "affine", DEFAULT_ORIENTATIONS
    )
    return Head(np.zeros((2, 256)), 0.0, spec)


def test_directions_do_not_change_a_pretrained_head(head):
    given = with_simulated_prior(head)
    assert given.directions is not None
    assert given.directions.shape[1:] == head.weights.shape
    assert np.isfinite(given.directions).all()
    assert given.weights is head.weights
    assert given.bias == head.bias


def test_the_evaluated_protein_is_left_out_of_the_prior(head):
    everything = with_simulated_prior(head).directions
    with safe_open(SHIPPED, framework="numpy") as file:
        names = list(file.keys())
        rows = file.get_tensor(names[0])
    without = with_simulated_prior(head, [names[0]]).directions
    assert len(without) < len(everything)
    assert len(everything) == len(without) + len(rows)
    for one in rows:
        assert (np.abs(without - one).max(axis=(1, 2)) > 1e-3).all()
    assert with_simulated_prior(head, names).directions is None


def test_the_shipped_directions_are_of_random_proteins_only():
    with safe_open(SHIPPED, framework="numpy") as file:
        names = set(file.keys())
    assert len(names) >= 50
    assert not names & set(PROTEINS)
    for name in names:
        assert protein_density(name).symmetry not in {"D2", "D7", "C4", "O", "I"}


@pytest.mark.parametrize(
    "changes",
    [
        {"digest": "of another network"},
        {"stride": 1},
        {"orientations": 1},
        {"normalisation": "gmm"},
    ],
)
def test_other_features_have_no_directions(head, changes):
    other = replace(head, spec=replace(head.spec, **changes))
    assert with_simulated_prior(other) is other


def test_the_file_of_directions_is_loaded_unchanged(head, tmp_path):
    rows = np.random.default_rng(0).standard_normal((2, 2, 256))
    save_directions({"cage": rows}, head.spec, tmp_path / "prior.safetensors")
    with safe_open(tmp_path / "prior.safetensors", framework="numpy") as file:
        assert np.allclose(file.get_tensor("cage"), rows, atol=1e-6)

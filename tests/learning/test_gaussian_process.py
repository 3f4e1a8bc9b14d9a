import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from activepick.learning.gaussian_process import left_out_probabilities


def clusters(seed, count=20):
    """Return features and targets of two clusters that overlap little."""
    rng = np.random.default_rng(seed)
    targets = np.arange(count) % 2.0
    return rng.standard_normal((count, 8)) + 3 * targets[:, None], targets


@given(st.integers(0, 2**32 - 1), st.integers(0, 19))
def test_the_target_of_a_label_does_not_change_its_own_prediction(seed, label):
    features, targets = clusters(seed)
    weights = np.random.default_rng(seed).uniform(0.1, 1, len(targets))
    before = left_out_probabilities(features, targets, weights)
    targets[label] = 1 - targets[label]
    after = left_out_probabilities(features, targets, weights)
    assert after[label] == pytest.approx(before[label], abs=1e-9)
    assert not np.allclose(after, before)


@given(st.integers(0, 2**32 - 1))
def test_wrong_labels_are_contradicted(seed):
    features, truth = clusters(seed)
    targets = truth.copy()
    targets[:2] = 1 - targets[:2]
    found = left_out_probabilities(features, targets, np.ones(len(targets)))
    assert ((found > 0.5) == truth).mean() >= 0.9
    scaled = left_out_probabilities(1000 * features, targets, np.ones(len(targets)))
    assert np.allclose(scaled, found)


def test_a_label_of_small_weight_contradicts_little():
    features, targets = np.zeros((2, 3)), np.array([1.0, 0.0])
    full, small = (left_out_probabilities(features, targets, np.full(2, w)) for w in (1.0, 0.01))
    assert full[0] < small[0] < 0.5 < small[1] < full[1]


def test_identical_labels_predict_each_other():
    found = left_out_probabilities(np.ones((3, 4)), np.ones(3), np.ones(3))
    assert (found > 0.7).all()


def test_a_single_label_has_no_prediction():
    assert left_out_probabilities(np.ones((1, 4)), np.ones(1), np.ones(1)) == pytest.approx([0.5])


def test_many_labels_are_predicted_in_groups():
    features, targets = clusters(0, 2500)
    found = left_out_probabilities(features, targets, np.ones(len(targets)))
    assert ((found > 0.5) == targets).mean() > 0.99
    # Labels of other groups have no influence.
    targets[1::3] = 1 - targets[1::3]
    again = left_out_probabilities(features, targets, np.ones(len(targets)))
    assert np.array_equal(again[::3], found[::3])
    assert ((again > 0.5) == targets)[1::3].mean() > 0.99

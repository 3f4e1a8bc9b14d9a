import numpy as np
import pytest

from activepick.errors import HeadError
from activepick.features.feature_spec import FeatureSpec
from activepick.learning.head import Head
from activepick.learning.multinomial import fit_classes
from activepick.picking.prune import accuracy_and_macro_f1, adapt_to_shares, particle_scores

NAMES = np.array(["particle", "contamination", "empty"])


def flat(features=4):
    spec = FeatureSpec("b", "d", (10.0,), 4, "affine")
    return Head(np.zeros((1, features)), 0.0, spec)


def sample(counts, seed=0, spread=1.0):
    rng = np.random.default_rng(seed)
    index = np.repeat(np.arange(len(counts)), counts)
    return 2 * np.eye(4)[index] + spread * rng.standard_normal((len(index), 4)), index


def test_three_classes_are_distinguished_and_probabilities_sum_to_one():
    x, index = sample([40, 40, 40])
    head = fit_classes(flat(), x[:, None], list(NAMES[index]), l2=0.1)
    assert head.classes == ("particle", "contamination", "empty")
    fresh, truth = sample([200, 200, 200], seed=1)
    probability = head.probabilities(fresh)
    assert np.allclose(probability.sum(axis=1), 1)
    assert (probability.argmax(axis=1) == truth).mean() > 0.75


def test_classes_have_equal_weight_whatever_their_number_of_labels():
    x, index = sample([300, 10])
    head = fit_classes(flat(), x[:, None], list(NAMES[index]), l2=0.01)
    fresh, truth = sample([500, 500], seed=1)
    guessed = head.probabilities(fresh).argmax(axis=1)
    assert abs((guessed == 0).mean() - 0.5) < 0.1
    assert (guessed == truth).mean() > 0.8


def test_without_evidence_the_weights_of_the_particle_stay_pretrained():
    pretrained = Head(np.array([[1.0, -2.0, 0.0, 3.0]]), 0.5, flat().spec)
    x, index = sample([10, 10])
    head = fit_classes(pretrained, x[:, None], list(NAMES[index]), l2=1e6)
    assert np.allclose(head.weights[0] - head.weights[1], pretrained.weights[0], atol=1e-3)


@pytest.mark.parametrize("names", [["particle"] * 4, ["empty"] * 4])
def test_a_single_class_is_refused(names):
    with pytest.raises(HeadError, match="at least one other class"):
        fit_classes(flat(), np.zeros((4, 1, 4)), names)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.85])
def test_the_shares_of_classes_are_estimated_from_the_picks(share):
    x, index = sample([400, 400])
    head = fit_classes(flat(), x[:, None], list(NAMES[index]), l2=0.1)
    fresh, truth = sample([round(2000 * share), round(2000 * (1 - share))], seed=1)
    equal = head.probabilities(fresh)
    adapted = adapt_to_shares(equal)
    assert np.allclose(adapted.sum(axis=1), 1)
    assert abs(adapted[:, 0].mean() - share) < 0.06
    before, after = (
        accuracy_and_macro_f1(particle_scores(p), truth == 0)[0] for p in (equal, adapted)
    )
    assert after > before - 0.01


def test_accuracy_and_macro_f1_of_a_worked_example():
    scores = np.array([2.0, 1.0, -1.0, -2.0, 3.0])
    right = np.array([True, True, True, False, False])
    accuracy, f1 = accuracy_and_macro_f1(scores, right)
    assert accuracy == pytest.approx(3 / 5)
    assert f1 == pytest.approx((2 * 2 / 6 + 2 * 1 / 4) / 2)

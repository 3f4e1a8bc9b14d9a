import numpy as np
import pytest
from scipy.special import expit
from test_queries import RADIUS, learner

from activepick.errors import TableError
from activepick.learning.fit import HeadFit
from activepick.learning.learner import Learner, LearnerSettings


def scores_at(one, index, xy):
    head = one.head
    return one.micrographs[index].at(xy) @ head.weights.ravel() + head.bias


def test_the_head_fits_the_labels_and_records_their_number():
    one = learner()
    one.settings = LearnerSettings(fit=HeadFit(l2=0.1, pi_weight=0))
    before = one.head
    rng = np.random.default_rng(1)
    xy = rng.uniform(40, 300, (30, 2))
    wanted = (one.micrographs[0].at(xy)[:, 0] > 0).astype(float)
    one.add(0, xy, wanted)
    one.refit()
    assert (one.head.particles, one.head.others) == (wanted.sum(), 30 - wanted.sum())
    agreed = (scores_at(one, 0, xy) > 0) == wanted
    assert agreed.mean() > 0.8
    assert one.head.spec == before.spec
    assert one.refit_seconds > 0


def test_the_weight_of_a_label_does_not_depend_on_the_size_of_its_disc():
    heads = []
    for radius in (1e-6, 0.001):
        one = learner()
        one.settings = LearnerSettings(label_radius=radius)
        one.add(0, [[100.0, 100.0], [200.0, 150.0]], [1, 0])
        heads.append(one.refit())
    assert np.allclose(heads[0].weights, heads[1].weights, atol=1e-2)


def test_labels_with_less_weight_change_the_head_less():
    at, away = [[120.0, 130.0]], [[60.0, 250.0], [220.0, 70.0], [300.0, 200.0]]
    scores = []
    for weights in (None, 0.25, [0.5], 1.0):
        one = learner()
        one.settings = LearnerSettings(fit=HeadFit(l2=0.1, pi_weight=0))
        one.add(1, away, [1, 0, 1])
        if weights is not None:
            one.add(0, at, [0], weights)
        one.refit()
        scores.append(float(scores_at(one, 0, at)[0]))
    assert scores == sorted(scores, reverse=True)
    assert len(set(scores)) == 4


@pytest.mark.parametrize("answers", [[1, 1, 1], [0, 0, 0], [1, 0, 1]])
def test_few_duplicate_and_contradicting_labels_give_a_finite_head(answers):
    one = learner()
    one.add(0, [[100.0, 100.0]] * 3, answers)
    one.add(1, [[0.0, 0.0], [419.0, 359.0]], answers[:2])
    head = one.refit()
    assert np.isfinite(head.weights).all()
    assert np.isfinite(head.bias)
    probability = expit(one.score_map(0).values)
    assert np.isfinite(probability).all()


def test_without_labels_the_head_is_the_initial_one():
    one = learner()
    assert one.refit() is one.pretrained
    zero = learner()
    zero.settings = LearnerSettings(fit=HeadFit(start="zero"))
    assert not zero.refit().weights.any()


def test_a_warm_start_reaches_the_same_optimum_as_a_cold_start():
    xy = np.random.default_rng(0).uniform(RADIUS, 300, (20, 2))
    answers = np.tile([1, 0], 10)
    warm, cold = learner(), learner()
    for k in range(0, 20, 5):
        warm.add(0, xy[k : k + 5], answers[k : k + 5])
        warm.refit()
    cold.add(0, xy, answers)
    cold.refit()
    assert np.allclose(warm.head.weights, cold.head.weights, atol=1e-2)


def test_a_label_that_is_given_twice_counts_once():
    rng = np.random.default_rng(0)
    xy, targets = rng.uniform(RADIUS, 300, (12, 2)), np.tile([1.0, 0.0], 6)
    once, twice = learner(), learner()
    once.add(0, xy, targets)
    twice.add(0, xy[::-1], targets[::-1])
    twice.add(0, xy[:5], targets[:5])
    assert np.array_equal(once.refit().weights, twice.refit().weights)
    assert (twice.head.particles, twice.head.others) == (6, 6)
    assert np.allclose(once.posterior().covariance, twice.posterior().covariance)


def test_contradicting_labels_at_a_position_both_count():
    one = learner()
    one.add(0, [[100.0, 100.0], [100.0, 100.0]], [1, 0])
    head = one.refit()
    assert (head.particles, head.others) == (1, 1)


@pytest.mark.parametrize("xy", [(-1.0, 5.0), (5.0, 360.0), (420.0, 5.0), (np.nan, 5.0)])
def test_labels_outside_the_image_are_refused(xy):
    one = learner()
    with pytest.raises(TableError, match=r"m1.*outside of the image of 420 x 360 pixels"):
        one.add(1, [(10.0, 10.0), xy], [1, 0])
    assert not len(one.labels[1])
    one.add(1, [(-0.5, -0.5), (419.5, 359.5)], [1, 0])
    assert np.isfinite(one.refit().weights).all()


def test_the_head_depends_on_the_labels_and_not_on_their_order():
    rng = np.random.default_rng(0)
    xy, targets = rng.uniform(RADIUS, 300, (10, 2)), np.tile([1.0, 0.0], 5)
    one = learner()
    one.add(0, xy, targets)
    one.add(1, xy, 1 - targets)
    pair = learner()
    swapped = Learner(pair.micrographs[::-1], pair.pretrained)
    for k in rng.permutation(10):
        swapped.add(0, xy[k], 1 - targets[k : k + 1])
        swapped.add(1, xy[k], targets[k : k + 1])
    assert np.array_equal(one.refit().weights, swapped.refit().weights)

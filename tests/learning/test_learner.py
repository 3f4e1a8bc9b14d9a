import numpy as np
import pytest
from scipy.special import expit
from test_queries import RADIUS, learner

from activepick.learning.fit import HeadFit
from activepick.learning.learner import LearnerSettings


def scores_at(one, index, xy):
    head = one.head
    return one.micrographs[index].at(xy) @ head.weights.ravel() + head.bias


def test_head_follows_the_labels_and_counts_them():
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


def test_a_label_counts_as_one_however_large_its_disc():
    heads = []
    for radius in (1e-6, 0.001):
        one = learner()
        one.settings = LearnerSettings(label_radius=radius)
        one.add(0, [[100.0, 100.0], [200.0, 150.0]], [1, 0])
        heads.append(one.refit())
    assert np.allclose(heads[0].weights, heads[1].weights, atol=1e-2)


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


def test_without_labels_the_head_is_the_first_one():
    one = learner()
    assert one.refit() is one.pretrained
    zero = learner()
    zero.settings = LearnerSettings(fit=HeadFit(start="zero"))
    assert not zero.refit().weights.any()


def test_warm_start_reaches_the_optimum_of_a_cold_one():
    xy = np.random.default_rng(0).uniform(RADIUS, 300, (20, 2))
    answers = np.tile([1, 0], 10)
    warm, cold = learner(), learner()
    for k in range(0, 20, 5):
        warm.add(0, xy[k : k + 5], answers[k : k + 5])
        warm.refit()
    cold.add(0, xy, answers)
    cold.refit()
    assert np.allclose(warm.head.weights, cold.head.weights, atol=1e-2)

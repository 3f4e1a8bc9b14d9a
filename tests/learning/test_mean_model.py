from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit
from test_queries import learner

from activepick.learning.learner import LearnerSettings
from activepick.learning.strategies.mean_model import kl_divergence


def teach(one, rounds=4):
    rng = np.random.default_rng(0)
    for _ in range(rounds):
        xy = rng.uniform(40, 320, (6, 2))
        one.add(0, xy, (one.micrographs[0].at(xy)[:, 0] > 0).astype(float))
        one.refit()
    return one


def test_the_kl_divergence_is_zero_for_equal_predictions_and_grows_with_their_difference():
    z = np.linspace(-30, 30, 13)
    assert np.allclose(kl_divergence(z, z), 0)
    assert (np.diff(kl_divergence(np.zeros(20), np.linspace(0, 10, 20))) > 0).all()
    p, q = expit(1.0), expit(-0.5)
    exact = p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q))
    assert kl_divergence(np.array([1.0]), np.array([-0.5]))[0] == pytest.approx(exact)
    assert np.isfinite(kl_divergence(np.array([900.0]), np.array([-900.0]))).all()


def test_the_mean_model_follows_the_head_over_refits():
    one = teach(learner(), rounds=1)
    far = np.abs(one.head.mean[0] - one.head.weights).max()
    assert far > 0
    for _ in range(30):
        one.refit()
    assert np.abs(one.head.mean[0] - one.head.weights).max() < 0.01 * far + 1e-3


@pytest.mark.parametrize("loss", ["cross-entropy", "logits"])
def test_the_regulariser_draws_predictions_to_those_of_the_mean_model(loss):
    distances = []
    for weight in (0.0, 200.0):
        one = learner()
        one.settings = LearnerSettings(consistency_unlabelled=weight, consistency_loss=loss)
        teach(one)
        before = one.head.mean
        xy = np.random.default_rng(9).uniform(40, 320, (6, 2))
        one.add(0, xy, (one.micrographs[0].at(xy)[:, 0] < 0).astype(float))
        head = one.refit()
        rows = one.micrographs[0].at(np.random.default_rng(8).uniform(0, 340, (200, 2)))
        scores, means = (rows @ w.ravel() + b for w, b in ((head.weights, head.bias), before))
        distances.append(kl_divergence(scores, means).mean())
    assert distances[1] < 0.7 * distances[0]


def test_queries_are_where_head_and_mean_model_disagree():
    one = teach(learner())

    def disagreement(queries):
        rows = np.concatenate([one.micrographs[q.micrograph].at([(q.x, q.y)]) for q in queries])
        mean_scores = rows @ one.head.mean[0].ravel() + one.head.mean[1]
        return kl_divergence(np.array([q.score for q in queries]), mean_scores).mean()

    asked = one.ask(6, "mean-queries", np.random.default_rng(0))
    assert disagreement(asked) > disagreement(one.ask(10_000, "top"))


def test_without_a_mean_model_queries_are_where_the_head_is_uncertain():
    one = learner()
    one.head = replace(one.head, mean=None)
    asked = one.ask(5, "mean-queries", np.random.default_rng(0))
    assert set(asked) <= set(one.ask(20, "uncertain"))

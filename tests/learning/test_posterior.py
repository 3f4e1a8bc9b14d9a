from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit
from test_queries import learner

from activepick.learning.fit import HeadFit
from activepick.learning.learner import LearnerSettings
from activepick.learning.loss import HeadLoss
from activepick.learning.posterior import laplace, left_out_scores, moderated
from activepick.learning.strategies.information import mutual_information


def taught(labels=24, seed=3, **settings):
    one = learner(seed=seed)
    one.settings = LearnerSettings(fit=HeadFit(**{"l2": 0.5, "solver": "bfgs", **settings}))
    rng = np.random.default_rng(seed)
    for index in range(2):
        xy = rng.uniform(40, 320, (labels // 2, 2))
        chance = expit(2 * one.micrographs[index].at(xy)[:, 0])
        one.add(index, xy, (rng.uniform(size=len(xy)) < chance).astype(float))
    one.refit()
    return one


def test_the_precision_is_the_curvature_of_the_loss():
    one = taught(pi_weight=0)
    rows, fit = one.rows(), one.settings.fit
    n, per_label, features = rows.shape
    loss = HeadLoss(
        x=rows.reshape(-1, features),
        y=np.repeat(np.concatenate(one.targets), per_label),
        v=np.full(n * per_label, 1 / per_label),
        unlabelled=np.empty((0, features)),
        mean=one.pretrained.weights.ravel(),
        l2=fit.prior(features, None, n)[0],
        pi=fit.pi,
        pi_weight=0,
    )
    at = np.append(one.head.weights.ravel(), one.head.bias)
    step = 1e-5
    curvature = n * np.array(
        [
            (loss(at + step * e)[1] - loss(at - step * e)[1]) / (2 * step)
            for e in np.eye(features + 1)
        ]
    )
    curvature[-1, -1] += 1e-3
    x = np.random.default_rng(0).standard_normal((7, features))
    full = np.column_stack([x, np.ones(7)])
    expected = np.einsum("ij,jk,ik->i", full, np.linalg.inv(curvature), full)
    assert np.allclose(one.posterior().variance(x), expected, rtol=1e-4)


def test_steps_along_the_directions_of_the_prior_are_cheaper():
    one = taught(pi_weight=0)
    features = one.pretrained.weights.size
    direction = np.zeros((1, *one.pretrained.weights.shape))
    direction.flat[1] = 1.0
    one.pretrained = replace(one.pretrained, directions=direction)
    fit = HeadFit(directions_l2=0.1, besides_l2=2.0, pi_weight=0, caution=0)
    one.settings = LearnerSettings(fit=fit)
    head = one.refit()
    assert head.weights.flat[1] != one.pretrained.weights.flat[1]
    centre = one.rows().reshape(-1, features)
    s = expit(centre @ head.weights.ravel() + head.bias)
    full = np.column_stack([centre, np.ones(len(centre))])
    covariance = np.diag(np.append(np.full(features, 1 / 2.0), 1e3))
    covariance[1, 1] += 1 / 0.1
    per_label = one.rows().shape[1]
    precision = np.linalg.inv(covariance) + (full.T * (s * (1 - s) / per_label)) @ full
    expected = np.einsum("ij,jk,ik->i", full, np.linalg.inv(precision), full)
    assert np.allclose(one.posterior().variance(centre), expected, rtol=1e-5)


def test_left_out_scores_are_about_those_of_a_head_without_the_label():
    one = taught(labels=30, pi_weight=0)
    predicted = left_out_scores(one.head, one.posterior(), one.rows(), np.concatenate(one.targets))
    rows, targets = one.rows(), np.concatenate(one.targets)
    actual = []
    for k in range(len(targets)):
        rest = np.arange(len(targets)) != k
        fit = HeadFit(l2=0.5, pi_weight=0, solver="bfgs").fit(
            rows[rest].reshape(-1, rows.shape[2]),
            np.repeat(targets[rest], rows.shape[1]),
            np.full(rest.sum() * rows.shape[1], 1 / rows.shape[1]),
            pretrained=(one.pretrained.weights.ravel(), one.pretrained.bias),
        )
        actual.append(rows[k].mean(axis=0) @ fit.weights_ + fit.bias_)
    fitted = rows.mean(axis=1) @ one.head.weights.ravel() + one.head.bias
    assert np.abs(predicted - actual).mean() < 0.35 * np.abs(fitted - actual).mean()


def test_labels_make_sure_and_what_is_unlike_them_stays_unsure():
    few, many = taught(labels=6, pi_weight=0), taught(labels=60, pi_weight=0)
    x = many.micrographs[0].at(np.random.default_rng(1).uniform(40, 320, (50, 2)))
    assert (many.posterior().variance(x) < few.posterior().variance(x)).mean() > 0.9
    assert many.posterior().variance(10 * x).mean() > many.posterior().variance(x).mean()


def test_without_labels_only_the_prior_is_left():
    one = learner()
    one.settings = LearnerSettings(fit=HeadFit(l2=2.0, pi_weight=0, caution=0))
    x = np.eye(5)
    posterior = laplace(one.head, one.settings.fit, one.rows(), np.empty((0, 5)))
    assert np.allclose(posterior.variance(x) - posterior.variance(np.zeros((5, 5))), 1 / 2.0)


@pytest.mark.parametrize("variance", [0.0, 0.5, 4.0])
def test_moderated_scores_are_the_expected_probability(variance):
    scores = np.linspace(-4, 4, 9)
    draws = np.random.default_rng(0).standard_normal(200_000)
    exact = [expit(z + np.sqrt(variance) * draws).mean() for z in scores]
    assert np.allclose(expit(moderated(scores, np.full(9, variance))), exact, atol=0.02)


def test_information_is_what_the_answer_tells_about_the_head():
    draws = np.random.default_rng(0).standard_normal(100_000)
    for z, v in ((0.0, 1.0), (1.0, 2.0), (-2.0, 3.0), (0.0, 0.0)):
        p = expit(z + np.sqrt(v) * draws)
        h = lambda q: -q * np.log(q) - (1 - q) * np.log1p(-q)  # noqa: E731
        exact = h(p.mean()) - h(np.clip(p, 1e-12, 1 - 1e-12)).mean()
        assert mutual_information(np.array([z]), np.array([v]))[0] == pytest.approx(exact, abs=0.03)

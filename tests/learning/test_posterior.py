from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit, log_expit, logit
from test_queries import learner

from activepick.learning.fit import HeadFit
from activepick.learning.learner import LearnerSettings
from activepick.learning.one_sided import adjust_fit, stand_in_weights
from activepick.learning.posterior import left_out_scores
from activepick.learning.uncertainty import moderated, mutual_information


def taught(labels=24, seed=3, kind="both", directions=False, learning=None, weight=1.0, **settings):
    """A learner with labels of both classes or one of them, the first half with a weight."""
    one = learner(seed=seed)
    fit = HeadFit(**{"l2": 0.5, "solver": "bfgs", **settings})
    one.settings = LearnerSettings(fit=fit, **(learning or {}))
    rng = np.random.default_rng(seed)
    if directions:
        ways = rng.standard_normal((3, *one.pretrained.weights.shape))
        one.pretrained = replace(one.pretrained, directions=ways)
    for index in range(2):
        xy = rng.uniform(40, 320, (labels // 2, 2))
        chance = expit(2 * one.micrographs[index].at(xy)[:, 0])
        answers = (rng.uniform(size=len(xy)) < chance).astype(float)
        targets = {"both": answers, "particles": 1 + 0 * answers, "others": 0 * answers}[kind]
        one.add(index, xy, targets, weight if index == 0 else 1.0)
    one.refit()
    return one


def terms(one, w, b):
    """All terms of the loss that was minimised, written down one by one, times n."""
    examples, first = one.examples(), one.pretrained
    targets, settings = examples.targets, one.settings
    share = expit(examples.unlabelled @ first.weights.ravel() + first.bias).mean()
    particles, others = examples.weights @ targets, examples.weights @ (1 - targets)
    fit = adjust_fit(settings.fit, particles, others, lambda: share)
    total, counted = 0.0, particles + others

    def cross_entropy(x, y, v):
        z = x @ w + b
        return -(v * (y * log_expit(z) + (1 - y) * log_expit(-z))).sum()

    pixels = examples.features.reshape(-1, len(w))
    per_label = examples.features.shape[1]
    weights = np.repeat(examples.weights, per_label) / per_label
    total += cross_entropy(pixels, np.repeat(targets, per_label), weights)
    # The mean at the time of the refit, of which the head kept 0.7 (see `_DECAY`).
    mean = (one.head.mean[0].ravel() - 0.3 * one.head.weights.ravel()) / 0.7
    mean_bias = (one.head.mean[1] - 0.3 * one.head.bias) / 0.7
    for x, weight in (
        (pixels, settings.consistency),
        (examples.unlabelled, settings.consistency_unlabelled),
    ):
        drawn = x @ mean + mean_bias
        if weight and settings.consistency_loss == "logits":
            total += weight / 2 * ((x @ w + b - drawn) ** 2).mean()
        elif weight:
            total += weight / len(x) * cross_entropy(x, expit(drawn), 1.0)
    if examples.stand_ins is not None:
        weights, target = stand_in_weights(first, examples.stand_ins, particles, others)
        total += cross_entropy(examples.stand_ins, target, weights)
        counted += weights.sum()
    held = 1 + (fit.caution / max(counted, 5)) ** 2
    covariance = np.eye(len(w)) / (held * fit.l2)
    if first.directions is not None:
        d = first.directions.reshape(-1, len(w))
        covariance += d.T @ d / (held * len(d) * fit.directions_l2)
    away = w - first.weights.ravel()
    total += 0.5 * away @ np.linalg.solve(covariance, away)
    p = expit(examples.unlabelled @ w + b).mean()
    return total + fit.pi_weight_for(counted) * (logit(p) - logit(fit.pi)) ** 2


def numerical(f, at, step=1e-4):
    """Gradient and Hessian by central differences."""
    eye = step * np.eye(len(at))
    gradient = np.array([(f(at + e) - f(at - e)) / (2 * step) for e in eye])
    hessian = [
        [
            (f(at + a + c) - f(at + a - c) - f(at - a + c) + f(at - a - c)) / (4 * step**2)
            for c in eye
        ]
        for a in eye
    ]
    return gradient, np.array(hessian)


CONSISTENT = {"consistency": 5.0, "consistency_unlabelled": 5.0}
LOGITS = {**CONSISTENT, "consistency_loss": "logits"}


@pytest.mark.parametrize(
    "learning", [{}, CONSISTENT, LOGITS], ids=["plain", "consistency", "logits"]
)
@pytest.mark.parametrize("directions", [False, True], ids=["isotropic", "directions"])
@pytest.mark.parametrize("kind", ["both", "particles", "others"])
@pytest.mark.parametrize(("labels", "weight"), [(8, 1.0), (40, 0.25)])
def test_the_posterior_precision_is_the_hessian_of_the_loss(
    labels, weight, kind, directions, learning
):
    one = taught(labels, kind=kind, directions=directions, learning=learning, weight=weight)
    at = np.append(one.head.weights.ravel(), one.head.bias)
    gradient, hessian = numerical(lambda at: terms(one, at[:-1], at[-1]), at)
    assert np.abs(gradient).max() < 1e-2  # it is the loss that was minimised
    hessian[-1, -1] += 1e-3
    x = np.random.default_rng(0).standard_normal((7, len(at) - 1))
    full = np.column_stack([x, np.ones(7)])
    expected = np.einsum("ij,jk,ik->i", full, np.linalg.inv(hessian), full)
    assert np.allclose(one.posterior().variance(x), expected, rtol=1e-3)


def test_away_from_the_optimum_variances_stay_positive():
    one = taught(20, kind="particles")
    one.head = replace(one.head, weights=5 * one.head.weights, bias=3.0)
    x = np.random.default_rng(0).standard_normal((50, 5))
    variance = one.posterior().variance(x)
    assert np.isfinite(variance).all()
    assert (variance > 0).all()


def test_steps_along_the_directions_of_the_prior_cost_less():
    one = taught(pi_weight=0)
    features = one.pretrained.weights.size
    direction = np.zeros((1, *one.pretrained.weights.shape))
    direction.flat[1] = 1.0
    one.pretrained = replace(one.pretrained, directions=direction)
    fit = HeadFit(l2=2.0, directions_l2=0.1, pi_weight=0, caution=0)
    one.settings = LearnerSettings(fit=fit)
    head = one.refit()
    assert head.weights.flat[1] != one.pretrained.weights.flat[1]
    examples = one.examples()
    centre = examples.features.reshape(-1, features)
    s = expit(centre @ head.weights.ravel() + head.bias)
    full = np.column_stack([centre, np.ones(len(centre))])
    covariance = np.diag(np.append(np.full(features, 1 / 2.0), 1e3))
    covariance[1, 1] += 1 / 0.1
    per_label = examples.features.shape[1]
    precision = np.linalg.inv(covariance) + (full.T * (s * (1 - s) / per_label)) @ full
    expected = np.einsum("ij,jk,ik->i", full, np.linalg.inv(precision), full)
    assert np.allclose(one.posterior().variance(centre), expected, rtol=1e-5)


@pytest.mark.parametrize("weight", [1.0, 0.25])
def test_leave_one_out_scores_approximate_heads_without_the_label(weight):
    one = taught(labels=30, pi_weight=0, weight=weight)
    examples = one.examples()
    rows, targets = examples.features, examples.targets
    predicted = left_out_scores(one.head, one.posterior(), rows, targets, examples.weights)
    actual = []
    for k in range(len(targets)):
        rest = np.arange(len(targets)) != k
        fit = HeadFit(l2=0.5, pi_weight=0, solver="bfgs").fit(
            rows[rest].reshape(-1, rows.shape[2]),
            np.repeat(targets[rest], rows.shape[1]),
            np.repeat(examples.weights[rest], rows.shape[1]) / rows.shape[1],
            pretrained=(one.pretrained.weights.ravel(), one.pretrained.bias),
        )
        actual.append(rows[k].mean(axis=0) @ fit.weights_ + fit.bias_)
    fitted = rows.mean(axis=1) @ one.head.weights.ravel() + one.head.bias
    assert np.abs(predicted - actual).mean() < 0.35 * np.abs(fitted - actual).mean()


def test_labels_reduce_the_variance_of_similar_features_only():
    few, many = taught(labels=6, pi_weight=0), taught(labels=60, pi_weight=0)
    x = many.micrographs[0].at(np.random.default_rng(1).uniform(40, 320, (50, 2)))
    assert (many.posterior().variance(x) < few.posterior().variance(x)).mean() > 0.9
    assert many.posterior().variance(10 * x).mean() > many.posterior().variance(x).mean()


def test_without_labels_the_posterior_is_the_prior():
    one = learner()
    one.settings = LearnerSettings(fit=HeadFit(l2=2.0, caution=0))
    x = np.eye(5)
    posterior = one.posterior()
    assert np.allclose(posterior.variance(x) - posterior.variance(np.zeros((5, 5))), 1 / 2.0)


@pytest.mark.parametrize("variance", [0.0, 0.5, 4.0])
def test_moderated_scores_give_the_expected_probability(variance):
    scores = np.linspace(-4, 4, 9)
    draws = np.random.default_rng(0).standard_normal(200_000)
    exact = [expit(z + np.sqrt(variance) * draws).mean() for z in scores]
    assert np.allclose(expit(moderated(scores, np.full(9, variance))), exact, atol=0.02)


def test_information_is_the_mutual_information_of_answer_and_head():
    draws = np.random.default_rng(0).standard_normal(100_000)
    for z, v in ((0.0, 1.0), (1.0, 2.0), (-2.0, 3.0), (0.0, 0.0)):
        p = expit(z + np.sqrt(v) * draws)
        h = lambda q: -q * np.log(q) - (1 - q) * np.log1p(-q)  # noqa: E731
        exact = h(p.mean()) - h(np.clip(p, 1e-12, 1 - 1e-12)).mean()
        assert mutual_information(np.array([z]), np.array([v]))[0] == pytest.approx(exact, abs=0.03)

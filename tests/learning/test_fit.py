import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import check_grad
from scipy.special import expit, logit

from activepick.learning.fit import HeadFit
from activepick.learning.loss import HeadLoss, expected_pi


def problem(seed, n=40, features=6, unlabelled=200):
    rng = np.random.default_rng(seed)
    truth = rng.standard_normal(features)
    x = rng.standard_normal((n, features))
    y = (x @ truth + rng.standard_normal(n) > 0).astype(float)
    return x, y, rng.standard_normal((unlabelled, features)), truth


def published_loss(w, b, x, y, v, unlabelled, l2, pi, k):
    """The formula written down term by term."""
    z = x @ w + b
    bce = -sum(v * (y * np.log(expit(z)) + (1 - y) * np.log(1 - expit(z))))
    p = expit(unlabelled @ w + b).mean()
    penalty = k * (np.log(p) - np.log(1 - p) - logit(pi)) ** 2
    return (bce + l2 / 2 * sum(w**2) + penalty) / sum(v)


@given(seed=st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_the_loss_is_the_published_formula_and_its_gradient_is_correct(seed):
    x, y, unlabelled, truth = problem(seed)
    v = np.random.default_rng(seed).uniform(0.1, 2, len(y))
    loss = HeadLoss(x, y, v, unlabelled, np.zeros(6), l2=1.5, pi=0.03, pi_weight=0.8)
    parameters = np.append(0.5 * truth, 0.2)
    expected = published_loss(0.5 * truth, 0.2, x, y, v, unlabelled, 1.5, 0.03, 0.8)
    assert loss(parameters)[0] == pytest.approx(expected, rel=1e-9)
    difference = check_grad(lambda p: loss(p)[0], lambda p: loss(p)[1], parameters)
    assert difference < 1e-5


@pytest.mark.parametrize("seed", range(5))
def test_all_solvers_and_starts_reach_the_same_optimum(seed):
    x, y, unlabelled, truth = problem(seed)
    found = [
        HeadFit(l2=1.0, solver=solver, start=start)
        .fit(x, y, unlabelled=unlabelled, pretrained=(truth, 0.1), warm_start=warm)
        .loss_
        for solver in ("bfgs", "lbfgs")
        for start in ("zero", "pretrained")
        for warm in (None, (np.ones(6), -1.0))
    ]
    assert np.ptp(found) < 1e-6 * max(found)


def test_few_labels_leave_the_head_near_the_prior_and_many_do_not():
    x, y, _, truth = problem(3, n=4000)
    prior = -truth
    few = HeadFit(l2=50.0, pi_weight=0).fit(x[:2], y[:2], pretrained=(prior, 0.0))
    many = HeadFit(l2=50.0, pi_weight=0).fit(x, y, pretrained=(prior, 0.0))
    assert few.weights_ @ prior > 0
    assert many.weights_ @ truth > 0
    towards_zero = HeadFit(l2=1e6, towards="zero").fit(x, y, pretrained=(prior, 0.0))
    assert np.abs(towards_zero.weights_).max() < 0.01


def test_the_first_labels_move_the_head_less():
    l2 = [HeadFit(l2=2.0).prior(6, None, labels)[0] for labels in (1, 5, 10, 30, 1000)]
    assert l2[0] == l2[1] > l2[2] > l2[3] > l2[4] > 2.0
    x, y, _, _ = problem(4, n=10)
    steps = [
        np.linalg.norm(HeadFit(pi_weight=0, caution=caution).fit(x, y).weights_)
        for caution in (0.0, 15.0)
    ]
    assert steps[1] < 0.7 * steps[0]


def test_the_weight_of_the_expected_share_grows_with_the_number_of_labels():
    weights = [HeadFit().pi_weight_for(labels) for labels in (3, 10, 50, 100, 1000)]
    assert weights == sorted(weights)
    assert weights[0] == weights[1] < weights[2] < weights[3] == weights[4]
    assert HeadFit(pi_weight=0.3).pi_weight_for(50) == 0.3


@pytest.mark.parametrize("target", [0.0, 1.0])
def test_labels_of_one_class_give_a_finite_head_that_agrees_with_them(target):
    x, _, unlabelled, _ = problem(1)
    for weight in (0.0, 2.0):
        fit = HeadFit(pi_weight=weight).fit(x, np.full(len(x), target), unlabelled=unlabelled)
        assert np.isfinite(fit.weights_).all()
        assert np.isfinite(fit.bias_)
        mean = expit(x @ fit.weights_ + fit.bias_).mean()
        assert (mean > 0.5) == bool(target) or weight > 0


def test_positive_labels_alone_rank_particles_first_because_of_the_expected_share():
    rng = np.random.default_rng(0)
    particles = rng.standard_normal((50, 5)) + np.array([3, 0, 0, 0, 0])
    background = rng.standard_normal((2000, 5))
    fit = HeadFit(l2=1.0, pi_weight=20.0).fit(particles, np.ones(50), unlabelled=background)
    own, other = (rows @ fit.weights_ for rows in (particles, background))
    assert np.mean(own[:, None] > other[None]) > 0.95


def test_separable_duplicate_and_contradicting_labels_give_a_finite_fit():
    x = np.array([[1.0, 0], [2, 0], [-1, 0], [-2, 0]])
    y = np.array([1.0, 1, 0, 0])
    separable = HeadFit(l2=1e-6, pi_weight=0).fit(x, y)
    assert np.isfinite(separable.weights_).all()
    once = HeadFit(l2=1.0, pi_weight=0).fit(x, y, [2.0, 1, 1, 1])
    twice = HeadFit(l2=1.0, pi_weight=0).fit(np.vstack([x[:1], x]), np.append(1.0, y))
    assert np.allclose(once.weights_, twice.weights_, atol=1e-4)
    both = HeadFit(l2=1.0, pi_weight=0).fit(np.vstack([x[:1], x[:1]]), [1.0, 0.0])
    assert expit(x[0] @ both.weights_ + both.bias_) == pytest.approx(0.5, abs=1e-3)


def test_class_balance_changes_the_bias_of_an_unbalanced_set():
    rng = np.random.default_rng(0)
    x = np.vstack([rng.standard_normal((10, 2)) + 1, rng.standard_normal((200, 2)) - 1])
    y = np.repeat([1.0, 0.0], [10, 200])
    plain = HeadFit(l2=1.0, pi_weight=0).fit(x, y)
    balanced = HeadFit(l2=1.0, pi_weight=0, balanced=True).fit(x, y)
    assert balanced.bias_ > plain.bias_ + 0.5


def test_the_expected_number_of_particles_determines_pi():
    assert expected_pi(100, 40.0, (1000, 1000)) == pytest.approx(100 * np.pi * 100 / 1e6)
    assert expected_pi(200, 40.0, (1000, 1000)) == pytest.approx(2 * 100 * np.pi * 100 / 1e6)
    assert 0 < expected_pi(0, 40.0, (1000, 1000)) < 1
    assert expected_pi(10**9, 40.0, (1000, 1000)) < 1

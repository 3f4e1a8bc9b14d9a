import numpy as np
import pytest
from scipy.optimize import approx_fprime
from scipy.special import expit
from unlabelled_risk import UnlabelledRiskFit
from variants import RobustFit

from activepick.learning.fit import HeadFit


def problem(seed=0, n=40):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, 4))
    y = (x[:, 0] + 0.3 * rng.standard_normal(n) > 0).astype(float)
    return x, y, rng.standard_normal((30, 4))


@pytest.mark.parametrize("q", [0.2, 0.7, 1.0])
def test_the_gradient_of_the_robust_loss_is_correct(q):
    x, y, unlabelled = problem()
    loss = RobustFit(q=q).objective(x, y, unlabelled=unlabelled)
    for at in (np.zeros(5), np.array([2.0, -1.0, 0.5, 0.1, -0.3])):
        numerical = approx_fprime(at, lambda p: loss(p)[0], 1e-7)
        assert np.allclose(loss(at)[1], numerical, atol=1e-5)


def test_wrong_answers_count_less_in_the_robust_loss():
    x, y, unlabelled = problem()
    at = np.array([2.0, -1.0, 0.5, 0.1, -0.3])
    usual = HeadFit().objective(x, y, unlabelled=unlabelled)
    nearly = RobustFit(q=1e-6).objective(x, y, unlabelled=unlabelled)
    assert nearly(at)[0] == pytest.approx(usual(at)[0], rel=1e-4)
    far = [
        kind.objective(np.ones((1, 1)), [1.0])(np.array([-8.0, 0.0]))[1][-1]
        for kind in (HeadFit(), RobustFit(q=0.7))
    ]
    assert far[0] == pytest.approx(-1.0, abs=0.01)  # has its full weight
    assert -0.01 < far[1] < 0


@pytest.mark.parametrize(("share", "answers"), [(1.0, False), (0.5, False), (0.3, True)])
@pytest.mark.parametrize("pi", [0.02, 0.95])  # without and with the limit
def test_the_gradient_of_the_loss_with_the_unlabelled_risk_is_correct(share, answers, pi):
    x, y, unlabelled = problem()
    fit = UnlabelledRiskFit(unlabelled_share=share, answers=answers, pi=pi)
    loss = fit.objective(x, y, unlabelled=unlabelled)
    for at in (np.full(5, 0.1), np.array([2.0, -1.0, 0.5, 0.1, -0.3])):
        numerical = approx_fprime(at, lambda p: loss(p)[0], 1e-7)
        assert np.allclose(loss(at)[1], numerical, atol=1e-5)


def test_the_unlabelled_risk_is_not_negative_and_uses_no_labels_of_non_particles():
    x, y, unlabelled = problem()
    at = np.array([2.0, -1.0, 0.5, 0.1, -0.3])
    particles = x[y == 1] @ at[:-1] + at[-1]
    others = -np.log(expit(-(unlabelled @ at[:-1] + at[-1]))).mean()
    for pi in (0.02, 0.95):
        fit = UnlabelledRiskFit(unlabelled_share=1.0, pi=pi, l2=1e-9, caution=0.0)
        negative = others + pi * np.log(expit(-particles)).mean()
        assert (negative > 0) == (pi == 0.02)
        risk = -pi * np.log(expit(particles)).mean() + max(0.0, negative)
        for targets in (x, np.vstack([x, np.ones((5, 4))])):
            values = np.append(y, np.zeros(len(targets) - len(y)))
            loss = fit.objective(targets, values, unlabelled=unlabelled)
            assert loss(at)[0] == pytest.approx(risk, rel=1e-6)


def test_without_unlabelled_pixels_the_loss_is_the_cross_entropy_of_the_answers():
    x, y, unlabelled = problem()
    at = np.array([2.0, -1.0, 0.5, 0.1, -0.3])
    usual = HeadFit(pi_weight=0.0).objective(x, y)(at)
    fit = UnlabelledRiskFit(unlabelled_share=0.0, answers=True)
    value, gradient = fit.objective(x, y, unlabelled=unlabelled)(at)
    assert value == pytest.approx(usual[0])
    assert np.allclose(gradient, usual[1])

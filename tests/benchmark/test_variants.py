import numpy as np
import pytest
from scipy.optimize import approx_fprime
from variants import RobustFit

from activepick.learning.fit import HeadFit


def problem(seed=0, n=40):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, 4))
    y = (x[:, 0] + 0.3 * rng.standard_normal(n) > 0).astype(float)
    return x, y, rng.standard_normal((30, 4))


@pytest.mark.parametrize("q", [0.2, 0.7, 1.0])
def test_the_robust_loss_is_what_its_gradient_says(q):
    x, y, unlabelled = problem()
    loss = RobustFit(q=q).objective(x, y, unlabelled=unlabelled)
    for at in (np.zeros(5), np.array([2.0, -1.0, 0.5, 0.1, -0.3])):
        numerical = approx_fprime(at, lambda p: loss(p)[0], 1e-7)
        assert np.allclose(loss(at)[1], numerical, atol=1e-5)


def test_a_wrong_answer_counts_less_and_without_q_the_loss_is_the_usual_one():
    x, y, unlabelled = problem()
    at = np.array([2.0, -1.0, 0.5, 0.1, -0.3])
    usual = HeadFit().objective(x, y, unlabelled=unlabelled)
    nearly = RobustFit(q=1e-6).objective(x, y, unlabelled=unlabelled)
    assert nearly(at)[0] == pytest.approx(usual(at)[0], rel=1e-4)
    far = [
        kind.objective(np.ones((1, 1)), [1.0])(np.array([-8.0, 0.0]))[1][-1]
        for kind in (HeadFit(), RobustFit(q=0.7))
    ]
    assert far[0] == pytest.approx(-1.0, abs=0.01)  # pulls with all its weight
    assert -0.01 < far[1] < 0

import gc
import weakref

import numpy as np
import pytest
from scipy.optimize import rosen, rosen_der

from activepick.learning.loss import HeadLoss, ScoreTargets
from activepick.learning.quasi_newton import minimise


def identity(vector):
    return vector


@pytest.mark.parametrize("inverse", ["exact", "identity"])
def test_the_minimum_of_a_quadratic_function_is_found(inverse):
    rng = np.random.default_rng(0)
    root = rng.standard_normal((12, 12))
    hessian = root @ root.T + np.eye(12)
    target = rng.standard_normal(12)

    def function(x):
        slope = hessian @ (x - target)
        return float(0.5 * (x - target) @ slope + 3), slope

    product = identity if inverse == "identity" else np.linalg.inv(hessian).__matmul__
    found = minimise(function, np.zeros(12), product, 1e-12)
    assert np.allclose(found.parameters, target, atol=1e-4)
    assert found.lowest == pytest.approx(3)
    # With the inverse Hessian, the first step ends at the minimum.
    assert (found.evaluations == 2) == (inverse == "exact")


def test_a_curved_valley_that_is_not_convex_is_followed_to_its_end():
    found = minimise(
        lambda x: (rosen(x) + 1, rosen_der(x)), np.array([-1.2, 1.0, 0.5]), identity, 1e-13
    )
    assert np.allclose(found.parameters, 1, atol=1e-4)


@pytest.mark.parametrize("factor", [1e-4, 1e4, -1.0])
def test_a_wrong_inverse_hessian_needs_more_evaluations_and_changes_nothing_else(factor):
    def function(x):
        return float(np.cosh(x - 1).sum()), np.sinh(x - 1)

    with np.errstate(over="ignore"):
        found = minimise(function, np.zeros(4), lambda vector: factor * vector, 1e-12)
    assert np.allclose(found.parameters, 1, atol=1e-3)


def test_values_that_overflow_shorten_the_step():
    with np.errstate(over="ignore"):
        found = minimise(
            lambda x: (float((np.exp(x) - x).sum()), np.exp(x) - 1),
            np.array([-5.0]),
            lambda vector: 1e4 * vector,
            1e-12,
        )
    assert abs(found.parameters[0]) < 1e-4


def test_nothing_moves_at_the_minimum():
    found = minimise(lambda x: (1.0 + x @ x, 2 * x), np.zeros(3), identity, 1e-9)
    assert found.evaluations == 1
    assert not found.parameters.any()


@pytest.mark.parametrize("l2", [1e-4, 2.0, 1e3])
@pytest.mark.parametrize("directions", [0, 3])
def test_the_inverse_curvature_is_that_of_the_hessian(l2, directions):
    rng = np.random.default_rng(1)
    x, unlabelled = rng.standard_normal((30, 8)), rng.standard_normal((50, 8))
    loss = HeadLoss(
        x=x,
        y=(x[:, 0] > 0).astype(float),
        v=rng.uniform(0.2, 1, 30),
        unlabelled=unlabelled,
        mean=np.zeros(8),
        l2=l2,
        pi=0.1,
        pi_weight=1.5,
        along=rng.standard_normal((directions, 8)) if directions else None,
        score_targets=ScoreTargets(unlabelled[:9], np.zeros(9), np.full(9, 0.1)),
    )
    parameters = 0.1 * rng.standard_normal(9)
    hessian = loss.hessian(parameters, gauss_newton=True)
    product = loss.inverse_curvature(parameters, rows=10**6)
    inverse = np.stack([product(row) for row in np.eye(9)])
    assert np.allclose(inverse, inverse.T, rtol=1e-3, atol=1e-4 * np.abs(inverse).max())
    # Only the bias has a prior that is not in the loss; it changes the curvature by one percent.
    assert np.allclose(np.linalg.eigvals(hessian @ inverse), 1, atol=0.02)
    # Each third pixel represents the others.
    some = loss.inverse_curvature(parameters, rows=10)
    shares = np.linalg.eigvals(hessian @ np.stack([some(row) for row in np.eye(9)])).real
    assert shares.min() > 0
    assert np.median(shares) == pytest.approx(1, abs=0.7)


def test_a_loss_is_freed_when_it_is_no_longer_used():
    x = np.random.default_rng(0).standard_normal((30, 8))
    y = (x[:, 0] > 0).astype(float)
    loss = HeadLoss(x, y, np.ones(30), x, np.zeros(8), l2=1.0, pi=0.1, pi_weight=1.5)
    minimise(loss, np.zeros(9), loss.inverse_curvature(np.zeros(9)), 1e-9)
    alive = weakref.ref(loss)
    gc.disable()
    try:
        del loss  # its arrays are large, and there is one for each refit
        assert alive() is None
    finally:
        gc.enable()

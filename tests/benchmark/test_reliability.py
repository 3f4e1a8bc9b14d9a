import numpy as np
import pytest
from calibration import reliability_error
from scipy.special import expit

from activepick.learning.calibration import calibrate, expected_particles, expected_precision


def answers(scores, ceiling, seed=0):
    p = ceiling * expit(scores)
    return (np.random.default_rng(seed).uniform(size=len(scores)) < p).astype(float), p


def test_overconfident_scores_are_put_right():
    """Answers at places chosen for their uncertainty, checked on all places."""
    rng = np.random.default_rng(2)
    everywhere = rng.normal(-2, 4, 5000)
    targets, _ = answers(everywhere, 0.7)
    unsure = np.argsort(np.abs(everywhere))[:500]
    calibration = calibrate(everywhere[unsure], targets[unsure])
    before = reliability_error(expit(everywhere), targets == 1)
    p = calibration.probability(everywhere)
    assert reliability_error(p, targets == 1) < 0.5 * before
    true = targets[p >= 0.5].mean()
    assert expected_precision(p, 0.5) == pytest.approx(true, abs=0.08)
    assert expected_particles(p) == pytest.approx(targets.sum(), rel=0.15)


def test_reliability_error_by_hand():
    p = np.array([0.05, 0.05, 0.95, 0.95])
    right = np.array([False, False, True, False])
    assert reliability_error(p, right) == pytest.approx((2 * 0.05 + 2 * 0.45) / 4)
    assert np.isnan(expected_precision(p, 0.99))

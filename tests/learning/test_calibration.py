import numpy as np
import pytest
from scipy.special import expit
from test_queries import learner

from activepick.learning.calibration import Calibration, calibrate


def answers(scores, ceiling, seed=0):
    p = ceiling * expit(scores)
    return (np.random.default_rng(seed).uniform(size=len(scores)) < p).astype(float), p


@pytest.mark.parametrize("ceiling", [0.99, 0.9, 0.6])
def test_the_share_of_good_picks_that_are_accepted_is_found_from_many_answers(ceiling):
    scores = np.random.default_rng(1).uniform(-6, 6, 4000)
    targets, p = answers(scores, ceiling)
    assert np.abs(calibrate(scores, targets).probability(scores) - p).max() < 0.03


def test_few_answers_change_little_and_none_nothing():
    scores = np.linspace(-4, 4, 50)
    few = calibrate(np.array([1.0, -1.0]), np.array([1.0, 0.0])).probability(scores)
    assert np.abs(few - expit(scores)).max() < 0.25
    assert np.array_equal(Calibration().probability(scores), expit(scores))
    assert np.array_equal(learner().calibration().probability(scores), expit(scores))


def test_probabilities_rise_with_the_score():
    rng = np.random.default_rng(0)
    for _ in range(5):
        calibration = calibrate(rng.standard_normal(30), rng.integers(0, 2, 30).astype(float))
        p = calibration.probability(np.linspace(-20, 20, 100))
        assert (np.diff(p) >= 0).all()
        assert 0 <= p[0] <= p[-1] <= 1


def test_a_learner_gives_its_calibration():
    one = learner()
    rng = np.random.default_rng(3)
    for index in range(2):
        xy = rng.uniform(40, 320, (30, 2))
        one.add(index, xy, rng.integers(0, 2, 30))  # nothing can be learnt from lots
    one.refit()
    scores = one.score_map(0).values.ravel()
    spread = np.ptp(one.calibration().probability(scores))
    assert spread < np.ptp(expit(scores))

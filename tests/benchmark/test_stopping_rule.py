import numpy as np
import pytest
from stopping_rule import StoppingRule, kappa

from activepick.features.feature_spec import FeatureSpec
from activepick.learning.head import Head

SPEC = FeatureSpec("b", "d", (10.0,), 4, "affine")


def head(weights):
    return Head(np.asarray(weights, float)[None], 0.0, SPEC)


def test_kappa_is_agreement_beyond_chance():
    rng = np.random.default_rng(0)
    a, b = rng.uniform(size=(2, 20_000)) < 0.2
    assert kappa(a, a) == 1
    assert abs(kappa(a, b)) < 0.03
    assert kappa(a, ~a) < 0
    assert kappa(np.zeros(5, bool), np.zeros(5, bool)) == 1
    first, second = (
        np.repeat([1, 1, 0, 0], [20, 5, 10, 15]),
        np.repeat([1, 0, 1, 0], [20, 5, 10, 15]),
    )
    assert kappa(first == 1, second == 1) == pytest.approx(0.4)


def test_it_stops_when_heads_settle_and_not_while_they_change():
    rng = np.random.default_rng(1)
    rule = StoppingRule(rng.standard_normal((500, 8)), agreement=0.95, window=3)
    goal = rng.standard_normal(8)
    assert not any(rule.settled(head(rng.standard_normal(8))) for _ in range(6))
    stopped = [rule.settled(head(goal + rng.standard_normal(8) * 0.5**k)) for k in range(1, 14)]
    assert not any(stopped[:3])
    assert stopped[-1]


def test_a_few_equal_heads_are_not_enough():
    rule = StoppingRule(np.eye(3), window=3)
    same = head([1, -1, 1])
    assert [rule.settled(same) for _ in range(5)] == [False, False, False, True, True]

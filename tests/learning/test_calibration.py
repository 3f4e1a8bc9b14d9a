from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit
from test_queries import learner

from activepick.features.backbone import load_backbone
from activepick.features.engine import FeatureEngine
from activepick.features.extractor import Extractor
from activepick.features.feature_spec import FeatureSpec
from activepick.learning.calibration import (
    Calibration,
    expected_particles,
    expected_precision,
)
from activepick.learning.head import pretrained_head
from activepick.learning.simulated_calibration import _shipped, calibration_after
from activepick.scoremap import ScoreMap


def shipped_spec(radii=(10.0, 14.0)):
    """Features of the shipped file, of a network of another name."""
    return FeatureSpec(backbone="copy", working_radii=radii, **_shipped()["features"])


def test_scores_are_logits_of_probabilities_in_the_same_order():
    sure, linear = Calibration(0.6), np.linspace(-20, 20, 101)
    assert np.allclose(expit(sure.logit(linear)), sure.probability(linear))
    values = np.random.default_rng(0).normal(0, 5, (30, 40)).astype(np.float32)
    plain = ScoreMap(values, 2.0, 14.0, (80, 60), (1, 2, 3, 4))
    scores = sure.score_map(plain)
    assert np.array_equal(np.argsort(scores.values, axis=None), np.argsort(values, axis=None))
    assert np.array_equal(scores.values > 0, values > 0)
    assert np.allclose(scores.values, sure.logit(values), atol=1e-5)
    assert (scores.spacing_px, scores.radius_px, scores.border) == (2.0, 14.0, (1, 2, 3, 4))
    assert Calibration().score_map(plain) is plain


def test_precision_and_number_of_particles_are_predicted():
    p = np.array([0.05, 0.4, 0.6, 0.8, 1.0])
    assert expected_precision(p, 0.5) == pytest.approx(0.8)
    assert expected_precision(p) == pytest.approx(0.57)
    assert np.isnan(expected_precision(p[:2], 0.5))
    assert expected_particles(p) == pytest.approx(2.85)


def test_slopes_depend_on_the_number_of_labels():
    known = _shipped()["slopes"]
    assert known[0][0] == 0
    for labels, slope in known:
        assert calibration_after(labels, shipped_spec()).slope == pytest.approx(slope)
    (first, one), (second, other) = known[:2]
    between = calibration_after((first + second) // 2, shipped_spec()).slope
    assert min(one, other) < between < max(one, other)
    assert calibration_after(10_000, shipped_spec()).slope == pytest.approx(known[-1][1])
    assert pretrained_head(shipped_spec((7.0,)), np.ones(4), 0.0, 7.0).calibration.slope == one


def test_the_shipped_calibration_applies_only_to_the_default_features():
    engine = FeatureEngine(Extractor(load_backbone(), device="cpu"), 100.0)
    assert calibration_after(50, engine.spec((10.0, 14.0))) != Calibration()
    other = replace(shipped_spec(), orientations=8)
    assert calibration_after(50, other) == Calibration()


def test_a_learner_calibrates_scores_by_its_number_of_labels():
    one = learner()
    # Random features pass for the shipped ones.
    one.pretrained = replace(one.pretrained, spec=shipped_spec(one.pretrained.spec.working_radii))
    rng = np.random.default_rng(3)
    for index in range(2):
        one.add(index, rng.uniform(40, 320, (20, 2)), rng.integers(0, 2, 20))
    head = one.refit()
    assert head.calibration == calibration_after(40, head.spec) != Calibration()
    linear = one.micrographs[0].score_map(head.weights, head.bias).values
    assert np.allclose(one.score_map(0).values, head.calibration.logit(linear), atol=1e-4)
    assert learner().refit().calibration == Calibration()

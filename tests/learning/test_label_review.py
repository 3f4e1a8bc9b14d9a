from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit, logit
from test_posterior import taught
from test_queries import learner

from activepick.learning.calibration import Calibration
from activepick.learning.fit import HeadFit
from activepick.learning.label_review import contradictions
from activepick.learning.settings import LearnerSettings
from activepick.learning.training import fit_head


@pytest.mark.parametrize("directions", [False, True], ids=["isotropic", "directions"])
@pytest.mark.parametrize("kind", ["both", "particles"])
def test_contradictions_approximate_heads_fitted_without_the_label(kind, directions):
    one = taught(labels=30, kind=kind, directions=directions)
    examples = one.examples()
    found = contradictions(one.head, one.posterior(), examples)
    real, fitted = [], []
    for k, target in enumerate(examples.targets):
        rest = np.arange(len(examples.targets)) != k
        kept = {n: getattr(examples, n)[rest] for n in ("features", "targets", "weights")}
        others = replace(examples, **kept)
        head = fit_head(one.pretrained, one.settings, others)
        sign = 1 - 2 * target
        pixels = examples.features[k].mean(axis=0)
        real.append(expit(sign * (pixels @ head.weights.ravel() + head.bias)))
        fitted.append(expit(sign * (pixels @ one.head.weights.ravel() + one.head.bias)))
    # Much closer to the refitted heads than the head with the label, and in the same order.
    assert np.abs(found - real).mean() < 0.4 * np.abs(np.array(fitted) - real).mean()
    assert np.corrcoef(np.argsort(np.argsort(found)), np.argsort(np.argsort(real)))[0, 1] > 0.95


def test_contradictions_are_calibrated_probabilities():
    one = taught(labels=30, kind="both", directions=False)
    posterior, examples = one.posterior(), one.examples()
    plain = contradictions(one.head, posterior, examples)
    sure = contradictions(replace(one.head, calibration=Calibration(0.5)), posterior, examples)
    assert np.allclose(logit(sure), 0.5 * logit(plain))


def test_wrong_labels_come_first():
    one = learner(seed=1)
    one.settings = LearnerSettings(fit=HeadFit(l2=0.5, pi_weight=0))
    rng = np.random.default_rng(4)
    wrong = set()
    for index in range(2):
        xy = rng.uniform(40, 320, (40, 2))
        strength = one.micrographs[index].at(xy)[:, 0]
        targets = (strength > 0).astype(float)
        surest = np.argmax(np.abs(strength))
        targets[surest] = 1 - targets[surest]
        wrong.add((one.keys[index], *xy[surest].tolist()))
        one.add(index, xy, targets)
    one.refit()
    found = one.doubtful_labels()
    assert len(found) == 80
    order = [label.contradiction for label in found]
    assert order == sorted(order, reverse=True)
    assert wrong <= {(label.micrograph, label.x, label.y) for label in found[:8]}


def test_without_labels_none_are_doubtful():
    assert learner().doubtful_labels() == []

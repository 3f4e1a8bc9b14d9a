from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit
from test_posterior import taught
from test_queries import learner

from activepick.learning.calibration import Calibration
from activepick.learning.fit import HeadFit
from activepick.learning.label_review import contradictions
from activepick.learning.posterior import left_out_scores
from activepick.learning.settings import LearnerSettings
from activepick.learning.training import fit_head


@pytest.mark.parametrize("directions", [False, True], ids=["isotropic", "directions"])
@pytest.mark.parametrize("kind", ["both", "particles"])
def test_left_out_scores_approximate_heads_fitted_without_the_label(kind, directions):
    one = taught(labels=30, kind=kind, directions=directions)
    examples = one.examples()
    signs = 1 - 2 * examples.targets
    found = expit(signs * left_out_scores_of(one))
    real, fitted = [], []
    for k, sign in enumerate(signs):
        rest = np.arange(len(examples.targets)) != k
        kept = {n: getattr(examples, n)[rest] for n in ("features", "targets", "weights")}
        others = replace(examples, **kept)
        head = fit_head(one.pretrained, one.settings, others)
        pixels = examples.features[k].mean(axis=0)
        real.append(expit(sign * (pixels @ head.weights.ravel() + head.bias)))
        fitted.append(expit(sign * (pixels @ one.head.weights.ravel() + one.head.bias)))
    # Much closer to the refitted heads than the head with the label, and in the same order.
    assert np.abs(found - real).mean() < 0.4 * np.abs(np.array(fitted) - real).mean()
    assert np.corrcoef(np.argsort(np.argsort(found)), np.argsort(np.argsort(real)))[0, 1] > 0.95


def test_the_probability_of_the_head_is_calibrated():
    one = taught(labels=30, kind="both", directions=False)
    posterior, examples = one.posterior(), one.examples()
    plain = contradictions(one.head, posterior, examples)
    sure = contradictions(replace(one.head, calibration=Calibration(0.5)), posterior, examples)
    scores = (1 - 2 * examples.targets) * left_out_scores_of(one)
    # A third of the contradiction is that of the head; the rest has no calibration.
    assert np.allclose(3 * (sure - plain), expit(0.5 * scores) - expit(scores))


def left_out_scores_of(one):
    examples = one.examples()
    return left_out_scores(
        one.head, one.posterior(), examples.features, examples.targets, examples.weights
    )


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

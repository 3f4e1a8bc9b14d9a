"""Several kinds of particles in one head."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import check_grad
from test_queries import learner

from activepick.errors import HeadError
from activepick.learning.calibration import Calibration
from activepick.learning.combine import combine
from activepick.learning.fit import HeadFit
from activepick.learning.head import Head
from activepick.learning.head_file import load_head, save_head
from activepick.learning.kinds import KindWeights
from activepick.learning.learner import Learner
from activepick.learning.loss import HeadLoss
from activepick.learning.multinomial import MultinomialLoss, minimise
from activepick.learning.prior_precision import PriorPrecision
from activepick.learning.settings import LearnerSettings
from activepick.learning.strategies.candidates import find_candidates
from activepick.scoremap import find_peaks
from activepick.scoremap.kinds import any_kind

NAMES = {1: "ribosome", 2: "proteasome"}
FREE = LearnerSettings(fit=HeadFit(l2=0.1, caution=0.0))


def problem(classes=3, n=60, width=12, seed=0):
    rng = np.random.default_rng(seed)
    index = rng.integers(classes + 1, size=n)
    root = rng.normal(size=(classes, classes))
    return MultinomialLoss(
        x=rng.normal(size=(n, width)) + np.eye(width)[index],
        y=np.eye(classes + 1)[index][:, :classes],
        v=rng.uniform(0.5, 1, n),
        unlabelled=rng.normal(size=(200, width)),
        mean=rng.normal(size=(classes, width)),
        prior=PriorPrecision(0.7, rng.normal(size=(2, width))),
        between=root @ root.T + np.eye(classes),
        pi=0.1,
        pi_weight=2.0,
    )


def test_the_gradient_is_correct():
    loss = problem()
    at = np.random.default_rng(1).normal(size=(3, 13))
    error = check_grad(
        lambda p: loss(p.reshape(3, -1))[0], lambda p: loss(p.reshape(3, -1))[1].ravel(), at.ravel()
    )
    assert error < 1e-5


def test_the_loss_of_one_class_equals_that_of_a_head_without_kinds():
    one = problem(classes=1)
    two = HeadLoss(
        one.x, one.y[:, 0], one.v, one.unlabelled, one.mean[0],
        one.prior.l2 * one.between[0, 0], one.pi, one.pi_weight, one.prior.along,
    )  # fmt: skip
    at = np.random.default_rng(1).normal(size=(1, 13))
    (value, gradient), (expected, slope) = one(at), two(at[0])
    assert value == pytest.approx(expected, rel=1e-12)
    assert np.allclose(gradient[0], slope, atol=1e-12)


def test_inverse_curvatures_are_those_along_combinations_of_the_classes():
    loss = problem()
    at = np.random.default_rng(1).normal(size=(3, 13))
    basis = np.linalg.eigh(loss.between)[1].T
    plain = replace(loss, pi_weight=0.0)

    def gradient(own, steps):
        return own @ plain(at + own[:, None] * steps)[1]

    for own, inverse in zip(basis, plain.inverse_curvatures(at, basis), strict=True):
        slopes = [gradient(own, 1e-5 * row) - gradient(own, -1e-5 * row) for row in np.eye(13)]
        hessian = np.array(slopes) / 2e-5
        product = np.stack([inverse(row) for row in hessian])
        # The bias has a weak prior in the inverse.
        assert np.allclose(product[:-1, :-1], np.eye(12), atol=0.02)
        assert np.allclose(product[-1], np.eye(13)[-1], atol=0.02)


def test_single_precision_finds_the_same_optimum():
    loss = problem(n=600, seed=3)
    rounded = replace(
        loss, x=loss.x.astype(np.float32), unlabelled=loss.unlabelled.astype(np.float32)
    )
    begin = np.zeros((3, 13))
    best, found = loss(minimise(loss, begin))[0], loss(minimise(rounded, begin))[0]
    assert found == pytest.approx(best, rel=1e-6)


@pytest.mark.parametrize("seed", [0, 1])
def test_the_optimum_does_not_depend_on_the_initial_value(seed):
    loss = problem(seed=seed)
    rng = np.random.default_rng(seed)
    found = [minimise(loss, rng.normal(size=(3, 13))) for _ in range(2)]
    assert np.allclose(*found, atol=1e-3)
    assert np.abs(loss(found[0])[1]).max() < 1e-4


def trained(kinds=True, **more):
    """Return a learner whose kinds differ in the second feature, and the answers to its labels."""
    one = learner()
    two = Learner(
        one.micrographs, one.pretrained, FREE, kind_names=NAMES if kinds else None, **more
    )
    rng = np.random.default_rng(1)
    xy = rng.uniform(30, 330, (60, 2))
    features = two.micrographs[0].at(xy)
    target = (features[:, 0] > 0).astype(float)
    kind = np.where(features[:, 1] > 0, 1, 2)
    two.add(0, xy, target, kinds=kind)
    return two, xy, np.where(target == 1, kind, 0)


def test_a_head_distinguishes_two_kinds_of_particles():
    one, xy, answer = trained()
    head = one.refit()
    assert head.kinds.numbers == (1, 2)
    assert head.kinds.names == ("ribosome", "proteasome")
    z = head.kinds.linear_scores(one.micrographs[0].at(xy))
    guessed = np.column_stack([np.zeros(len(z)), z]).argmax(axis=1)
    assert (guessed == answer).mean() > 0.85
    assert (head.particles, head.others) == ((answer > 0).sum(), (answer == 0).sum())
    found = find_peaks(one.score_map(0))
    assert set(found.kind.tolist()) == {1, 2}


def test_labels_of_one_kind_give_the_same_head_as_without_kinds():
    plain, xy, answer = trained(kinds=False)
    named = Learner(plain.micrographs, plain.pretrained, FREE, kind_names=NAMES)
    named.add(0, xy, answer > 0, kinds=2)
    first, second = plain.refit(), named.refit()
    assert np.array_equal(first.weights, second.weights)
    assert first.bias == second.bias
    assert first.kinds is None
    assert second.kinds.name_of == {2: "proteasome"}
    assert np.array_equal(find_peaks(plain.score_map(0)).xy, find_peaks(named.score_map(0)).xy)


def test_the_refit_does_not_depend_on_the_previous_head():
    one, xy, answer = trained()
    cold = one.refit()
    later = Learner(one.micrographs, one.pretrained, FREE, kind_names=NAMES)
    later.add(0, xy[:30], answer[:30] > 0, kinds=answer[:30])
    later.refit()
    later.add(0, xy[30:], answer[30:] > 0, kinds=answer[30:])
    warm = later.refit()
    assert np.allclose(cold.kinds.weights, warm.kinds.weights, atol=5e-3)


def test_labels_of_particles_only_of_two_kinds_give_a_finite_head():
    one = learner()
    two = Learner(one.micrographs, one.pretrained, kind_names=NAMES)
    two.add(0, [[100.0, 100.0], [200.0, 150.0]], [1, 1], kinds=[1, 2])
    head = two.refit()
    assert np.isfinite(head.kinds.weights).all()
    assert head.others == 0


@pytest.mark.parametrize("strategy", ["active", "uncertain", "information", "entropy", "badge"])
def test_queries_with_kinds_avoid_labelled_positions(strategy):
    one, xy, _ = trained()
    one.refit()
    queries = one.ask(5, strategy)
    assert len(queries) == 5
    gaps = [np.hypot(*(xy - (q.x, q.y)).T).min() for q in queries if q.micrograph == 0]
    assert all(gap > 0.5 * one.micrographs[0].radius_px for gap in gaps)


def test_certain_particles_of_uncertain_kind_are_candidates():
    one, _, _ = trained()
    one.refit()
    width = one.pretrained.weights.size
    weights = np.zeros((2, *one.pretrained.weights.shape))
    flat = weights.reshape(2, width)
    flat[:, 0], flat[0, 1], flat[1, 1] = 20, 0.5, -0.5
    one.head = replace(
        one.head, kinds=KindWeights((1, 2), ("a", "b"), weights, np.array([0.0, 0.0]))
    )
    context = one.query_context()
    found = find_candidates(context)
    sure = one.head.linear_scores(found.features(context).astype(float)) > 10
    assert sure.sum() > 5
    assert found.utility[sure].max() > 0.9 * np.log(2)
    assert found.utility[sure].min() < found.utility[sure].max() - 0.05


def test_kinds_are_saved_with_a_head(tmp_path):
    one, _, _ = trained()
    head = one.refit()
    save_head(head, tmp_path / "head.safetensors")
    loaded = load_head(tmp_path / "head.safetensors")
    assert loaded.kinds.name_of == NAMES
    assert np.array_equal(loaded.kinds.weights, head.kinds.weights)
    assert np.array_equal(loaded.kinds.bias, head.kinds.bias)
    x = one.micrographs[0].at([(50.0, 60.0), (200.0, 100.0)]).astype(float)
    assert np.array_equal(loaded.linear_scores(x), head.linear_scores(x))


def test_kinds_with_weights_of_another_shape_are_refused():
    head = learner().pretrained
    with pytest.raises(ValueError, match="kinds"):
        KindWeights((2, 1), ("a", "b"), np.zeros((2, *head.weights.shape)), np.zeros(2))
    kinds = KindWeights((1,), ("a",), np.zeros((1, 3, 7)), np.zeros(1))
    with pytest.raises(HeadError, match="kinds"):
        replace(head, kinds=kinds)


def test_a_generic_head_picks_particles_of_any_kind():
    one, _, _ = trained()
    head = one.refit()
    made = combine([head, head], one.pretrained)
    assert isinstance(made.generic, Head)
    assert made.generic.kinds is None


def test_a_label_with_a_small_weight_has_a_small_effect_on_its_kind():
    def score(weight):
        one, xy, _ = trained()
        at = one.micrographs[0].at(xy[:1]).astype(float)
        one.add(0, xy[:1] + 3, [1], weight, kinds=2)
        return one.refit().kinds.linear_scores(at)[0, 1]

    assert score(0.01) < score(0.3) < score(1.0)


def test_the_calibration_keeps_the_share_of_each_kind():
    one, _, _ = trained()
    head = replace(one.refit(), calibration=Calibration(slope=0.6))
    linear, scores = (make(one.micrographs[0]) for make in (head.linear_map, head.score_map))
    assert np.allclose(scores.values, 0.6 * linear.values, atol=1e-5)
    assert np.allclose(any_kind(scores.kinds.values), scores.values, atol=1e-4)
    assert np.allclose(np.ptp(scores.kinds.values - linear.kinds.values, axis=0), 0, atol=1e-4)


def test_doubtful_labels_are_found_with_kinds():
    one, xy, _ = trained()
    wrong = int(np.flatnonzero(one.micrographs[0].at(xy)[:, 0] > 1)[0])
    one.targets[0][wrong] = one.kinds[0][wrong] = 0
    one.refit()
    first = one.doubtful_labels()[:5]
    assert tuple(xy[wrong]) in [(label.x, label.y) for label in first]

import numpy as np
import pytest
from scipy.special import expit
from test_queries import learner

from activepick.learning.fit import HeadFit
from activepick.learning.learner import LearnerSettings
from activepick.learning.one_sided import adjust_fit, stand_in_weights


def marked(kind, count=30, **settings):
    """A head from the best peaks, all of them marked as one kind."""
    one = learner(micrographs=3, seed=1)
    one.settings = LearnerSettings(fit=HeadFit(l2=1.0), **settings)
    places = one.ask(count, "range", np.random.default_rng(0))
    for query in places:
        one.add(query.micrograph, [(query.x, query.y)], [kind])
    return one, one.refit()


def likely(one, head):
    values = [m.score_map(head.weights, head.bias).values for m in one.micrographs]
    return np.mean([expit(v).mean() for v in values])


def correlation(one, head):
    first = one.pretrained
    scores = [m.score_map(head.weights, head.bias).values.ravel() for m in one.micrographs]
    before = [m.score_map(first.weights, first.bias).values.ravel() for m in one.micrographs]
    return np.corrcoef(np.concatenate(scores), np.concatenate(before))[0, 1]


def test_labels_of_particles_alone_do_not_make_everything_a_particle():
    (one, held), (_, plain) = marked(1), marked(1, stand_ins=False)
    assert likely(one, held) < likely(one, plain)
    assert np.isfinite(held.weights).all()


def test_labels_of_junk_alone_keep_particles_ranked_first():
    (one, held), (_, plain) = marked(0), marked(0, stand_ins=False)
    assert correlation(one, held) > correlation(one, plain)
    assert likely(one, held) > likely(one, plain)


def test_labels_of_junk_alone_hardly_change_the_number_of_picks():
    one, held = marked(0)
    assert likely(one, held) == pytest.approx(likely(one, one.pretrained), rel=0.3)


def test_prior_and_share_are_stronger_with_more_labels_of_junk_alone():
    few, many = (adjust_fit(HeadFit(), 0, count, lambda: 0.1) for count in (5, 50))
    assert few.pi == many.pi == 0.1
    assert HeadFit().l2 < few.l2 < many.l2
    assert HeadFit().directions_l2 < few.directions_l2 < many.directions_l2
    assert HeadFit().pi_weight_for(5) < few.pi_weight < many.pi_weight


@pytest.mark.parametrize(
    ("particles", "others", "weight"), [(100, 0, 25.0), (4, 0, 2.0), (100, 5, 2.0), (1, 100, 2.0)]
)
def test_the_expected_share_is_kept_with_labels_of_particles_alone(particles, others, weight):
    assert adjust_fit(HeadFit(pi_weight=2.0), particles, others, lambda: 0.1).pi_weight == weight
    assert adjust_fit(HeadFit(pi_weight=0.0), particles, others, lambda: 0.1).pi_weight == 0


def test_unlabelled_peaks_replace_a_missing_class_by_their_probability():
    one = learner()
    peaks = one.micrographs[0].at(np.random.default_rng(0).uniform(0, 340, (50, 2)))
    score = peaks @ one.pretrained.weights.ravel() + one.pretrained.bias
    as_junk, kind = stand_in_weights(one.pretrained, peaks, 20, 0)
    assert kind == 0
    assert np.argmax(as_junk) == np.argmin(score)
    as_particles, kind = stand_in_weights(one.pretrained, peaks, 0, 20)
    assert kind == 1
    assert np.argmax(as_particles) == np.argmax(score)
    assert as_particles.sum() == pytest.approx(20)
    for rarer, share in ((1, 0.8), (4, 0.2), (5, 0.0)):
        weights, _ = stand_in_weights(one.pretrained, peaks, rarer, 20 + rarer)
        assert weights.sum() == pytest.approx(20 * share)

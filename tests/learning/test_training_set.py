from dataclasses import replace

import numpy as np
import pytest
from test_queries import RADIUS, learner

from activepick.errors import MicrographError
from activepick.learning.settings import LearnerSettings
from activepick.learning.training_set import MicrographLabels, TrainingSet

SETTINGS = LearnerSettings(unlabelled=60)


class Library:
    """Features by key; counts how often each is asked for."""

    def __init__(self, micrographs=3):
        one = learner(micrographs)
        self.pretrained = one.pretrained
        self.features = {m.name: m for m in one.micrographs}
        self.asked = []
        self.broken = set()

    def get(self, key):
        self.asked.append(key)
        if key in self.broken:
            raise MicrographError(f"{key} cannot be read")
        return self.features[key]

    def training_set(self, settings=SETTINGS, seed=0):
        return TrainingSet(self.pretrained, settings, seed)


@pytest.fixture
def library():
    return Library()


def labels(targets=(1, 0, 1), seed=0):
    xy = np.random.default_rng(seed).uniform(RADIUS, 340, (len(targets), 2))
    return MicrographLabels(xy, np.array(targets, float))


def same(one, two):
    return all(
        np.array_equal(getattr(one, name), getattr(two, name))
        for name in ("features", "targets", "weights", "unlabelled")
    )


def test_features_are_requested_once(library):
    one = library.training_set()
    known = {"m0": labels(), "m1": labels(seed=1)}
    first = one.collect(known, library.get)
    assert first.keys == ("m0", "m1")
    assert len(first.unlabelled) == SETTINGS.unlabelled
    library.broken = set(library.features)
    library.asked.clear()
    assert same(one.collect(known, library.get), first)
    fewer = one.collect({"m1": labels((1, 0), seed=1)}, library.get)
    assert len(fewer.targets) == 2
    assert len(fewer.unlabelled) == SETTINGS.unlabelled / 2  # the available part of the sample
    moved = {"m0": MicrographLabels(labels().xy + 1, labels().targets), "m1": known["m1"]}
    again = one.collect(moved, library.get)
    assert again.keys == ("m1",)
    assert again.unreadable == {"m0": "m0 cannot be read"}


def test_sampled_pixels_depend_on_seed_and_key_and_smaller_samples_are_prefixes(library):
    def sample(key, count, seed=0, also=()):
        one = library.training_set(LearnerSettings(unlabelled=count), seed)
        for other in also:
            one.collect({other: labels()}, library.get)
        return one.collect({key: labels()}, library.get).unlabelled

    assert np.array_equal(sample("m0", 20), sample("m0", 50)[:20])
    assert np.array_equal(sample("m0", 20), sample("m0", 20, also=("m1", "m2")))
    assert not np.array_equal(sample("m0", 20), sample("m0", 20, seed=1))
    library.features["copy"] = library.features["m0"]
    assert not np.array_equal(sample("m0", 20), sample("copy", 20))


def test_unreadable_micrographs_are_reported_and_the_others_used(library):
    library.broken = {"m1"}
    known = {f"m{k}": labels(seed=k) for k in range(3)}
    found = library.training_set().collect(known, library.get)
    del known["m1"]
    assert same(found, library.training_set().collect(known, library.get))
    assert found.unreadable == {"m1": "m1 cannot be read"}
    assert found.keys == ("m0", "m2")
    library.broken = set(library.features)
    nothing = library.training_set().collect(known, library.get)
    assert nothing.features.shape == (0, 7, 5)
    assert nothing.unlabelled.shape == (0, 5)
    assert set(nothing.unreadable) == {"m0", "m2"}


def test_labels_outside_the_image_are_reported_and_not_used(library):
    inside = labels()
    outside = np.array([(-3.0, 10.0), (10.0, 365.0)])
    mixed = MicrographLabels(
        np.concatenate([inside.xy, outside]), np.append(inside.targets, [1.0, 0.0])
    )
    known = {"m0": mixed, "m1": MicrographLabels(outside, np.ones(2))}
    one = library.training_set()
    found = one.collect(known, library.get)
    assert same(found, library.training_set().collect({"m0": inside}, library.get))
    assert found.keys == ("m0",)
    assert np.array_equal(found.outside["m0"], outside)
    assert np.array_equal(found.outside["m1"], outside)
    assert not found.unreadable
    assert same(one.collect(known, library.get), found)


def test_a_label_that_is_given_twice_has_the_larger_weight(library):
    xy = labels().xy[[0, 0, 1, 1]]
    targets, weights = np.array([1.0, 1.0, 0.0, 1.0]), np.array([0.25, 1.0, 0.5, 0.25])
    known = {"m0": MicrographLabels(xy, targets, weights)}
    found = library.training_set().collect(known, library.get)
    assert sorted(zip(found.targets, found.weights, strict=True)) == [(0, 0.5), (1, 0.25), (1, 1)]


def test_unlabelled_peaks_are_used_only_while_labels_are_of_one_class(library):
    one = library.training_set()
    peaks = one.collect({"m0": labels((1,))}, library.get).stand_ins
    assert len(peaks) > 5
    learnt = learner(3)
    best = learnt.ask(10_000, "top")
    at = np.array([(q.x, q.y) for q in best if q.micrograph == 0])
    marked = MicrographLabels(at, np.ones(len(at)))
    rest = one.collect({"m0": marked}, library.get)
    assert not len(rest.stand_ins)
    both = one.collect({"m0": labels((1, 0))}, library.get)
    assert both.stand_ins is None
    off = library.training_set(replace(SETTINGS, stand_ins=False))
    assert off.collect({"m0": labels((1,))}, library.get).stand_ins is None


def test_score_and_entropy_of_observed_micrographs_need_no_features(library):
    one = library.training_set()
    assert one.mean_peak_score("m0") is None
    assert one.mean_entropy("m0", library.pretrained) is None
    for key, features in library.features.items():
        one.observe(key, features)
    score_map = library.features["m0"].score_map(
        library.pretrained.weights, library.pretrained.bias
    )
    assert one.mean_peak_score("m0") > score_map.values.mean()
    sure = replace(library.pretrained, bias=50.0)
    assert one.mean_entropy("m0", sure) < 1e-6 < one.mean_entropy("m0", library.pretrained)


def test_the_training_data_stored_with_a_head_are_small(library):
    one = library.training_set(LearnerSettings(unlabelled=1999))
    examples = one.collect({"m0": labels()}, library.get)
    data = examples.training_data()
    assert np.allclose(data.features, examples.features.mean(axis=1))
    assert np.array_equal(data.targets, examples.targets)
    assert 300 < len(data.unlabelled) <= 500

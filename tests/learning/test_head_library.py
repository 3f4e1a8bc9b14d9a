import json
from dataclasses import replace

import numpy as np
import pytest
from safetensors import safe_open

from activepick.errors import HeadError
from activepick.features.feature_spec import FeatureSpec
from activepick.learning.combine import combine, on_scales_of
from activepick.learning.fit import HeadFit
from activepick.learning.head import Head, TrainingData
from activepick.learning.head_file import load_head, save_head
from activepick.learning.settings import LearnerSettings
from activepick.learning.simulated_prior import SHIPPED, with_simulated_prior
from activepick.learning.training import fit_head
from activepick.learning.training_set import TrainingExamples

SPEC = FeatureSpec("b", "d", (10.0, 20.0), 4, "affine")
FIRST = Head(np.zeros((2, 6)), 0.0, SPEC)


def dataset(seed, common, own, labels=60):
    """Labels of a protein whose rule is the common one and something of its own."""
    rng = np.random.default_rng(seed)
    rule = common + own * rng.standard_normal(12)
    x = rng.standard_normal((labels, 12))
    y = (x @ rule + 0.3 * rng.standard_normal(labels) > 0).astype(float)
    data = TrainingData(x, y, rng.standard_normal((100, 12)), np.ones(labels))
    head = replace(FIRST, training_data=data, particles=int(y.sum()), others=int((1 - y).sum()))
    return head, rule


def cosine(a, b):
    return float(a.ravel() @ b.ravel() / np.linalg.norm(a) / np.linalg.norm(b))


def test_the_generic_head_has_what_datasets_have_in_common():
    common = np.random.default_rng(9).standard_normal(12)
    made = [dataset(seed, common, 0.8) for seed in range(8)]
    combined = combine([head for head, _ in made], FIRST, tie=1.0, trust=0.98)
    generic = combined.generic.weights
    alone = [cosine(head.weights, common) for head in combined.specialised]
    assert cosine(generic, common) > np.mean(alone)
    own = [cosine(h.weights, rule) for h, (_, rule) in zip(combined.specialised, made, strict=True)]
    assert np.mean(own) > np.mean([cosine(generic, rule) for _, rule in made])
    assert combined.generic.particles == sum(head.particles for head, _ in made)


def test_a_strong_tie_makes_all_heads_similar():
    common = np.random.default_rng(9).standard_normal(12)
    heads = [dataset(seed, common, 1.5)[0] for seed in range(3)]
    loose, tight = (combine(heads, FIRST, tie=t, trust=0.99) for t in (0.1, 1000.0))

    def difference(combined):
        spread = np.std([head.weights for head in combined.specialised], axis=0)
        return np.linalg.norm(spread) / np.linalg.norm(combined.generic.weights)

    assert difference(tight) < 0.2 * difference(loose)


def test_heads_without_training_data_are_combined_unchanged():
    weights = [np.full((2, 6), 1.0), np.full((2, 6), 3.0)]
    heads = [Head(w, b, SPEC) for w, b in zip(weights, (1.0, -2.0), strict=True)]
    combined = combine(heads, FIRST, tie=1.0, trust=0.5)
    assert np.allclose(combined.generic.weights, (1 + 3) / (2 + 2))
    assert combined.generic.bias == -0.5
    assert np.array_equal(combined.specialised[1].weights, weights[1])


def test_combined_heads_may_differ_only_in_their_scales():
    other = replace(SPEC, working_radii=(14.0, 28.0))
    head = combine([Head(np.ones((2, 6)), 0.0, other)], FIRST).generic
    assert on_scales_of(head, other).spec.working_radii == (14.0, 28.0)
    for change in ({"digest": "x"}, {"stride": 2}, {"working_radii": (7.0,)}, {"orientations": 4}):
        with pytest.raises(HeadError, match="cannot be compared"):
            on_scales_of(head, replace(SPEC, **change))
    with pytest.raises(HeadError, match="at least one"):
        combine([], FIRST)


def test_few_labels_move_the_head_along_the_directions():
    rng = np.random.default_rng(5)
    ways = rng.standard_normal((2, 12))
    protein, x = 2 * ways[0] - ways[1], rng.standard_normal((16, 12))
    fresh = rng.standard_normal((500, 12))
    right = []
    for directions in (None, ways.reshape(2, 2, 6)):
        prior = replace(FIRST, directions=directions)
        fit = HeadFit(l2=20.0, directions_l2=1.0, pi_weight=0)
        y = (x @ protein > 0).astype(float)
        empty, kinds = np.empty((0, 12)), np.zeros(16, int)
        examples = TrainingExamples((), (), x[:, None], y, np.ones(16), kinds, empty, None, {}, {})
        head = fit_head(prior, LearnerSettings(fit), examples)
        right.append(((fresh @ head.weights.ravel() > 0) == (fresh @ protein > 0)).mean())
    assert right[1] > right[0] + 0.02


def prior_covariance(head):
    """Covariance that the prior has along the directions of a head."""
    along = HeadFit().prior(12, head.directions.reshape(-1, 12), 1000)[1]
    return along.T @ along


def test_the_prior_does_not_widen_with_the_number_of_heads():
    common = np.random.default_rng(9).standard_normal(12)
    heads = [dataset(seed, common, 0.8)[0] for seed in range(12)]
    few, many = (np.trace(prior_covariance(combine(h, FIRST).generic)) for h in (heads[:3], heads))
    assert 0.5 < many / few < 2


def test_combining_a_combined_head_counts_each_dataset_once():
    common = np.random.default_rng(9).standard_normal(12)
    heads = [dataset(seed, common, 0.8)[0] for seed in range(4)]
    generic = combine(heads, FIRST).generic
    for again in (
        combine([generic], FIRST),
        combine([generic, generic], FIRST),
        combine([generic], generic),
    ):
        assert np.allclose(prior_covariance(again.generic), prior_covariance(generic))
    other = dataset(7, common, 0.8)[0]
    one, two = (combine(h, FIRST).generic for h in ([generic, other], [other, generic]))
    assert one.directions.shape == (5, 2, 6)
    assert np.allclose(prior_covariance(one), prior_covariance(two))


def test_the_covariance_of_the_shipped_prior_is_a_mean_over_its_proteins():
    with safe_open(SHIPPED, "numpy") as file:
        facts = json.loads(file.metadata()["features"])
    spec = FeatureSpec(**{**facts, "working_radii": (10.0, 20.0)})
    head = with_simulated_prior(Head(np.zeros((2, 256)), 0.0, spec))
    directions = head.directions.reshape(-1, 512)
    fit = HeadFit(caution=0)
    l2, along = fit.prior(512, directions, 10)
    mean = np.mean([np.outer(row, row) for row in directions], axis=0)
    assert l2 == fit.l2
    assert np.allclose(along.T @ along / l2, mean / fit.directions_l2)


def test_directions_are_saved_with_a_head(tmp_path):
    common = np.random.default_rng(9).standard_normal(12)
    generic = combine([dataset(seed, common, 0.8)[0] for seed in range(3)], FIRST).generic
    save_head(generic, tmp_path / "h.safetensors")
    assert np.allclose(load_head(tmp_path / "h.safetensors").directions, generic.directions)
    assert generic.directions.shape == (3, 2, 6)


def test_training_data_are_saved_with_a_head(tmp_path):
    head, _ = dataset(0, np.ones(12), 0.1)
    save_head(head, tmp_path / "h.safetensors")
    loaded = load_head(tmp_path / "h.safetensors").training_data
    assert np.allclose(loaded.features, head.training_data.features, atol=2e-3)
    assert np.array_equal(loaded.targets, head.training_data.targets)
    save_head(replace(head, training_data=None), tmp_path / "h.safetensors")
    assert load_head(tmp_path / "h.safetensors").training_data is None
